/** Refused notifications leave nothing but a counter per app, store, day and code; written now and then, in one statement. */
import type { ErrorCode } from '../errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Database } from '../storage/pool.ts';
import { addRejections } from '../storage/queries/rejection.ts';

export interface Rejections {
  count(appId: number, store: string, code: ErrorCode): void;
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const FLUSH_MS = 2_000;

export function createRejections({ db, clock, log }: { db: Database; clock: Clock; log: Log }): Rejections {
  let counts = new Map<string, { appId: number; store: string; day: string; code: string; count: number }>();
  const flush = async () => {
    if (counts.size === 0) return;
    const rows = [...counts.values()];
    counts = new Map();
    await addRejections(db, rows).catch((error: unknown) =>
      log.warn({ err: error }, 'Rejection counters could not be written'),
    );
  };
  const timer = setInterval(() => void flush(), FLUSH_MS);
  timer.unref();
  return {
    count(appId, store, code) {
      const day = new Date(clock.now()).toISOString().slice(0, 10);
      const key = `${appId}:${store}:${day}:${code}`;
      const entry = counts.get(key);
      if (entry) entry.count++;
      else counts.set(key, { appId, store, day, code, count: 1 });
    },
    flush,
    async stop() {
      clearInterval(timer);
      await flush();
    },
  };
}
