import { type Sql, statement } from '../pool.ts';

/** Tables partitioned by UTC day. */
export const PARTITIONED = ['signal', 'attempt'] as const;

const EXISTING = statement(
  'partition_existing',
  `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
   where p.relname = any ($1::text[])`,
);
export async function existingPartitions(sql: Sql): Promise<Set<string>> {
  const rows = await sql.query<{ name: string }>(EXISTING, [PARTITIONED]);
  return new Set(rows.map((row) => row.name));
}

/** @param day `YYYY-MM-DD`, UTC */
export function partitionName(table: (typeof PARTITIONED)[number], day: string): string {
  return `${table}_${day.replaceAll('-', '')}`;
}

const PATIENCE = statement('partition_patience', "set local lock_timeout = '1s'");
/** Gives up after a second rather than queue everybody else behind its lock. Inside a transaction. */
export async function createPartition(
  sql: Sql,
  table: (typeof PARTITIONED)[number],
  day: string,
  nextDay: string,
): Promise<void> {
  if (!/^\d{4}-\d\d-\d\d$/.test(day) || !/^\d{4}-\d\d-\d\d$/.test(nextDay))
    throw new RangeError(`not a day: ${day}, ${nextDay}`);
  const name = partitionName(table, day);
  await sql.query(PATIENCE, []);
  // Utility statements take no parameters; both values were checked above.
  await sql.query(
    statement(
      `partition_create_${name}`,
      `create table if not exists ${name} partition of ${table} for values from ('${day}Z') to ('${nextDay}Z')`,
    ),
    [],
  );
}
