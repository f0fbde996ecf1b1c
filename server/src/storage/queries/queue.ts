import type { QueueDepths } from '../../observe/metrics.ts';
import { type Sql, statement } from '../pool.ts';

const DEPTHS = statement(
  'queue_depths',
  // Counted on the small tables and on index ranges: what was delivered, nearly everything, is never looked at.
  `select 'signals_pending' as queue, count(*) as depth from signal_pending
   union all
   select 'deliveries_queued', count(*) from delivery_queue
   union all
   select 'deliveries_' || s.state, coalesce(sum(n.depth), 0)::bigint
   from unnest(array['held', 'parked', 'dead_letter']) as s (state)
   left join app a on true
   left join lateral (select count(*) as depth from delivery where app_id = a.id and set_aside = s.state) n on true
   group by s.state`,
);
/** Rows waiting, by queue, for the metrics. Deliveries that are tried again count as queued. */
export async function readQueueDepths(sql: Sql): Promise<QueueDepths> {
  const rows = await sql.query<{ queue: keyof QueueDepths; depth: number }>(DEPTHS, []);
  return Object.fromEntries(rows.map((row) => [row.queue, row.depth]));
}
