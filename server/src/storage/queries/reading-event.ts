import type { AttributeValue, Environment } from '../../events/event.ts';
import { type Sql, statement } from '../pool.ts';
import { clause, composed, type Order } from './reading.ts';

export interface EventItem {
  eventId: string;
  code: string;
  recordId: string;
  sequence: number;
  group: number;
  store: string;
  environment: Environment;
  ownerId: string | null;
  chainId: string;
  signalId: string;
  occurredAt: number;
  createdAt: number;
  attributes: Record<string, AttributeValue>;
  position: number;
}

interface EventRow {
  event_id: string;
  code: string;
  record_id: string;
  sequence: number;
  group_index: number;
  store: string;
  environment: Environment;
  owner_id: string | null;
  chain_id: string;
  signal_id: string;
  occurred_at: number;
  created_at: number;
  attributes: Record<string, AttributeValue>;
  position: number;
}

const EVENT_COLUMNS = `event_id, code, record_id, sequence, group_index, store, environment, owner_id, chain_id, signal_id,
     occurred_at, created_at, attributes, position`;

function toEvent(row: EventRow): EventItem {
  return {
    eventId: row.event_id,
    code: row.code,
    recordId: row.record_id,
    sequence: row.sequence,
    group: row.group_index,
    store: row.store,
    environment: row.environment,
    ownerId: row.owner_id,
    chainId: row.chain_id,
    signalId: row.signal_id,
    occurredAt: row.occurred_at,
    createdAt: row.created_at,
    attributes: row.attributes,
    position: row.position,
  };
}

export interface EventFilter {
  code?: string | undefined;
  environment?: Environment | undefined;
  recordId?: string | undefined;
  ownerId?: string | undefined;
  signalId?: string | undefined;
  chainId?: string | undefined;
}

/** In the order of storage. `after` = position of the last item of the page before. */
export async function pageEvents(
  sql: Sql,
  appId: number,
  filter: EventFilter,
  page: { after?: number | undefined; order: Order; limit: number },
): Promise<EventItem[]> {
  const [found, values] = composed(
    `reading_events_${page.order}`,
    `select ${EVENT_COLUMNS} from event where app_id = $1 $where order by position ${page.order} limit $2`,
    [appId, page.limit],
    [
      ...clause('after', page.order === 'asc' ? 'position > ?' : 'position < ?', page.after),
      ...clause('code', 'code = ?', filter.code),
      ...clause('environment', 'environment = ?', filter.environment),
      ...clause('record', 'record_id = ?', filter.recordId),
      ...clause('owner', 'owner_id = ?', filter.ownerId),
      ...clause('signal', 'signal_id = ?', filter.signalId),
      // Events are indexed by record, and a chain knows the records it touched.
      ...clause(
        'chain',
        'chain_id = ? and record_id = any(array(select unnest(c.record_ids) from chain c where c.app_id = $1 and c.id = ?))',
        filter.chainId,
        filter.chainId,
      ),
    ],
  );
  return (await sql.query<EventRow>(found, values)).map(toEvent);
}

const EVENT = statement('reading_event', `select ${EVENT_COLUMNS} from event where app_id = $1 and event_id = $2`);
export async function readEvent(sql: Sql, appId: number, eventId: string): Promise<EventItem | undefined> {
  const [row] = await sql.query<EventRow>(EVENT, [appId, eventId]);
  return row && toEvent(row);
}
