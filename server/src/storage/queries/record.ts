import type { RecordState } from '../../lifecycle/record.ts';
import { iso, type Sql, statement } from '../pool.ts';

const LOAD = statement(
  'record_load',
  'select r.app_id, r.id, r.state from unnest($1::int[], $2::text[]) as k (app_id, id) join record r using (app_id, id)',
);
/** By `${appId}:${id}`. */
export async function loadRecords(
  sql: Sql,
  keys: readonly { appId: number; id: string }[],
): Promise<Map<string, RecordState>> {
  if (keys.length === 0) return new Map();
  const rows = await sql.query<{ app_id: number; id: string; state: RecordState }>(LOAD, [
    keys.map((key) => key.appId),
    keys.map((key) => key.id),
  ]);
  return new Map(rows.map((row) => [`${row.app_id}:${row.id}`, row.state]));
}

export interface ReturningKey {
  appId: number;
  store: string;
  environment: string;
  productId: string;
  ownerId: string | null;
  accountKey: string | null;
}
const RETURNING = statement(
  'record_returning',
  `select k.position, r.state
   from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[]) with ordinality
     as k (app_id, store, environment, product_id, owner_id, account_key, position)
   cross join lateral (
     select state from (
       select r.* from record r where r.app_id = k.app_id and r.owner_id = k.owner_id and r.product_id = k.product_id
       union all
       select r.* from record r where r.app_id = k.app_id and r.account_key = k.account_key and r.product_id = k.product_id) r
     where r.store = k.store and r.environment = k.environment
       and r.status in ('DEACTIVATED', 'UNPAID', 'REVOKED') and not r.family_shared
     order by r.updated_at desc limit 1) r`,
);
/**
 * The ended record of a returning customer: same owner, or same store account key, and product (ruling 12).
 * @returns by the index of the key in `keys`
 */
export async function loadReturning(sql: Sql, keys: readonly ReturningKey[]): Promise<Map<number, RecordState>> {
  if (keys.length === 0) return new Map();
  const rows = await sql.query<{ position: number; state: RecordState }>(RETURNING, [
    keys.map((key) => key.appId),
    keys.map((key) => key.store),
    keys.map((key) => key.environment),
    keys.map((key) => key.productId),
    keys.map((key) => key.ownerId),
    keys.map((key) => key.accountKey),
  ]);
  return new Map(rows.map((row) => [row.position - 1, row.state]));
}

export interface RecordRow {
  appId: number;
  /** Our chain id (`chain.id`). */
  chainId: string;
  /** Lower case. */
  accountKey: string | null;
  state: RecordState;
}
const UPSERT = statement(
  'record_upsert',
  `insert into record (app_id, id, store, environment, chain_id, owner_id, account_key, purchase_type, product_id, status, family_shared, sequence,
     opened_at, effective_end_at, state, updated_at)
   select *, $16 from rows from (unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::text[],
     $11::boolean[], $12::int[], $13::timestamptz[], $14::timestamptz[]), jsonb_array_elements($15::jsonb))
   on conflict (app_id, id) do update set chain_id = excluded.chain_id, owner_id = excluded.owner_id, account_key = excluded.account_key,
     product_id = excluded.product_id, status = excluded.status, sequence = excluded.sequence, effective_end_at = excluded.effective_end_at,
     state = excluded.state, updated_at = excluded.updated_at`,
);
export async function upsertRecords(sql: Sql, rows: readonly RecordRow[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(UPSERT, [
    rows.map((row) => row.appId),
    rows.map((row) => row.state.id),
    rows.map((row) => row.state.store),
    rows.map((row) => row.state.environment),
    rows.map((row) => row.chainId),
    rows.map((row) => row.state.ownerId),
    rows.map((row) => row.accountKey),
    rows.map((row) => row.state.purchaseType),
    rows.map((row) => row.state.productId),
    rows.map((row) => row.state.status),
    rows.map((row) => row.state.familyShared),
    rows.map((row) => row.state.sequence),
    rows.map((row) => iso(row.state.openedAt)),
    rows.map((row) => (row.state.effectiveEndAt === null ? null : iso(row.state.effectiveEndAt))),
    JSON.stringify(rows.map((row) => row.state)),
    iso(now),
  ]);
}
