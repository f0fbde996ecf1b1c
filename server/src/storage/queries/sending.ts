/** What is in flight. Whoever deletes a row here decides what became of its deliveries: settling, or taking over from a dead process. */
import type { Environment } from '../../events/event.ts';
import { iso, type Sql, statement } from '../pool.ts';
import { HELD_LEASES, type Lease } from './shard-lease.ts';

export interface SendingRow {
  appId: number;
  integrationId: number;
  environment: Environment;
  clientId: string;
  shard: number;
  epoch: number;
  lane: number;
  deliveryIds: readonly number[];
  eventIds: readonly string[];
  settingsVersion: number;
}

const INSERT = statement(
  'sending_insert',
  `with lease as materialized (${HELD_LEASES}),
   batch as (
     select * from unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::smallint[], $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::int[])
       with ordinality as b (app_id, integration_id, environment, client_id, shard, epoch, lane, delivery_ids, event_ids, settings_version, place))
   insert into sending (app_id, integration_id, environment, client_id, shard, epoch, lane, delivery_ids, event_ids, settings_version)
   select app_id, integration_id, environment, client_id, shard, epoch, lane, delivery_ids::bigint[], event_ids::uuid[], settings_version
   from batch where shard in (select shard from lease)
   order by app_id, integration_id, environment, client_id
   on conflict do nothing
   returning lane`,
);
/**
 * Before bytes leave. A batch is not written when its visitor is in flight elsewhere, or its lease is lost.
 * @returns the lanes whose batch may leave; of one lane at most one batch is given
 */
export async function insertSending(
  sql: Sql,
  leases: readonly Lease[],
  rows: readonly SendingRow[],
): Promise<Set<number>> {
  const written = await sql.query<{ lane: number }>(INSERT, [
    leases.map((lease) => lease.shard),
    leases.map((lease) => lease.epoch),
    rows.map((row) => row.appId),
    rows.map((row) => row.integrationId),
    rows.map((row) => row.environment),
    rows.map((row) => row.clientId),
    rows.map((row) => row.shard),
    rows.map((row) => row.epoch),
    rows.map((row) => row.lane),
    rows.map((row) => `{${row.deliveryIds.join(',')}}`),
    rows.map((row) => `{${row.eventIds.join(',')}}`),
    rows.map((row) => row.settingsVersion),
  ]);
  return new Set(written.map((row) => row.lane));
}

const TAKE_OVER = statement(
  'sending_take_over',
  `with lost as (
     delete from sending s using unnest($1::smallint[], $2::bigint[]) as k (shard, epoch)
     where s.shard = k.shard and s.epoch < k.epoch
     returning s.*),
   tried as (
     insert into attempt (app_id, id, at, integration_id, environment, lane, trigger, delivery_ids, event_ids, settings_version,
       pianola_version, client_id, class, error, ambiguous, bytes_written)
     select app_id, gen_random_uuid(), $3, integration_id, environment, lane, 'takeover', delivery_ids, event_ids, settings_version,
       $4, client_id, 'transient', 'the process ended while the request was under way', true, true
     from lost),
   again as (
     update delivery d set state = case when d.state = 'queued' then 'retrying' else d.state end, ambiguous = true, tries = d.tries + 1,
       first_tried_at = coalesce(d.first_tried_at, $3), client_id = coalesce(d.client_id, l.client_id), due_at = $3
     from (select app_id, client_id, unnest(delivery_ids) as id from lost) l
     where d.app_id = l.app_id and d.id = l.id),
   due as (
     update delivery_queue q set due_at = $3
     from (select app_id, lane, unnest(delivery_ids) as id from lost) l
     where q.app_id = l.app_id and q.lane = l.lane and q.id = l.id)
   select lane from lost`,
);
/**
 * Requests left behind by earlier holders of these shards may or may not have arrived: each becomes an ambiguous attempt, and its
 * events are due at once, to the same visitor. They stand first in their lanes.
 * @returns how many requests
 */
export async function takeOver(sql: Sql, leases: readonly Lease[], version: string, now: number): Promise<number> {
  const lost = await sql.query(TAKE_OVER, [
    leases.map((lease) => lease.shard),
    leases.map((lease) => lease.epoch),
    iso(now),
    version,
  ]);
  return lost.length;
}

/** Written long before, compared with the moment between the commit and our knowing of it. Real time. */
const UNFLOWN_SECONDS = 10;

const WITHDRAW = statement(
  'sending_withdraw_unflown',
  `delete from sending s using unnest($1::smallint[], $2::bigint[]) as k (shard, epoch)
   where s.shard = k.shard and s.epoch = k.epoch and s.lane <> all ($3::bigint[])
     and s.started_at < clock_timestamp() - ${UNFLOWN_SECONDS} * interval '1 s'
   returning s.lane`,
);
/**
 * A connection that broke while `insertSending` committed leaves rows of which this process knows nothing. No byte of theirs ever
 * left, so they simply go.
 * @param lanes those that are really in flight here
 */
export async function withdrawUnflown(sql: Sql, leases: readonly Lease[], lanes: readonly number[]): Promise<number> {
  return (await sql.query(WITHDRAW, [leases.map((lease) => lease.shard), leases.map((lease) => lease.epoch), lanes]))
    .length;
}
