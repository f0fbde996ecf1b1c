import type { Environment } from '../../events/event.ts';
import { iso, type Sql, statement } from '../pool.ts';

export interface ChainRow {
  appId: number;
  /** `hashUuid('chain', app, store, environment, store chain id)`. */
  id: string;
  store: string;
  environment: Environment;
  storeChainId: string;
  shard: number;
  ownerId: string | null;
  /** Lower case. */
  accountKey: string | null;
  memory: unknown;
  /** Epoch ms. */
  statusAt: number | null;
  recordIds: string[];
}

const TRY_LOCK = statement(
  'chain_try_lock',
  'select key from unnest($1::bigint[]) as key where pg_try_advisory_xact_lock(key)',
);
/** Locks what nobody holds, without waiting, until the transaction ends. @returns the keys now held */
export async function tryLock(sql: Sql, keys: readonly number[]): Promise<Set<number>> {
  if (keys.length === 0) return new Set();
  const rows = await sql.query<{ key: number }>(TRY_LOCK, [keys]);
  return new Set(rows.map((row) => row.key));
}

const LOCK = statement(
  'chain_lock',
  // The order is the caller's: a sort of the set before locking keeps two waiting lockers from embracing each other.
  'select count(pg_advisory_xact_lock(key)) from (select key from unnest($1::bigint[]) as key order by key offset 0) ordered',
);
/** Locks all keys in ascending order, waiting as long as it takes. */
export async function lock(sql: Sql, keys: readonly number[]): Promise<void> {
  if (keys.length > 0) await sql.query(LOCK, [keys]);
}

const LOAD = statement(
  'chain_load',
  `select k.app_id, k.id, c.store, c.environment, c.store_chain_id, c.shard, c.owner_id, c.account_key, c.memory, c.status_at, c.record_ids,
     c.id is not null as known,
     (select max(p.due_at) from signal_pending p where p.app_id = k.app_id and p.chain_id = k.id) as pending_until
   from unnest($1::int[], $2::uuid[]) as k (app_id, id) left join chain c using (app_id, id)`,
);
export interface LoadedChain {
  chain: ChainRow | null;
  /** The latest due time of what is pending; null = nothing is. */
  pendingUntil: number | null;
}
/** By `${appId}:${id}`; unknown chains are there with `chain` null. Lock first, then load: the order matters. */
export async function loadChains(
  sql: Sql,
  keys: readonly { appId: number; id: string }[],
): Promise<Map<string, LoadedChain>> {
  if (keys.length === 0) return new Map();
  const rows = await sql.query<{
    app_id: number;
    id: string;
    store: string;
    environment: Environment;
    store_chain_id: string;
    shard: number;
    owner_id: string | null;
    account_key: string | null;
    memory: unknown;
    status_at: number | null;
    record_ids: string[];
    known: boolean;
    pending_until: number | null;
  }>(LOAD, [keys.map((key) => key.appId), keys.map((key) => key.id)]);
  return new Map(
    rows.map((row) => [
      `${row.app_id}:${row.id}`,
      {
        pendingUntil: row.pending_until,
        chain: row.known
          ? {
              appId: row.app_id,
              id: row.id,
              store: row.store,
              environment: row.environment,
              storeChainId: row.store_chain_id,
              shard: row.shard,
              ownerId: row.owner_id,
              accountKey: row.account_key,
              memory: row.memory,
              statusAt: row.status_at,
              recordIds: row.record_ids,
            }
          : null,
      },
    ]),
  );
}

const UPSERT = statement(
  'chain_upsert',
  `insert into chain (app_id, id, store, environment, store_chain_id, shard, owner_id, account_key, memory, status_at, record_ids, created_at, updated_at)
   select app_id, id, store, environment, store_chain_id, shard, owner_id, account_key, memory, status_at, string_to_array(record_ids, ','), $12, $12
   from unnest($1::int[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::smallint[], $7::uuid[], $8::text[], $9::jsonb[], $10::timestamptz[], $11::text[])
   as t (app_id, id, store, environment, store_chain_id, shard, owner_id, account_key, memory, status_at, record_ids)
   on conflict (app_id, id) do update set owner_id = excluded.owner_id, account_key = excluded.account_key, memory = excluded.memory,
     status_at = excluded.status_at, record_ids = excluded.record_ids, updated_at = excluded.updated_at`,
);
export async function upsertChains(sql: Sql, rows: readonly ChainRow[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(UPSERT, [
    rows.map((row) => row.appId),
    rows.map((row) => row.id),
    rows.map((row) => row.store),
    rows.map((row) => row.environment),
    rows.map((row) => row.storeChainId),
    rows.map((row) => row.shard),
    rows.map((row) => row.ownerId),
    rows.map((row) => row.accountKey),
    rows.map((row) => (row.memory === null || row.memory === undefined ? null : JSON.stringify(row.memory))),
    rows.map((row) => (row.statusAt === null ? null : iso(row.statusAt))),
    rows.map((row) => row.recordIds.join(',')),
    iso(now),
  ]);
}
