import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SimulatedClock } from './clock.ts';
import { Timeline } from './timeline.ts';

const never = new AbortController().signal;
let timeline: Timeline;
let start: number;

beforeEach(async () => {
  timeline = new Timeline(new SimulatedClock());
  await timeline.change({ mode: 'stepped' });
  start = timeline.now();
});
afterEach(() => timeline.stop());

/** Follows the clock as a server does; notes every time it was told. */
async function follow(id: string, seen: number[], signal: AbortSignal): Promise<void> {
  let version = timeline.clock.version;
  while (!signal.aborted) {
    await timeline.followers.poll(id, version, signal);
    version = timeline.clock.version;
    seen.push(timeline.now());
  }
}

describe('timeline', () => {
  it('stops at each due thing on the way, at its own time, and waits for it', async () => {
    const log: string[] = [];
    const note = (name: string) => async (at: number) => {
      await new Promise((resolve) => setTimeout(resolve, 2));
      log.push(`${name} at ${at - start}, clock at ${timeline.now() - start}`);
    };
    timeline.plan(start + 2_000, note('second'));
    timeline.plan(start + 1_000, note('first'));
    timeline.plan(start + 9_000, note('later'));
    await timeline.travel(start + 5_000);
    expect(log).toEqual(['first at 1000, clock at 1000', 'second at 2000, clock at 2000']);
    expect(timeline.now()).toBe(start + 5_000);
  });

  it('also runs what due things plan on the way, period after period', async () => {
    const periods: number[] = [];
    const renew = (at: number): void => {
      periods.push(at - start);
      timeline.plan(at + 100, renew);
    };
    timeline.plan(start + 100, renew);
    await timeline.travel(start + 450);
    expect(periods).toEqual([100, 200, 300, 400]);
  });

  it('goes on when a due thing fails', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const seen: string[] = [];
    timeline.plan(start + 1, () => Promise.reject(new Error('expected in this test')));
    timeline.plan(start + 2, () => void seen.push('next'));
    await timeline.travel(start + 3);
    expect(seen).toEqual(['next']);
    expect(reported).toHaveBeenCalledOnce();
    reported.mockRestore();
  });

  it('refuses to travel back', async () => {
    await expect(timeline.travel(start - 1)).rejects.toMatchObject({ code: 'clock_backwards', status: 409 });
    expect(timeline.now()).toBe(start);
  });

  it('changes a running clock without losing the race against it', async () => {
    await timeline.change({ mode: 'fast', rate: 1_000_000 });
    const goals = Array.from({ length: 20 }, () => timeline.travel((now) => now));
    await expect(Promise.all([...goals, timeline.change({ mode: 'stepped' })])).resolves.toHaveLength(21);
  });

  it('runs what falls due while the clock runs fast', async () => {
    const at = await new Promise<number>((resolve) => {
      timeline.plan(start + 3_600_000, resolve);
      void timeline.change({ mode: 'fast', rate: 1_000_000 });
    });
    expect(at).toBe(start + 3_600_000);
    expect(timeline.now()).toBeGreaterThanOrEqual(at);
  });

  it('catches up with the real time when told to be real', async () => {
    const stale = new SimulatedClock({ mode: 'stepped', now: 1_000, real: Date.now(), rate: 0, version: 7 });
    const late = new Timeline(stale);
    const due: number[] = [];
    late.plan(2_000, (at) => void due.push(at));
    await late.change({ mode: 'real' });
    expect(due).toEqual([2_000]);
    expect(Math.abs(late.now() - Date.now())).toBeLessThan(60_000);
    late.stop();
  });
});

describe('followers', () => {
  it('are told of every stop, and have said so before the journey goes on', async () => {
    const stop = new AbortController();
    const seen: number[] = [];
    void follow('server', seen, stop.signal);
    const atDue: number[][] = [];
    timeline.plan(start + 1_000, () => void atDue.push([...seen]));
    timeline.plan(start + 2_000, () => void atDue.push([...seen]));
    await timeline.travel(start + 3_000);
    expect(atDue).toEqual([[start + 1_000], [start + 1_000, start + 2_000]]);
    expect(seen).toEqual([start + 1_000, start + 2_000, start + 3_000]);
    stop.abort();
  });

  it('answers at once who shows another version', async () => {
    await expect(timeline.followers.poll('server', timeline.clock.version - 1, never)).resolves.toBeUndefined();
    await expect(timeline.followers.poll(null, 999, never)).resolves.toBeUndefined();
  });

  it('answers after the poll time though nothing changed, and when the caller goes away', async () => {
    await expect(timeline.followers.poll('server', timeline.clock.version, never, 5)).resolves.toBeUndefined();
    const gone = new AbortController();
    const poll = timeline.followers.poll('server', timeline.clock.version, gone.signal);
    gone.abort();
    await expect(poll).resolves.toBeUndefined();
  });

  it('forgets one that does not come back, so that it holds up one change only', async () => {
    await timeline.followers.poll('dead', timeline.clock.version, never, 1);
    timeline.clock.moveTo(start + 1);
    expect(await timeline.followers.acknowledged(20)).toEqual(['dead']);
    timeline.clock.moveTo(start + 2);
    expect(await timeline.followers.acknowledged(60_000)).toEqual([]);
  });

  it('does not wait for who gives no id', async () => {
    await timeline.followers.poll(null, timeline.clock.version, never, 1);
    timeline.clock.moveTo(start + 1);
    expect(await timeline.followers.acknowledged(60_000)).toEqual([]);
  });
});
