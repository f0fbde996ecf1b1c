import type { Environment } from '../../events/event.ts';
import type { SignalKind, Snapshot } from '../../stores/store.ts';
import { iso, type Sql, statement } from '../pool.ts';

export interface SignalKey {
  appId: number;
  dedupeKey: string;
  signalId: string;
  receivedAt: number;
}

export interface StoredSignal {
  appId: number;
  id: string;
  receivedAt: number;
  kind: SignalKind;
  store: string;
  environment: Environment;
  chainId: string | null;
  type: string;
  storeTime: number;
  sortOrder: string;
  dedupeKey: string;
  transactionIds: string[];
  handedInBy: string | null;
  /** UTF-8. */
  body: Uint8Array;
  settingsVersion: number;
  state: 'pending' | 'done' | 'ignored' | 'failed';
  reason: string | null;
  processedAt: number | null;
}

export interface PendingSignal {
  appId: number;
  chainId: string;
  signalId: string;
  receivedAt: number;
  dueAt: number;
  why: 'identity' | 'read' | 'order';
  /** Lower case: what the chain waits for to become known. */
  accountKey: string | null;
}

export interface DueSignal extends Omit<PendingSignal, 'accountKey'> {
  tries: number;
  kind: SignalKind;
  store: string;
  body: string;
  snapshot: Snapshot | null;
  handedInBy: string | null;
}

const CLAIM_KEYS = statement(
  'signal_claim_keys',
  `insert into signal_key (app_id, dedupe_key, signal_id, received_at)
   select * from unnest($1::int[], $2::text[], $3::uuid[], $4::timestamptz[])
   on conflict do nothing
   returning signal_id`,
);
/** Takes the dedupe keys that nobody has. Waits for a transaction that is just taking the same one. Pass them in ascending order: that prevents deadlocks. */
export async function claimKeys(sql: Sql, keys: readonly SignalKey[]): Promise<Set<string>> {
  const rows = await sql.query<{ signal_id: string }>(CLAIM_KEYS, [
    keys.map((key) => key.appId),
    keys.map((key) => key.dedupeKey),
    keys.map((key) => key.signalId),
    keys.map((key) => iso(key.receivedAt)),
  ]);
  return new Set(rows.map((row) => row.signal_id));
}

const INSERT = statement(
  'signal_insert',
  `insert into signal (app_id, id, received_at, kind, store, environment, chain_id, type, store_time, sort_order, dedupe_key,
     transaction_ids, handed_in_by, body, settings_version, state, reason, processed_at)
   select app_id, id, received_at, kind, store, environment, chain_id, type, store_time, sort_order, dedupe_key,
     string_to_array(transaction_ids, ','), handed_in_by, convert_from(substring($14::bytea from start for length), 'UTF8'),
     settings_version, state, reason, processed_at
   from unnest($1::int[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::timestamptz[],
     $10::text[], $11::text[], $12::text[], $13::uuid[], $15::int[], $16::int[], $17::int[], $18::text[], $19::text[], $20::timestamptz[])
   as t (app_id, id, received_at, kind, store, environment, chain_id, type, store_time, sort_order, dedupe_key,
     transaction_ids, handed_in_by, start, length, settings_version, state, reason, processed_at)`,
);
/** Bodies travel as one piece of bytes with places in it: as elements of an array each would be escaped, copied and parsed. */
export async function insertSignals(sql: Sql, rows: readonly StoredSignal[]): Promise<void> {
  if (rows.length === 0) return;
  let end = 1;
  const starts = rows.map((row) => (end += row.body.length) - row.body.length);
  await sql.query(INSERT, [
    rows.map((row) => row.appId),
    rows.map((row) => row.id),
    rows.map((row) => iso(row.receivedAt)),
    rows.map((row) => row.kind),
    rows.map((row) => row.store),
    rows.map((row) => row.environment),
    rows.map((row) => row.chainId),
    rows.map((row) => row.type),
    rows.map((row) => iso(row.storeTime)),
    rows.map((row) => row.sortOrder),
    rows.map((row) => row.dedupeKey),
    rows.map((row) => row.transactionIds.join(',')),
    rows.map((row) => row.handedInBy),
    Buffer.concat(rows.map((row) => row.body)),
    starts,
    rows.map((row) => row.body.length),
    rows.map((row) => row.settingsVersion),
    rows.map((row) => row.state),
    rows.map((row) => row.reason),
    rows.map((row) => (row.processedAt === null ? null : iso(row.processedAt))),
  ]);
}

