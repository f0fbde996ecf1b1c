import type { EventTable } from '../../integrations/integration.ts';
import { iso, type Sql, statement } from '../pool.ts';

/** One version of an integration's settings as stored: secret fields are sealed, apart from the rest. */
export interface StoredIntegration {
  appId: number;
  integrationId: number;
  kind: string;
  version: number;
  settings: Record<string, unknown>;
  sealed: Record<string, string>;
  events: EventTable;
}

interface Row {
  app_id: number;
  id: number;
  kind: string;
  version: number;
  settings: Record<string, unknown>;
  sealed: Record<string, string>;
  events: EventTable;
}

function toIntegration(row: Row): StoredIntegration {
  return {
    appId: row.app_id,
    integrationId: row.id,
    kind: row.kind,
    version: row.version,
    settings: row.settings,
    sealed: row.sealed,
    events: row.events,
  };
}

const READ = statement(
  'integration_read',
  `select i.app_id, i.id, i.kind, i.version, v.settings, v.sealed, v.events
   from integration i join integration_version v on v.app_id = i.app_id and v.integration_id = i.id and v.version = i.version
   where i.app_id = $1 and i.kind = $2`,
);
/** The newest version. */
export async function readIntegration(sql: Sql, appId: number, kind: string): Promise<StoredIntegration | undefined> {
  const [row] = await sql.query<Row>(READ, [appId, kind]);
  return row && toIntegration(row);
}

const CREATE = statement(
  'integration_create',
  `insert into integration (app_id, kind, version, created_at) values ($1, $2, 0, $3)
   on conflict (app_id, kind) do nothing`,
);
const LOCK = statement('integration_lock', 'select id from integration where app_id = $1 and kind = $2 for update');
/**
 * Creates the integration if need be (then without any version, which nobody else sees) and holds back other changes of it
 * until the transaction ends.
 */
export async function lockIntegration(
  sql: Sql,
  appId: number,
  kind: string,
  now: number,
): Promise<{ integrationId: number }> {
  await sql.query(CREATE, [appId, kind, iso(now)]);
  const [row] = await sql.query<{ id: number }>(LOCK, [appId, kind]);
  return { integrationId: row!.id };
}

const APPEND = statement(
  'integration_append_version',
  `with next as (update integration set version = version + 1 where app_id = $1 and id = $2 returning version)
   insert into integration_version (app_id, integration_id, version, settings, sealed, events, author, created_at)
   select $1, $2, next.version, $3, $4, $5, $6, $7 from next
   returning version`,
);
/** Under the lock. @returns the new version */
export async function appendIntegrationVersion(
  sql: Sql,
  next: Omit<StoredIntegration, 'kind' | 'version'> & { author: string },
  now: number,
): Promise<number> {
  const [row] = await sql.query<{ version: number }>(APPEND, [
    next.appId,
    next.integrationId,
    JSON.stringify(next.settings),
    JSON.stringify(next.sealed),
    JSON.stringify(next.events),
    next.author,
    iso(now),
  ]);
  return row!.version;
}
