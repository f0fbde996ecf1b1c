import type { Environment } from '../../events/event.ts';
import { type Sql, statement } from '../pool.ts';
import { type Clause, clause, composed, type Order } from './reading.ts';

export const DELIVERY_STATES = [
  'queued',
  'held',
  'retrying',
  'delivered',
  'parked',
  'dead_letter',
  'suppressed',
] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

export interface DeliveryItem {
  id: number;
  eventId: string;
  code: string;
  integrationId: number;
  environment: Environment;
  state: DeliveryState;
  reason: string | null;
  tries: number;
  dueAt: number;
  clientId: string | null;
  ambiguous: boolean;
  createdAt: number;
  settledAt: number | null;
}

interface DeliveryRow {
  id: number;
  event_id: string;
  code: string;
  integration_id: number;
  environment: Environment;
  state: DeliveryState;
  reason: string | null;
  tries: number;
  due_at: number;
  client_id: string | null;
  ambiguous: boolean;
  created_at: number;
  settled_at: number | null;
}

const DELIVERY_COLUMNS = `d.id, d.event_id, e.code, d.integration_id, d.environment, d.state, d.reason, d.tries, d.due_at, d.client_id,
     d.ambiguous, d.created_at, d.settled_at`;

function toDelivery(row: DeliveryRow): DeliveryItem {
  return {
    id: row.id,
    eventId: row.event_id,
    code: row.code,
    integrationId: row.integration_id,
    environment: row.environment,
    state: row.state,
    reason: row.reason,
    tries: row.tries,
    dueAt: row.due_at,
    clientId: row.client_id,
    ambiguous: row.ambiguous,
    createdAt: row.created_at,
    settledAt: row.settled_at,
  };
}

/** Those that `set_aside` names too, and so its index finds. */
const SET_ASIDE: ReadonlySet<DeliveryState> = new Set(['held', 'parked', 'dead_letter', 'suppressed']);
/** Those with a row in `delivery_queue`. */
const WAITING: ReadonlySet<DeliveryState> = new Set(['queued', 'retrying']);

/** A rare state is found by its index, or in the queue; `delivered` is nearly everything, so it is met at once. */
function stateClause(state: DeliveryState | undefined): Clause[] {
  if (state === undefined) return [];
  if (SET_ASIDE.has(state)) return clause('aside', 'd.set_aside = ?', state);
  if (!WAITING.has(state)) return clause('state', 'd.state = ?', state);
  return clause('waiting', 'd.state = ? and d.id in (select q.id from delivery_queue q where q.app_id = $1)', state);
}

/** In the order of birth. `after` = id of the last item of the page before. */
export async function pageDeliveries(
  sql: Sql,
  appId: number,
  filter: { state?: DeliveryState | undefined; eventId?: string | undefined },
  page: { after?: number | undefined; order: Order; limit: number },
): Promise<DeliveryItem[]> {
  const [found, values] = composed(
    `reading_deliveries_${page.order}`,
    `select ${DELIVERY_COLUMNS} from delivery d join event e on e.app_id = d.app_id and e.event_id = d.event_id
     where d.app_id = $1 $where order by d.id ${page.order} limit $2`,
    [appId, page.limit],
    [
      ...clause('after', page.order === 'asc' ? 'd.id > ?' : 'd.id < ?', page.after),
      ...stateClause(filter.state),
      ...clause('event', 'd.event_id = ?', filter.eventId),
    ],
  );
  return (await sql.query<DeliveryRow>(found, values)).map(toDelivery);
}

const DELIVERY = statement(
  'reading_delivery',
  `select ${DELIVERY_COLUMNS} from delivery d join event e on e.app_id = d.app_id and e.event_id = d.event_id
   where d.app_id = $1 and d.id = $2`,
);
export async function readDelivery(sql: Sql, appId: number, id: number): Promise<DeliveryItem | undefined> {
  const [row] = await sql.query<DeliveryRow>(DELIVERY, [appId, id]);
  return row && toDelivery(row);
}
