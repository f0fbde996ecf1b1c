import { iso, type Sql, statement } from '../pool.ts';

export type Scope = 'read' | 'write';

export interface ApiKey {
  id: string;
  /** Null = the whole installation. */
  appId: number | null;
  name: string;
  scopes: Scope[];
  createdAt: number;
  expiresAt: number | null;
  revokedAt: number | null;
}

interface Row {
  id: string;
  app_id: number | null;
  name: string;
  scopes: Scope[];
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
}

const COLUMNS = 'id, app_id, name, scopes, created_at, expires_at, revoked_at';

function toKey(row: Row): ApiKey {
  return {
    id: row.id,
    appId: row.app_id,
    name: row.name,
    scopes: row.scopes,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    revokedAt: row.revoked_at,
  };
}

const INSERT = statement(
  'api_key_insert',
  'insert into api_key (id, app_id, name, hash, scopes, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7)',
);
/** `hash` is the SHA-256 of the key; the key itself is stored nowhere. */
export async function insertApiKey(sql: Sql, key: Omit<ApiKey, 'revokedAt'>, hash: Uint8Array): Promise<void> {
  await sql.query(INSERT, [
    key.id,
    key.appId,
    key.name,
    hash,
    key.scopes,
    iso(key.createdAt),
    key.expiresAt === null ? null : iso(key.expiresAt),
  ]);
}

const BY_HASH = statement('api_key_by_hash', `select ${COLUMNS} from api_key where hash = $1`);
export async function apiKeyByHash(sql: Sql, hash: Uint8Array): Promise<ApiKey | undefined> {
  const [row] = await sql.query<Row>(BY_HASH, [hash]);
  return row && toKey(row);
}

const LIST = statement('api_key_list', `select ${COLUMNS} from api_key order by created_at, id`);
export async function listApiKeys(sql: Sql): Promise<ApiKey[]> {
  return (await sql.query<Row>(LIST, [])).map(toKey);
}

const REVOKE = statement(
  'api_key_revoke',
  'update api_key set revoked_at = coalesce(revoked_at, $2) where id = $1 returning id',
);
/** @returns false when there is no such key; revoking twice keeps the first time. */
export async function revokeApiKey(sql: Sql, id: string, now: number): Promise<boolean> {
  return (await sql.query(REVOKE, [id, iso(now)])).length > 0;
}
