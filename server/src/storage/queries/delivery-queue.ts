import type { AttributeValue, Environment } from '../../events/event.ts';
import type { EventCode } from '../../events/catalogue.ts';
import { iso, type Sql, statement } from '../pool.ts';

/** Where to look for work, and how much of it is wanted. */
export interface ClaimTarget {
  appId: number;
  integrationId: number;
  environment: Environment;
  /** Lanes at most. */
  lanes: number;
  /** Nothing due before this is looked at; epoch ms, -Infinity = everything. */
  from: number;
  /** Name of the id under which the visitor is known there. */
  idName: string;
}

/** A delivery with all that is needed to send it. */
export interface ClaimedRow {
  appId: number;
  id: number;
  lane: number;
  integrationId: number;
  environment: Environment;
  /** Epoch ms. */
  dueAt: number;
  state: 'queued' | 'retrying';
  ownerId: string | null;
  tries: number;
  firstTriedAt: number | null;
  pausedMs: number | null;
  batchMax: number | null;
  /** Fixed by an earlier attempt. */
  fixedClientId: string | null;
  createdAt: number;
  eventId: string;
  code: EventCode;
  recordId: string;
  sequence: number;
  group: number;
  attributes: Record<string, AttributeValue>;
  /** What is known of the visitor now: the owner's own, else that of the user logged in on the installation. */
  clientId: string | null;
  privacyMode: string | null;
  privacyConsent: boolean | null;
  forwardingRevoked: boolean;
  erased: boolean;
  userAgent: string | null;
  address: string | null;
}

/** Rows of one lane read at once: a full batch, and one more to know that there is more. */
export const LANE_ROWS = 51;
/** Rows looked at per lane wanted: a lane usually has one group of events, about three. */
const ROWS_PER_LANE = 8;

// Planned anew each time (no name), 0.3 ms for some twenty lanes: the queue swells from nothing to very much within seconds, and a
// plan kept from when it was empty halved the rate of a burst. One row per look-up (`limit 1`) leaves the planner no other way
// than the keys.
const CLAIM = statement(
  '',
  `with target as (
     select * from unnest($1::int[], $2::int[], $3::text[], $4::int[], $5::timestamptz[], $6::text[])
       as t (app_id, integration_id, environment, lanes, due_from, id_name)),
   lane as materialized (
     select t.app_id, t.id_name, c.lane
     from target t cross join lateral (
       select f.lane from (
         select q.lane, q.due_at, q.id from delivery_queue q
         where q.app_id = t.app_id and q.integration_id = t.integration_id and q.environment = t.environment
           and q.due_at between t.due_from and $7
           and q.lane <> all ($8::bigint[])
           and get_bit($9::bit(256), (q.lane & 255)::int) = 1
         order by q.due_at, q.id limit t.lanes * ${ROWS_PER_LANE}) f
       group by f.lane order by min(f.due_at), min(f.id) limit t.lanes) c)
   select q.app_id, q.id, q.lane, q.integration_id, q.environment, q.due_at, d.state, d.owner_id, d.tries, d.first_tried_at,
     d.paused_ms, d.batch_max, d.client_id as fixed_client_id, d.created_at, d.event_id, e.code, e.record_id, e.sequence, e.group_index, e.attributes,
     coalesce(u.integration_ids ->> lane.id_name, l.integration_ids ->> lane.id_name) as client_id,
     coalesce(u.privacy_mode, l.privacy_mode) as privacy_mode,
     case when u.privacy_mode is null then l.privacy_consent else u.privacy_consent end as privacy_consent,
     coalesce(u.forwarding_revoked, false) or coalesce(l.forwarding_revoked, false) as forwarding_revoked,
     coalesce(u.erased, false) as erased, coalesce(u.user_agent, l.user_agent) as user_agent, coalesce(u.address, l.address) as address
   from lane
   cross join lateral (
     select * from delivery_queue q where q.app_id = lane.app_id and q.lane = lane.lane order by q.id limit ${LANE_ROWS}) q
   cross join lateral (select * from delivery d where d.app_id = q.app_id and d.id = q.id limit 1) d
   cross join lateral (select * from event e where e.app_id = d.app_id and e.event_id = d.event_id limit 1) e
   left join lateral (select * from app_user u where u.app_id = d.app_id and u.id = d.owner_id limit 1) u on true
   left join lateral (select * from app_user l where l.app_id = u.app_id and l.id = u.logged_in_user limit 1) l on true`,
);

