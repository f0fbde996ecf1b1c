/**
 * Deliveries from birth to rest. A delivery has a row in `delivery_queue` exactly while it is queued or retrying; every statement
 * here that changes the one state into another keeps the two tables in step.
 */
import type { Environment } from '../../events/event.ts';
import type { HoldReason, SuppressReason } from '../../integrations/integration.ts';
import { iso, type Sql, statement } from '../pool.ts';
import { HELD_LEASES, type Lease } from './shard-lease.ts';

export interface NewDelivery {
  appId: number;
  integrationId: number;
  environment: Environment;
  eventId: string;
  /** 52-bit hash of app, integration, environment and owner. */
  lane: number;
  /** The lane's lowest 8 bits. */
  shard: number;
  ownerId: string | null;
  state: 'queued' | 'held' | 'suppressed';
  reason: SuppressReason | HoldReason | null;
  /** Epoch ms; null unless held. */
  holdUntil: number | null;
}

const INSERT = statement(
  'delivery_insert',
  `with born as (
     insert into delivery (app_id, integration_id, environment, event_id, lane, shard, owner_id, state, reason, hold_until, due_at, created_at, settled_at)
     select app_id, integration_id, environment, event_id, lane, lane & 255, owner_id, state, reason, hold_until, $9, $9,
       case when state = 'suppressed' then $9::timestamptz end
     from unnest($1::int[], $2::int[], $3::text[], $4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $10::timestamptz[]) with ordinality
       as t (app_id, integration_id, environment, event_id, lane, owner_id, state, reason, hold_until, place)
     order by place
     on conflict (app_id, event_id, integration_id, replay) do nothing
     returning app_id, lane, id, integration_id, environment, due_at, state)
   insert into delivery_queue (app_id, lane, id, integration_id, environment, due_at)
   select app_id, lane, id, integration_id, environment, due_at from born where state = 'queued'`,
);
/**
 * In the transaction that writes the events, under the owner's lock: ids follow the order of `rows`, and an id is a delivery's
 * place in its lane.
 */
export async function insertDeliveries(sql: Sql, rows: readonly NewDelivery[], now: number): Promise<void> {
  if (rows.length === 0) return;
  await sql.query(INSERT, [
    rows.map((row) => row.appId),
    rows.map((row) => row.integrationId),
    rows.map((row) => row.environment),
    rows.map((row) => row.eventId),
    rows.map((row) => row.lane),
    rows.map((row) => row.ownerId),
    rows.map((row) => row.state),
    rows.map((row) => row.reason),
    iso(now),
    rows.map((row) => (row.holdUntil === null ? null : iso(row.holdUntil))),
  ]);
}

const RELEASE = statement(
  'delivery_release',
  `with freed as (
     update delivery set state = 'queued', reason = null, hold_until = null, due_at = $3
     where app_id = $1 and hold_until is not null and reason = 'no_client_id'
       and owner_id in (select $2::uuid union all select id from app_user where app_id = $1 and logged_in_user = $2)
     returning app_id, lane, id, integration_id, environment, due_at)
   insert into delivery_queue (app_id, lane, id, integration_id, environment, due_at)
   select app_id, lane, id, integration_id, environment, due_at from freed returning id`,
);
/**
 * What waited for this owner's client id is queued again, in its old places; for a known user also what waits on the installations
 * where the user is logged in. Call it after the owner's row was changed, in the same transaction: `setAside` relies on that.
 * @returns how many
 */
export async function releaseHeld(sql: Sql, appId: number, ownerId: string, now: number): Promise<number> {
  return (await sql.query(RELEASE, [appId, ownerId, iso(now)])).length;
}

const EXPIRE = statement(
  'delivery_expire_holds',
  `with late as (
     select app_id, id from delivery where hold_until <= $1 order by hold_until limit $2 for update skip locked)
   update delivery d set state = 'suppressed', hold_until = null, settled_at = $1
   from late where d.app_id = late.app_id and d.id = late.id and d.hold_until <= $1
   returning d.id`,
);
/** Holds that have lasted long enough end as suppressed, with the reason they were held for. @returns how many */
export async function expireHolds(sql: Sql, now: number, limit: number): Promise<number> {
  return (await sql.query(EXPIRE, [iso(now), limit])).length;
}