const INSERT_PENDING = statement(
  'signal_insert_pending',
  `insert into signal_pending (app_id, chain_id, signal_id, received_at, due_at, why, account_key)
   select * from unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::text[], $7::text[])`,
);
export async function insertPending(sql: Sql, rows: readonly PendingSignal[]): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(INSERT_PENDING, [
    rows.map((row) => row.appId),
    rows.map((row) => row.chainId),
    rows.map((row) => row.signalId),
    rows.map((row) => iso(row.receivedAt)),
    rows.map((row) => iso(row.dueAt)),
    rows.map((row) => row.why),
    rows.map((row) => row.accountKey),
  ]);
}

const DUE_CHAINS = statement(
  'signal_due_chains',
  `select app_id, chain_id, min(due_at) as due_at from (
     select app_id, chain_id, due_at from signal_pending p where due_at <= $1
       and not exists (select 1 from signal_pending w where w.app_id = p.app_id and w.chain_id = p.chain_id and w.due_at > $1)
     order by due_at limit 2000) t
   group by app_id, chain_id order by min(due_at) limit $2`,
);
/** Chains with something to apply and nothing to wait for, longest due first. */
export async function dueChains(sql: Sql, now: number, limit: number): Promise<{ appId: number; chainId: string }[]> {
  const rows = await sql.query<{ app_id: number; chain_id: string }>(DUE_CHAINS, [iso(now), limit]);
  return rows.map((row) => ({ appId: row.app_id, chainId: row.chain_id }));
}

const NEXT_DUE = statement('signal_next_due', 'select min(due_at) as due_at from signal_pending where due_at > $1');
/** When the next pending signal falls due (epoch ms); null = none waits for a time. */
export async function nextDue(sql: Sql, now: number): Promise<number | null> {
  const [row] = await sql.query<{ due_at: number | null }>(NEXT_DUE, [iso(now)]);
  return row?.due_at ?? null;
}

const PENDING_OF = statement(
  'signal_pending_of',
  `select p.app_id, p.chain_id, p.signal_id, p.received_at, p.due_at, p.why, p.tries, s.kind, s.store, s.body, s.snapshot, s.handed_in_by
   from unnest($1::int[], $2::uuid[]) as c (app_id, chain_id)
   join signal_pending p using (app_id, chain_id)
   join signal s on s.app_id = p.app_id and s.received_at = p.received_at and s.id = p.signal_id
   order by p.app_id, p.chain_id, s.store_time, s.sort_order collate "C"`,
);
/** Everything pending of these chains, in the order it is to be applied. */
export async function pendingOf(sql: Sql, chains: readonly { appId: number; chainId: string }[]): Promise<DueSignal[]> {
  const rows = await sql.query<{
    app_id: number;
    chain_id: string;
    signal_id: string;
    received_at: number;
    due_at: number;
    why: PendingSignal['why'];
    tries: number;
    kind: SignalKind;
    store: string;
    body: string;
    snapshot: Snapshot | null;
    handed_in_by: string | null;
  }>(PENDING_OF, [chains.map((chain) => chain.appId), chains.map((chain) => chain.chainId)]);
  return rows.map((row) => ({
    appId: row.app_id,
    chainId: row.chain_id,
    signalId: row.signal_id,
    receivedAt: row.received_at,
    dueAt: row.due_at,
    why: row.why,
    tries: row.tries,
    kind: row.kind,
    store: row.store,
    body: row.body,
    snapshot: row.snapshot,
    handedInBy: row.handed_in_by,
  }));
}

