import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type Database, openDatabase } from '../src/storage/pool.ts';

export interface TestDatabase {
  db: Database;
  url: string;
  /** Any SQL, for arranging and asserting. */
  sql<Row extends object = Record<string, unknown>>(text: string, values?: unknown[]): Promise<Row[]>;
  close(): Promise<void>;
}

/** A fresh, migrated, empty database of its own. */
export async function testDatabase({ size = 8 }: { size?: number } = {}): Promise<TestDatabase> {
  const admin = inject('postgresUrl');
  const name = `test_${randomBytes(6).toString('hex')}`;
  await once(admin, `create database ${name} template pianola_template`);
  const url = admin.replace('/postgres?', `/${name}?`);
  const db = openDatabase(url, { size });
  let ad = 0;
  return {
    db,
    url,
    sql: (text, values = []) => db.query({ name: `test_${ad++}_${text.length}`, text }, values),
    async close() {
      await db.close();
      await once(admin, `drop database ${name} with (force)`);
    },
  };
}

async function once(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text).finally(() => client.end());
}