export interface SetAside {
  appId: number;
  lane: number;
  id: number;
  state: 'held' | 'suppressed' | 'dead_letter';
  reason: string;
  /** Epoch ms; null unless held. */
  holdUntil: number | null;
  /** For a hold: the name of the id that is missing, and the value the decision was based on. */
  idName: string;
  clientId: string | null;
  note: string | null;
}

// The owner's row is locked in share mode before a hold is written. Whoever hands over a client id changes that row first and
// releases holds afterwards: either it comes later and finds the hold, or it came first and the hold is not written.
const SET_ASIDE = statement(
  'delivery_set_aside',
  `with lease as materialized (${HELD_LEASES}),
   wanted as materialized (
     select w.*, d.owner_id
     from unnest($4::int[], $5::bigint[], $6::bigint[], $7::text[], $8::text[], $9::timestamptz[], $10::text[], $11::text[], $12::text[])
       as w (app_id, lane, id, state, reason, hold_until, id_name, client_id, note)
     join delivery d on d.app_id = w.app_id and d.id = w.id
     where w.lane & 255 in (select shard from lease)),
   owner as materialized (
     select u.app_id, u.id, u.logged_in_user, u.integration_ids from app_user u
     where (u.app_id, u.id) in (
       select app_id, owner_id from wanted where state = 'held'
       union
       select w.app_id, o.logged_in_user from wanted w join app_user o on o.app_id = w.app_id and o.id = w.owner_id
       where w.state = 'held' and o.logged_in_user is not null)
     order by u.app_id, u.id for share of u),
   settled as (
     select w.* from wanted w
     left join owner o on o.app_id = w.app_id and o.id = w.owner_id
     left join owner l on l.app_id = o.app_id and l.id = o.logged_in_user
     where w.state <> 'held'
       or (coalesce(o.integration_ids ->> w.id_name, l.integration_ids ->> w.id_name) is not distinct from w.client_id
           and (o.logged_in_user is null) = (l.id is null))),
   gone as (
     delete from delivery_queue q using settled s where q.app_id = s.app_id and q.lane = s.lane and q.id = s.id
     returning s.app_id, s.id, s.state, s.reason, s.hold_until, s.note)
   update delivery d set state = g.state, reason = g.reason, hold_until = g.hold_until,
     settled_at = case when g.state = 'held' then null else $3::timestamptz end,
     notes = case when g.note is null then d.notes else array[g.note] end
   from gone g where d.app_id = g.app_id and d.id = g.id
   returning d.id`,
);
/**
 * Takes deliveries out of the queue without an attempt. Changes nothing under a lease that is lost, nor for a hold whose cause
 * has gone meanwhile.
 * @returns the ids set aside
 */
export async function setAside(
  sql: Sql,
  leases: readonly Lease[],
  rows: readonly SetAside[],
  now: number,
): Promise<number[]> {
  const set = await sql.query<{ id: number }>(SET_ASIDE, [
    leases.map((lease) => lease.shard),
    leases.map((lease) => lease.epoch),
    iso(now),
    rows.map((row) => row.appId),
    rows.map((row) => row.lane),
    rows.map((row) => row.id),
    rows.map((row) => row.state),
    rows.map((row) => row.reason),
    rows.map((row) => (row.holdUntil === null ? null : iso(row.holdUntil))),
    rows.map((row) => row.idName),
    rows.map((row) => row.clientId),
    rows.map((row) => row.note),
  ]);
  return set.map((row) => row.id);
}

const NOTE = statement(
  'delivery_note',
  `update delivery d set notes = n.notes::text[]
   from unnest($1::int[], $2::bigint[], $3::text[]) as n (app_id, id, notes) where d.app_id = n.app_id and d.id = n.id`,
);
/** What encoding had to cut or leave out. */
export async function noteDeliveries(
  sql: Sql,
  rows: readonly { appId: number; id: number; notes: readonly string[] }[],
): Promise<void> {
  await sql.query(NOTE, [
    rows.map((row) => row.appId),
    rows.map((row) => row.id),
    rows.map((row) => `{${row.notes.map((note) => JSON.stringify(note)).join(',')}}`),
  ]);
}
