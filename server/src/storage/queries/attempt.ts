/** Attempts: written by the statement that settles their deliveries, so that an outcome and its record exist together. */
import type { Environment } from '../../events/event.ts';
import { iso, type Sql, statement } from '../pool.ts';

/** One answered request. With app, integration, environment, client id and epoch it names its row in `sending`. */
export interface AttemptRow {
  id: string;
  /** When it was sent; epoch ms. */
  at: number;
  appId: number;
  integrationId: number;
  environment: Environment;
  clientId: string;
  shard: number;
  epoch: number;
  settingsVersion: number;
  userAgent: string | null;
  address: string | null;
  privacyMode: string | null;
  privacyConsent: boolean | null;
  bodyHash: Uint8Array;
  status: number | null;
  durationMs: number;
}

export interface FailedAttemptRow extends AttemptRow {
  class: string;
  error: string;
  ambiguous: boolean;
  bytesWritten: boolean;
  requestUrl: string;
  requestBody: string;
}

/** What becomes of one delivery of a failed attempt. */
export interface Fate {
  /** Index of its attempt in the same call. */
  attempt: number;
  id: number;
  state: 'queued' | 'retrying' | 'parked' | 'dead_letter';
  reason: string | null;
  /** Epoch ms. */
  dueAt: number;
  /** Null = as before. */
  batchMax: number | null;
  /** The destination's finished pauses so far, remembered at the first try. */
  pausedMs: number;
}

// The deleted `sending` row is what entitles to settle: it can be deleted once, and only under the epoch that wrote it while that
// epoch still holds the shard. The epoch is asked for by a scalar subquery: as a join, the planner began with all 256 leases and
// looked each request up once per lease, which made settling ten times dearer.
const ATTEMPTS = `unnest($2::uuid[], $3::timestamptz[], $4::int[], $5::int[], $6::text[], $7::text[], $8::smallint[], $9::bigint[], $10::int[],
       $11::text[], $12::text[], $13::text[], $14::boolean[], $15::bytea[], $16::int[], $17::int[]`;
const ATTEMPT_NAMES = `id, at, app_id, integration_id, environment, client_id, shard, epoch, settings_version, user_agent, address, privacy_mode,
       privacy_consent, body_hash, status, duration_ms`;
const FLOWN = `delete from sending s using batch b
     where s.app_id = b.app_id and s.integration_id = b.integration_id and s.environment = b.environment and s.client_id = b.client_id
       and s.epoch = b.epoch
       and (select l.epoch from shard_lease l where l.stage = 'deliver' and l.shard = s.shard) = s.epoch
     returning s.lane, s.delivery_ids, s.event_ids, b.*`;
const ATTEMPT_COLUMNS = `app_id, id, at, integration_id, environment, lane, trigger, delivery_ids, event_ids, settings_version, pianola_version,
       client_id, user_agent, address, privacy_mode, privacy_consent, body_hash, status, duration_ms, class, error, ambiguous, bytes_written`;
const ATTEMPT_VALUES = `app_id, id, at, integration_id, environment, lane, 'automatic', delivery_ids, event_ids, settings_version, $1,
       client_id, user_agent, address, privacy_mode, privacy_consent, body_hash, status, duration_ms`;

function attemptArrays(rows: readonly AttemptRow[]): unknown[] {
  return [
    rows.map((row) => row.id),
    rows.map((row) => iso(row.at)),
    rows.map((row) => row.appId),
    rows.map((row) => row.integrationId),
    rows.map((row) => row.environment),
    rows.map((row) => row.clientId),
    rows.map((row) => row.shard),
    rows.map((row) => row.epoch),
    rows.map((row) => row.settingsVersion),
    rows.map((row) => row.userAgent),
    rows.map((row) => row.address),
    rows.map((row) => row.privacyMode),
    rows.map((row) => row.privacyConsent),
    rows.map((row) => row.bodyHash),
    rows.map((row) => row.status),
    rows.map((row) => row.durationMs),
  ];
}

