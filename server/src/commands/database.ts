/** The database for commands that work on it directly: the configured one, the one a running server has, or our own for a moment. */
import type { Config } from '../config.ts';
import { runningEmbedded, startEmbedded } from '../storage/embedded.ts';
import { migrate } from '../storage/migrate.ts';
import { type Database, openDatabase } from '../storage/pool.ts';

export async function withDatabaseUrl<T>(config: Config, work: (url: string) => Promise<T>): Promise<T> {
  const url = config.databaseUrl ?? runningEmbedded(config.dataDir);
  if (url !== null) return work(url);
  const embedded = await startEmbedded({ dataDir: config.dataDir });
  try {
    return await work(embedded.url);
  } finally {
    await embedded.stop();
  }
}

/** Migrated, so that a key can be made before the first start. */
export function withDatabase<T>(config: Config, work: (db: Database) => Promise<T>): Promise<T> {
  return withDatabaseUrl(config, async (url) => {
    await migrate(url, Date.now());
    const db = openDatabase(url, { size: 2 });
    try {
      return await work(db);
    } finally {
      await db.close();
    }
  });
}
