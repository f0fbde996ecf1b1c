import type { Environment } from '../../events/event.ts';
import { iso, type Sql } from '../pool.ts';
import { clause, composed, type Order } from './reading.ts';

export interface SignalItem {
  id: string;
  receivedAt: number;
  kind: string;
  store: string;
  environment: string;
  type: string;
  storeTime: number;
  state: string;
  reason: string | null;
  transactionIds: string[];
  chainId: string | null;
}

export interface SignalFilter {
  state?: string | undefined;
  store?: string | undefined;
  environment?: Environment | undefined;
  chainId?: string | undefined;
}

/** In the order of arrival. `after` = time and id of the last item of the page before. */
export async function pageSignals(
  sql: Sql,
  appId: number,
  filter: SignalFilter,
  page: { after?: { receivedAt: number; id: string } | undefined; order: Order; limit: number },
): Promise<SignalItem[]> {
  const past = page.order === 'asc' ? '>' : '<';
  const [found, values] = composed(
    `reading_signals_${page.order}`,
    `select id, received_at, kind, store, environment, type, store_time, state, reason, transaction_ids, chain_id
     from signal where app_id = $1 $where order by received_at ${page.order}, id ${page.order} limit $2`,
    [appId, page.limit],
    [
      ...clause('after', `(received_at, id) ${past} (?, ?)`, page.after && iso(page.after.receivedAt), page.after?.id),
      ...clause('state', 'state = ?', filter.state),
      ...clause('store', 'store = ?', filter.store),
      ...clause('environment', 'environment = ?', filter.environment),
      ...clause('chain', 'chain_id = ?', filter.chainId),
    ],
  );
  const rows = await sql.query<{
    id: string;
    received_at: number;
    kind: string;
    store: string;
    environment: string;
    type: string;
    store_time: number;
    state: string;
    reason: string | null;
    transaction_ids: string[];
    chain_id: string | null;
  }>(found, values);
  return rows.map((row) => ({
    id: row.id,
    receivedAt: row.received_at,
    kind: row.kind,
    store: row.store,
    environment: row.environment,
    type: row.type,
    storeTime: row.store_time,
    state: row.state,
    reason: row.reason,
    transactionIds: row.transaction_ids,
    chainId: row.chain_id,
  }));
}
