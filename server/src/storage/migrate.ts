/**
 * Numbered SQL files, each applied once, in one transaction that first records its own number, under one advisory lock.
 * A file whose first line is `-- breaking` may not be used by older code: older code then refuses to start.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { PianolaError } from '../errors.ts';

interface Migration {
  number: number;
  name: string;
  text: string;
  breaking: boolean;
}

const FOLDER = join(import.meta.dirname, 'migrations');
/** Any fixed number that no other program in the database uses. */
const LOCK = 7_264_251;

export function listMigrations(folder = FOLDER): Migration[] {
  return readdirSync(folder)
    .filter((name) => /^\d{4}_[a-z0-9_]+\.sql$/.test(name))
    .toSorted()
    .map((name, index) => {
      const number = Number(name.slice(0, 4));
      if (number !== index + 1) throw new Error(`migration ${name} is out of order`);
      const text = readFileSync(join(folder, name), 'utf8');
      return { number, name: name.slice(5, -4), text, breaking: text.startsWith('-- breaking') };
    });
}

/**
 * Brings the database up to this code's schema. Safe to run from several processes at once.
 * @param now epoch ms, recorded as the time of application
 * @returns the numbers applied
 * @throws PianolaError schema_newer when the database holds a breaking migration this code does not know
 */
export async function migrate(url: string, now: number, migrations = listMigrations()): Promise<number[]> {
  const client = new pg.Client({ connectionString: url, application_name: 'pianola migrate' });
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await client.query(
      'create table if not exists schema_migration (number integer primary key, name text not null, breaking boolean not null, applied_at timestamptz not null)',
    );
    const { rows } = await client.query<{ number: number; name: string; breaking: boolean }>(
      'select number, name, breaking from schema_migration',
    );
    const known = new Set(migrations.map((migration) => migration.number));
    const foreign = rows.find((row) => row.breaking && !known.has(row.number));
    if (foreign)
      throw new PianolaError('schema_newer', `Migration ${foreign.number} (${foreign.name}) is unknown here.`);
    const applied = new Set(rows.map((row) => row.number));
    const missing = migrations.filter((migration) => !applied.has(migration.number));
    for (const { number, name, text, breaking } of missing) {
      await client.query('begin');
      await client.query('insert into schema_migration values ($1, $2, $3, $4)', [
        number,
        name,
        breaking,
        new Date(now),
      ]);
      await client.query(text);
      await client.query('commit');
    }
    return missing.map((migration) => migration.number);
  } finally {
    // Ends the session, and with it the lock and any open transaction.
    await client.end();
  }
}