const SETTLE = statement(
  'signal_settle',
  `update signal s set state = t.state, reason = t.reason, processed_at = $6
   from unnest($1::int[], $2::timestamptz[], $3::uuid[], $4::text[], $5::text[]) as t (app_id, received_at, id, state, reason)
   where s.app_id = t.app_id and s.received_at = t.received_at and s.id = t.id`,
);
const DELETE_PENDING = statement(
  'signal_delete_pending',
  `delete from signal_pending p using unnest($1::int[], $2::uuid[], $3::uuid[]) as t (app_id, chain_id, signal_id)
   where p.app_id = t.app_id and p.chain_id = t.chain_id and p.signal_id = t.signal_id`,
);
export interface SettledSignal {
  appId: number;
  chainId: string;
  signalId: string;
  receivedAt: number;
  state: 'done' | 'ignored' | 'failed';
  reason: string | null;
}
/** Pending signals that have been applied leave the pending table; two statements, one transaction. */
export async function settleSignals(sql: Sql, rows: readonly SettledSignal[], now: number): Promise<void> {
  if (rows.length === 0) return;
  const apps = rows.map((row) => row.appId);
  const ids = rows.map((row) => row.signalId);
  const settle = sql.query(SETTLE, [
    apps,
    rows.map((row) => iso(row.receivedAt)),
    ids,
    rows.map((row) => row.state),
    rows.map((row) => row.reason),
    iso(now),
  ]);
  await Promise.all([settle, sql.query(DELETE_PENDING, [apps, rows.map((row) => row.chainId), ids])]);
}

const POSTPONE = statement(
  'signal_postpone',
  `update signal_pending p set due_at = t.due_at, why = t.why, tries = t.tries
   from unnest($1::int[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::text[], $6::int[]) as t (app_id, chain_id, signal_id, due_at, why, tries)
   where p.app_id = t.app_id and p.chain_id = t.chain_id and p.signal_id = t.signal_id`,
);
export async function postpone(
  sql: Sql,
  rows: readonly (Omit<PendingSignal, 'accountKey'> & { tries: number })[],
): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(POSTPONE, [
    rows.map((row) => row.appId),
    rows.map((row) => row.chainId),
    rows.map((row) => row.signalId),
    rows.map((row) => iso(row.dueAt)),
    rows.map((row) => row.why),
    rows.map((row) => row.tries),
  ]);
}

const SAVE_SNAPSHOT = statement(
  'signal_save_snapshot',
  'update signal set snapshot = $4 where app_id = $1 and received_at = $2 and id = $3',
);
export async function saveSnapshot(
  sql: Sql,
  signal: { appId: number; receivedAt: number; signalId: string },
  snapshot: Snapshot,
): Promise<void> {
  await sql.query(SAVE_SNAPSHOT, [signal.appId, iso(signal.receivedAt), signal.signalId, JSON.stringify(snapshot)]);
}

const RELEASE = statement(
  'signal_release_identity_wait',
  `update signal_pending p set due_at = $3 from signal_pending w
   where w.app_id = $1 and w.account_key = $2 and p.app_id = w.app_id and p.chain_id = w.chain_id
     and p.due_at > $3 and p.why in ('identity', 'order')`,
);
/** An owner became known by the account key the store tells us (lower case): signals that waited for it are due now (ruling 12). */
export async function releaseIdentityWait(
  sql: Sql,
  appId: number,
  accountKeyLower: string,
  now: number,
): Promise<void> {
  await sql.query(RELEASE, [appId, accountKeyLower, iso(now)]);
}

const RELEASE_CHAINS = statement(
  'signal_release_chains',
  `update signal_pending p set due_at = $3 from unnest($1::int[], $2::uuid[]) as t (app_id, chain_id)
   where p.app_id = t.app_id and p.chain_id = t.chain_id and p.due_at > $3 and p.why in ('identity', 'order')`,
);
/** The purchases themselves were handed in: what waits for their owner is due now. */
export async function releaseChains(
  sql: Sql,
  chains: readonly { appId: number; chainId: string }[],
  now: number,
): Promise<void> {
  if (chains.length === 0) return;
  await sql.query(RELEASE_CHAINS, [chains.map((chain) => chain.appId), chains.map((chain) => chain.chainId), iso(now)]);
}
