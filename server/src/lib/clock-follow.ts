/** Follows the simulator's clock over HTTP, so that server and simulated world live in one time. Used with `--simulator` only. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** The clock shows `now + (real time - real) * rate`; rate 0 = stepped by hand, 1 = real. */
interface Reading {
  now: number;
  real: number;
  rate: number;
  version: number;
}

export interface FollowedClock extends Clock {
  stop(): void;
}

/** @param url base of the simulator, e.g. `http://127.0.0.1:8791`. Resolves once the first reading is there. */
export async function followClock(url: string, onProblem: (message: string) => void): Promise<FollowedClock> {
  const follower = randomUUID();
  const listeners = new Set<() => void>();
  const abort = new AbortController();
  const fetchReading = async (query: string): Promise<Reading> => {
    const answer = await fetch(`${url}/__clock${query}`, { signal: abort.signal });
    if (!answer.ok) throw new Error(`the simulator's clock answered ${answer.status}`);
    return (await answer.json()) as Reading;
  };
  let reading = await fetchReading('');
  const follow = async () => {
    while (!abort.signal.aborted) {
      try {
        const next = await fetchReading(`?after=${reading.version}&follower=${follower}`);
        if (next.version === reading.version) continue;
        reading = next;
        for (const listener of listeners) listener();
      } catch (error) {
        if (abort.signal.aborted) return;
        onProblem(error instanceof Error ? error.message : String(error));
        await sleep(200, undefined, { signal: abort.signal }).catch(() => {});
      }
    }
  };
  void follow();
  const now = () => Math.floor(reading.now + (Date.now() - reading.real) * reading.rate);
  return {
    now,
    onJump(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    realDelayUntil(at) {
      const ahead = at - now();
      if (ahead <= 0) return 0;
      return reading.rate === 0 ? Infinity : ahead / reading.rate;
    },
    stop: () => abort.abort(),
  };
}
