/** The history of the ids under which integrations know an owner; the newest of each name is also on the owner. */
import { iso, type Sql, statement } from '../pool.ts';

export interface IntegrationIdEntry {
  name: string;
  value: string;
  setAt: number;
}

const INSERT = statement(
  'integration_id_insert',
  `insert into integration_id (app_id, owner_id, name, value, set_at)
   select $1, owner_id, $3, $4, $5 from unnest($2::uuid[]) as owner_id`,
);
export async function insertIntegrationIds(
  sql: Sql,
  appId: number,
  ownerIds: readonly string[],
  name: string,
  value: string,
  now: number,
): Promise<void> {
  await sql.query(INSERT, [appId, ownerIds, name, value, iso(now)]);
}

const HISTORY = statement(
  'integration_id_history',
  `select name, value, set_at from integration_id where app_id = $1 and owner_id = $2 order by set_at desc, id desc limit 100`,
);
/** Newest first, a hundred at most. */
export async function integrationIdHistory(sql: Sql, appId: number, ownerId: string): Promise<IntegrationIdEntry[]> {
  const rows = await sql.query<{ name: string; value: string; set_at: number }>(HISTORY, [appId, ownerId]);
  return rows.map((row) => ({ name: row.name, value: row.value, setAt: row.set_at }));
}
