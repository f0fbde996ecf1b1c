import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Asks again and again until `ask` answers something other than undefined. Errors of `ask` count as "not yet"; the last one
 * is told when time is up.
 */
export async function until<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T | undefined>,
  everyMs = 50,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const why = last instanceof Error ? `: ${last.message}` : '';
      throw new Error(`${what}: not within ${timeoutMs} ms${why}`, { cause: last });
    }
    await sleep(everyMs);
  }
}
