/**
 * Moves the clock and lets due things happen on the way. A jump over several of them stops at each: the clock shows its time, the
 * followers have acknowledged that, then it runs (and is waited for), then the journey goes on. In running modes a timer wakes at the
 * next due time. One journey at a time.
 */
import { Agenda, type Due } from './agenda.ts';
import { backwards, type ClockChange, type SimulatedClock } from './clock.ts';
import { Followers } from './followers.ts';

/** Node's timers overflow beyond this. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Timeline {
  readonly clock: SimulatedClock;
  readonly followers: Followers;
  readonly #agenda = new Agenda();
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(clock: SimulatedClock) {
    this.clock = clock;
    this.followers = new Followers(clock);
    clock.onChange(() => this.#arm());
  }

  now(): number {
    return this.clock.now();
  }

  /** Plans `run` for the simulated time `at`; what is overdue already runs next. Returns the cancel. */
  plan(at: number, run: Due['run']): () => void {
    const cancel = this.#agenda.plan({ at, run });
    this.#arm();
    return cancel;
  }

  /**
   * Goes forward, stopping at everything due on the way; then to the new mode, if one is given. The goal is a time, or computed from the
   * one the clock shows when the journey's turn has come: a running clock moves on while it waits.
   */
  travel(goal: number | ((now: number) => number), change?: ClockChange): Promise<void> {
    return this.#inTurn(async () => {
      const now = this.clock.now();
      const to = typeof goal === 'number' ? goal : goal(now);
      if (to < now) throw backwards(to, now);
      for (let next = this.#agenda.next(); next !== null && next <= to && !this.#stopped; next = this.#agenda.next()) {
        await this.#moveTo(Math.max(next, this.clock.now()));
        await this.#runDue(this.clock.now());
      }
      await this.#moveTo(Math.max(to, this.clock.now()));
      if (change) {
        this.clock.set(change);
        await this.followers.acknowledged();
      }
    });
  }

  /** Changes mode and speed where the clock stands. `real` also catches up with the machine's clock when ours is behind it. */
  change(change: ClockChange): Promise<void> {
    return this.travel((now) => (change.mode === 'real' ? Math.max(now, Date.now()) : now), change);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #moveTo(at: number): Promise<void> {
    // A running clock may have gone past `at` since it was computed.
    if (at <= this.clock.now()) return;
    this.clock.moveTo(at);
    await this.followers.acknowledged();
  }

  async #runDue(now: number): Promise<void> {
    for (let due = this.#agenda.take(now); due && !this.#stopped; due = this.#agenda.take(now)) {
      try {
        await due.run(due.at);
      } catch (error) {
        // One subscriber's trouble must not stop the world.
        console.error(error);
      }
    }
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const next = this.#agenda.next();
    const late = next !== null && next <= this.clock.now();
    if (next === null || this.#stopped || (this.clock.rate === 0 && !late)) return;
    const delay = late ? 0 : Math.ceil((next - this.clock.now()) / this.clock.rate);
    const wake = (): void => void this.#inTurn(() => this.#runDue(this.clock.now())).then(() => this.#arm());
    this.#timer = setTimeout(wake, Math.min(delay, LONGEST_TIMER_MS));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
