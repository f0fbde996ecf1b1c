import type { UnifiedEvent } from '../../events/event.ts';
import { iso, type Sql, statement } from '../pool.ts';

export interface EventRow {
  appId: number;
  chainId: string;
  signalId: string;
  event: UnifiedEvent;
}

const INSERT = statement(
  'event_insert',
  `insert into event (app_id, event_id, record_id, sequence, group_index, code, store, environment, owner_id, chain_id, signal_id,
     occurred_at, created_at, attributes)
   select app_id, event_id, record_id, sequence, group_index, code, store, environment, owner_id, chain_id, signal_id, occurred_at, created_at, attributes
   from rows from (unnest($1::int[], $2::uuid[], $3::text[], $4::int[], $5::smallint[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::uuid[], $11::uuid[],
     $12::timestamptz[], $13::timestamptz[]), json_array_elements($14::json)) with ordinality
   as t (app_id, event_id, record_id, sequence, group_index, code, store, environment, owner_id, chain_id, signal_id, occurred_at, created_at, attributes, place)
   order by place
   on conflict (app_id, event_id) do nothing
   returning app_id, event_id`,
);
/** Append-only; an event that is there already stays as it is. @returns `${appId}:${eventId}` of those that are new */
export async function insertEvents(sql: Sql, rows: readonly EventRow[]): Promise<Set<string>> {
  if (rows.length === 0) return new Set();
  const inserted = await sql.query<{ app_id: number; event_id: string }>(INSERT, [
    rows.map((row) => row.appId),
    rows.map((row) => row.event.eventId),
    rows.map((row) => row.event.recordId),
    rows.map((row) => row.event.sequence),
    rows.map((row) => row.event.group),
    rows.map((row) => row.event.code),
    rows.map((row) => row.event.attributes['store']),
    rows.map((row) => row.event.attributes['environment']),
    rows.map((row) => row.event.ownerId),
    rows.map((row) => row.chainId),
    rows.map((row) => row.signalId),
    rows.map((row) => iso(row.event.occurredAt)),
    rows.map((row) => iso(row.event.createdAt)),
    // One document, not an array of them: nothing has to be escaped twice.
    JSON.stringify(rows.map((row) => row.event.attributes)),
  ]);
  return new Set(inserted.map((row) => `${row.app_id}:${row.event_id}`));
}