interface Row {
  app_id: number;
  id: number;
  lane: number;
  integration_id: number;
  environment: Environment;
  due_at: number;
  state: 'queued' | 'retrying';
  owner_id: string | null;
  tries: number;
  first_tried_at: number | null;
  paused_ms: number | null;
  batch_max: number | null;
  fixed_client_id: string | null;
  created_at: number;
  event_id: string;
  code: EventCode;
  record_id: string;
  sequence: number;
  group_index: number;
  attributes: Record<string, AttributeValue>;
  client_id: string | null;
  privacy_mode: string | null;
  privacy_consent: boolean | null;
  forwarding_revoked: boolean;
  erased: boolean;
  user_agent: string | null;
  address: string | null;
}

/**
 * The lanes that have something due, oldest first, each from its first undelivered row on, due or not: only the first tells
 * whether the lane may move. Reads; changes nothing.
 * @param busy lanes to leave out
 * @param owned one character per shard, `1` = ours
 * @returns rows by lane, each lane in order
 */
export async function claimLanes(
  sql: Sql,
  targets: readonly ClaimTarget[],
  busy: readonly number[],
  owned: string,
  now: number,
): Promise<Map<number, ClaimedRow[]>> {
  const rows = await sql.query<Row>(CLAIM, [
    targets.map((target) => target.appId),
    targets.map((target) => target.integrationId),
    targets.map((target) => target.environment),
    targets.map((target) => target.lanes),
    targets.map((target) => iso(target.from)),
    targets.map((target) => target.idName),
    iso(now),
    busy,
    owned,
  ]);
  const lanes = new Map<number, ClaimedRow[]>();
  for (const row of rows) {
    const claimed = toClaimed(row);
    const lane = lanes.get(row.lane);
    if (lane) lane.push(claimed);
    else lanes.set(row.lane, [claimed]);
  }
  // The joins may hand the rows over in any order.
  for (const lane of lanes.values()) lane.sort((a, b) => a.id - b.id);
  return lanes;
}

function toClaimed(row: Row): ClaimedRow {
  return {
    appId: row.app_id,
    id: row.id,
    lane: row.lane,
    integrationId: row.integration_id,
    environment: row.environment,
    dueAt: row.due_at,
    state: row.state,
    ownerId: row.owner_id,
    tries: row.tries,
    firstTriedAt: row.first_tried_at,
    pausedMs: row.paused_ms,
    batchMax: row.batch_max,
    fixedClientId: row.fixed_client_id,
    createdAt: row.created_at,
    eventId: row.event_id,
    code: row.code,
    recordId: row.record_id,
    sequence: row.sequence,
    group: row.group_index,
    attributes: row.attributes,
    clientId: row.client_id,
    privacyMode: row.privacy_mode,
    privacyConsent: row.privacy_consent,
    forwardingRevoked: row.forwarding_revoked,
    erased: row.erased,
    userAgent: row.user_agent,
    address: row.address,
  };
}

const POSTPONE = statement(
  'delivery_queue_postpone',
  `update delivery_queue q set due_at = w.until
   from unnest($1::int[], $2::bigint[], $3::timestamptz[]) as w (app_id, lane, until)
   where q.app_id = w.app_id and q.lane = w.lane and q.due_at < w.until`,
);
/** What stands behind an undelivered event is not due before it, so that looking for work does not meet it again and again. */
export async function postponeLanes(
  sql: Sql,
  lanes: readonly { appId: number; lane: number; until: number }[],
): Promise<void> {
  await sql.query(POSTPONE, [
    lanes.map((lane) => lane.appId),
    lanes.map((lane) => lane.lane),
    lanes.map((lane) => iso(lane.until)),
  ]);
}
