/**
 * The time of the simulated world. Three modes: `real` runs at the speed of the machine's clock, `fast` at `rate` times that,
 * `stepped` stands still and moves only when told. In every mode the clock shows `now + (Date.now() - real) * rate`, which is all a
 * follower needs to keep showing the same time by itself. It never goes backwards: signed dates already handed out would lie ahead.
 */
import { Problem } from '../http/problem.ts';

export const CLOCK_MODES = ['real', 'fast', 'stepped'] as const;
export type ClockMode = (typeof CLOCK_MODES)[number];

export interface ClockState {
  mode: ClockMode;
  /** Epoch ms shown at the real time `real`. */
  now: number;
  real: number;
  /** 0 = stepped, 1 = real. */
  rate: number;
  /** Moves with every change, so that followers notice. */
  version: number;
}

export interface ClockChange {
  mode: ClockMode;
  /** Of `fast`; 60 = a minute a second. */
  rate?: number;
}

export class SimulatedClock {
  #state: ClockState;
  #shown = 0;
  readonly #listeners = new Set<() => void>();
  readonly #realNow: () => number;

  /** `saved` continues an earlier clock: time has gone on by its formula, as it does in the world while nobody looks. */
  constructor(saved?: ClockState, realNow: () => number = Date.now) {
    this.#realNow = realNow;
    const real = realNow();
    this.#state = saved ?? { mode: 'real', now: real, real, rate: 1, version: 1 };
  }

  /** Epoch ms. */
  now(): number {
    const { now, real, rate } = this.#state;
    // The machine's own clock may be set back; ours then waits for it.
    this.#shown = Math.max(this.#shown, Math.floor(now + (this.#realNow() - real) * rate));
    return this.#shown;
  }

  state(): ClockState {
    return { ...this.#state, now: this.now(), real: this.#realNow() };
  }

  get version(): number {
    return this.#state.version;
  }

  get rate(): number {
    return this.#state.rate;
  }

  /** Changes mode and speed; the time shown stays. */
  set(change: ClockChange): void {
    const rate = change.mode === 'stepped' ? 0 : change.mode === 'real' ? 1 : (change.rate ?? 60);
    this.#replace({ ...this.state(), mode: change.mode, rate });
  }

  /** Moves forward to `to` (epoch ms). */
  moveTo(to: number): void {
    if (to < this.now()) throw backwards(to, this.now());
    this.#replace({ ...this.state(), now: to });
  }

  /** Called after each change. Returns the un-subscribe. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #replace(state: ClockState): void {
    this.#state = { ...state, version: this.#state.version + 1 };
    for (const listener of this.#listeners) listener();
  }
}

export function backwards(to: number, now: number): Problem {
  const message = `The clock shows ${new Date(now).toISOString()} and cannot go back to ${new Date(to).toISOString()}.`;
  return new Problem(409, 'clock_backwards', message, 'Give a later time, or start again with an empty data folder.');
}
