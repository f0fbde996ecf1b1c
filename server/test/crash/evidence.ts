/** Reads what the database says it has, past the server: the court must not ask the accused. */
import { join } from 'node:path';
import { Client } from 'pg';
import type { Evidence, StoredDelivery, StoredEvent } from '../harness/ledger.ts';

type FromDatabase = Pick<Evidence, 'signals' | 'events' | 'deliveries' | 'ambiguousAttempts'>;

/** `dataDir` of an installation whose embedded PostgreSQL runs. */
export async function openDatabase(dataDir: string): Promise<Client> {
  const client = new Client({ host: join(dataDir, 'run'), user: 'pianola', database: 'postgres' });
  await client.connect();
  return client;
}

/** Work that is still under way, by kind; everything 0 = drained. */
export async function underWay(client: Client): Promise<Record<string, number>> {
  const { rows } = await client.query<Record<string, number>>(
    `select (select count(*)::int from signal_pending) as "signals pending",
            (select count(*)::int from delivery where state in ('queued', 'retrying')) as "deliveries to send",
            (select count(*)::int from sending) as "batches in flight"`,
  );
  return rows[0] ?? {};
}

export async function readEvidence(client: Client): Promise<FromDatabase> {
  const signals = await client.query<{ id: string }>(`select split_part(dedupe_key, ':', 3) as id from signal`);
  const events = await client.query<StoredEvent>(
    `select e.event_id as "eventId", e.record_id as "recordId", e.sequence, e.code, c.store_chain_id as chain
     from event e join chain c on c.app_id = e.app_id and c.id = e.chain_id`,
  );
  const deliveries = await client.query<StoredDelivery>(`select event_id as "eventId", state, ambiguous from delivery`);
  const attempts = await client.query<{ id: string }>(`select unnest(event_ids) as id from attempt where ambiguous`);
  return {
    signals: signals.rows.map((row) => row.id),
    events: events.rows,
    deliveries: deliveries.rows,
    ambiguousAttempts: attempts.rows.map((row) => row.id),
  };
}
