import { describe, expect, it } from 'vitest';
import { SimulatedClock } from './clock.ts';

const START = Date.UTC(2026, 0, 1);

/** A machine clock moved by hand. */
function machine(): { now: () => number; pass(ms: number): void } {
  let at = START;
  return { now: () => at, pass: (ms) => void (at += ms) };
}

describe('clock', () => {
  it('begins as the real time', () => {
    const real = machine();
    const clock = new SimulatedClock(undefined, real.now);
    real.pass(1_500);
    expect(clock.now()).toBe(START + 1_500);
    expect(clock.state()).toEqual({ mode: 'real', now: START + 1_500, real: START + 1_500, rate: 1, version: 1 });
  });

  it('runs fast from where it stands', () => {
    const real = machine();
    const clock = new SimulatedClock(undefined, real.now);
    real.pass(1_000);
    clock.set({ mode: 'fast', rate: 3_600 });
    real.pass(2_000);
    expect(clock.now()).toBe(START + 1_000 + 2_000 * 3_600);
  });

  it('stands still when stepped, and moves only when told', () => {
    const real = machine();
    const clock = new SimulatedClock(undefined, real.now);
    clock.set({ mode: 'stepped' });
    real.pass(60_000);
    expect(clock.now()).toBe(START);
    clock.moveTo(START + 86_400_000);
    real.pass(60_000);
    expect(clock.now()).toBe(START + 86_400_000);
  });

  it('never goes backwards: neither told to, nor with the machine, nor across a restart', () => {
    const real = machine();
    const clock = new SimulatedClock(undefined, real.now);
    clock.moveTo(START + 10_000);
    expect(() => clock.moveTo(START + 9_999)).toThrow('cannot go back');
    real.pass(-5_000);
    expect(clock.now()).toBe(START + 10_000);
    real.pass(8_000);
    const restarted = new SimulatedClock(JSON.parse(JSON.stringify(clock.state())), real.now);
    expect(restarted.now()).toBe(clock.now());
  });

  it('gives each change a new version and tells its listeners', () => {
    const clock = new SimulatedClock();
    const seen: number[] = [];
    const unsubscribe = clock.onChange(() => seen.push(clock.version));
    clock.set({ mode: 'stepped' });
    clock.moveTo(clock.now() + 1);
    unsubscribe();
    clock.moveTo(clock.now() + 1);
    expect(seen).toEqual([2, 3]);
    expect(clock.version).toBe(4);
  });

  it('shows what a follower computes from its state alone', () => {
    const real = machine();
    const clock = new SimulatedClock(undefined, real.now);
    clock.set({ mode: 'fast', rate: 60 });
    const { now, real: at, rate } = clock.state();
    real.pass(777);
    expect(now + (real.now() - at) * rate).toBe(clock.now());
  });
});
