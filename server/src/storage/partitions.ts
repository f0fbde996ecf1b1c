/**
 * Keeps today's and the next days' partitions ready. A row of a day that has none (a clock that jumped) goes to the default
 * partition: slower to drop later, never lost.
 */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Database } from './pool.ts';
import { createPartition, existingPartitions, PARTITIONED, partitionName } from './queries/partition.ts';

const DAY_MS = 86_400_000;
const DAYS_AHEAD = 2;
const LOOK_MS = 600_000;

export async function ensurePartitions(db: Database, now: number, log: Log): Promise<void> {
  const existing = await existingPartitions(db);
  for (const table of PARTITIONED) {
    for (let ahead = 0; ahead <= DAYS_AHEAD; ahead++) {
      const day = dayOf(now + ahead * DAY_MS);
      if (existing.has(partitionName(table, day))) continue;
      await db
        .transaction((sql) => createPartition(sql, table, day, dayOf(now + (ahead + 1) * DAY_MS)))
        .catch((error: unknown) =>
          log.debug({ err: error, table, day }, 'Partition not made; rows of that day go to the default one'),
        );
    }
  }
}

/** Looks at start, every ten minutes and whenever the clock jumps. */
export function keepPartitions(db: Database, clock: Clock, log: Log): { stop(): void } {
  let running: Promise<void> | null = null;
  const look = () => {
    running ??= ensurePartitions(db, clock.now(), log)
      .catch((error: unknown) => log.warn({ err: error }, 'Partitions could not be looked at'))
      .finally(() => {
        running = null;
      });
  };
  const timer = setInterval(look, LOOK_MS);
  timer.unref();
  const unsubscribe = clock.onJump(look);
  return {
    stop() {
      clearInterval(timer);
      unsubscribe();
    },
  };
}

function dayOf(at: number): string {
  return new Date(at).toISOString().slice(0, 10);
}
