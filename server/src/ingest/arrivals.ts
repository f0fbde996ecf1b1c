/** Lets "Check" see its test notification come in at our own door. */
import type { Incoming } from './signal.ts';

export interface Arrivals {
  saw(incoming: Incoming): void;
  /** @returns true once a test message of this app whose dedupe key contains `token` has come in, now or within `timeoutMs` (real time). */
  wait(appId: number, token: string, timeoutMs: number): Promise<boolean>;
}

/** Test messages are rare; the last few are enough for one that arrives before anybody waits for it. */
const REMEMBERED = 50;

export function createArrivals(): Arrivals {
  const recent: { appId: number; key: string }[] = [];
  const waiting = new Set<{ appId: number; token: string; found(): void }>();
  return {
    saw({ app, signal }) {
      if (signal.ignored !== 'test') return;
      recent.push({ appId: app.id, key: signal.dedupeKey });
      if (recent.length > REMEMBERED) recent.shift();
      for (const waiter of waiting)
        if (waiter.appId === app.id && signal.dedupeKey.includes(waiter.token)) waiter.found();
    },
    wait(appId, token, timeoutMs) {
      if (recent.some((entry) => entry.appId === appId && entry.key.includes(token))) return Promise.resolve(true);
      return new Promise((done) => {
        const finish = (result: boolean) => {
          clearTimeout(timer);
          waiting.delete(waiter);
          done(result);
        };
        const waiter = { appId, token, found: () => finish(true) };
        const timer = setTimeout(() => finish(false), timeoutMs);
        waiting.add(waiter);
      });
    },
  };
}
