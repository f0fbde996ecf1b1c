import { iso, type Sql, statement } from '../pool.ts';

const INSERT = statement(
  'account_token_insert',
  `insert into account_token (app_id, token_key, owner_id, created_at) values ($1, $2, $3, $4)
   on conflict (app_id, token_key) do nothing returning token_key`,
);
const OWNER = statement(
  'account_token_owner',
  'select owner_id from account_token where app_id = $1 and token_key = $2',
);
/**
 * Registers a token (lower case) unless somebody has it.
 * @returns whose token it is now, and whether that is new
 */
export async function registerAccountToken(
  sql: Sql,
  token: { appId: number; tokenKey: string; ownerId: string },
  now: number,
): Promise<{ ownerId: string; created: boolean }> {
  const inserted = await sql.query(INSERT, [token.appId, token.tokenKey, token.ownerId, iso(now)]);
  if (inserted.length > 0) return { ownerId: token.ownerId, created: true };
  const [row] = await sql.query<{ owner_id: string }>(OWNER, [token.appId, token.tokenKey]);
  return { ownerId: row!.owner_id, created: false };
}

const LIST = statement(
  'account_token_list',
  'select token_key, created_at from account_token where app_id = $1 and owner_id = $2 order by created_at, token_key limit 100',
);
/** The first hundred tokens of a user. */
export async function listAccountTokens(
  sql: Sql,
  appId: number,
  ownerId: string,
): Promise<{ token: string; createdAt: number }[]> {
  const rows = await sql.query<{ token_key: string; created_at: number }>(LIST, [appId, ownerId]);
  return rows.map((row) => ({ token: row.token_key, createdAt: row.created_at }));
}