// Planned anew each time (no name): a plan kept from when the tables were empty took sixty times as long once they had grown.
const DELIVERED = statement(
  '',
  `with batch as materialized (select * from ${ATTEMPTS}) as b (${ATTEMPT_NAMES})),
   flown as (${FLOWN}),
   tried as (
     insert into attempt (${ATTEMPT_COLUMNS})
     select ${ATTEMPT_VALUES}, 'success', null, false, true from flown),
   one as (select app_id, lane, client_id, at, unnest(delivery_ids) as delivery_id from flown),
   done as (
     update delivery d set state = 'delivered', reason = null, tries = d.tries + 1, first_tried_at = coalesce(d.first_tried_at, one.at),
       client_id = one.client_id, settled_at = $18
     from one where d.app_id = one.app_id and d.id = one.delivery_id),
   dequeued as (
     delete from delivery_queue q using one where q.app_id = one.app_id and q.lane = one.lane and q.id = one.delivery_id)
   select lane from flown`,
);
/** Settles requests that succeeded: all deliveries of each are delivered. @returns the lanes of those that were still ours */
export async function settleDelivered(
  sql: Sql,
  attempts: readonly AttemptRow[],
  version: string,
  now: number,
): Promise<Set<number>> {
  const rows = await sql.query<{ lane: number }>(DELIVERED, [version, ...attemptArrays(attempts), iso(now)]);
  return new Set(rows.map((row) => row.lane));
}

const FAILED = statement(
  '',
  `with batch as materialized (
     select * from ${ATTEMPTS}, $19::text[], $20::text[], $21::boolean[], $22::boolean[], $23::text[], $24::text[]) with ordinality
       as b (${ATTEMPT_NAMES}, class, error, ambiguous, bytes_written, request_url, request_body, n)),
   flown as (${FLOWN}),
   tried as (
     insert into attempt (${ATTEMPT_COLUMNS}, request_url, request_body)
     select ${ATTEMPT_VALUES}, class, error, ambiguous, bytes_written, request_url, request_body from flown),
   fate as materialized (
     select f.*, flown.app_id, flown.lane, flown.client_id, flown.at, flown.ambiguous
     from unnest($25::int[], $26::bigint[], $27::text[], $28::text[], $29::timestamptz[], $30::smallint[], $31::bigint[])
       as f (n, delivery_id, state, reason, due_at, batch_max, paused_ms)
     join flown on flown.n = f.n and f.delivery_id = any (flown.delivery_ids)),
   told as (
     update delivery d set state = f.state, reason = f.reason, due_at = f.due_at, tries = d.tries + 1,
       first_tried_at = coalesce(d.first_tried_at, f.at), paused_ms = coalesce(d.paused_ms, f.paused_ms), client_id = f.client_id,
       ambiguous = d.ambiguous or f.ambiguous, batch_max = coalesce(f.batch_max, d.batch_max),
       settled_at = case when f.state in ('parked', 'dead_letter') then $18::timestamptz end
     from fate f where d.app_id = f.app_id and d.id = f.delivery_id),
   dequeued as (
     delete from delivery_queue q using fate f
     where f.state in ('parked', 'dead_letter') and q.app_id = f.app_id and q.lane = f.lane and q.id = f.delivery_id),
   requeued as (
     update delivery_queue q set due_at = f.due_at from fate f
     where f.state in ('queued', 'retrying') and q.app_id = f.app_id and q.lane = f.lane and q.id = f.delivery_id)
   select lane from flown`,
);
/** Settles requests that failed, each delivery by its fate. @returns the lanes of those that were still ours */
export async function settleFailed(
  sql: Sql,
  attempts: readonly FailedAttemptRow[],
  fates: readonly Fate[],
  version: string,
  now: number,
): Promise<Set<number>> {
  const rows = await sql.query<{ lane: number }>(FAILED, [
    version,
    ...attemptArrays(attempts),
    iso(now),
    attempts.map((row) => row.class),
    attempts.map((row) => row.error),
    attempts.map((row) => row.ambiguous),
    attempts.map((row) => row.bytesWritten),
    attempts.map((row) => row.requestUrl),
    attempts.map((row) => row.requestBody),
    fates.map((fate) => fate.attempt + 1),
    fates.map((fate) => fate.id),
    fates.map((fate) => fate.state),
    fates.map((fate) => fate.reason),
    fates.map((fate) => iso(fate.dueAt)),
    fates.map((fate) => fate.batchMax),
    fates.map((fate) => fate.pausedMs),
  ]);
  return new Set(rows.map((row) => row.lane));
}
