/** What the simulated AT Internet collector received, as its journal tells it. */
export interface JournalEntry {
  /** `idclient` as it came. */
  visitor: string;
  /** The event's name on the wire. */
  name: string;
  eventId: string;
  outcome: 'accepted' | 'excluded' | 'rejected';
  /** Epoch ms of the simulator's clock. */
  receivedAt: number;
}

interface Item {
  idclient: string;
  name: string;
  sub_event_id: string | null;
  outcome: JournalEntry['outcome'];
  received_at: string;
}

async function call<T>(url: string, method = 'GET', body?: unknown): Promise<T> {
  const response = await fetch(url, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(30_000),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

/** Everything in the journal, oldest first. */
export async function readJournal(collector: string): Promise<JournalEntry[]> {
  const entries: JournalEntry[] = [];
  for (let cursor: number | string | null = ''; cursor !== null; ) {
    const after = cursor === '' ? '' : `&cursor=${cursor}`;
    const page: { items: Item[]; next: number | string | null } = await call(
      `${collector}/__journal?view=brief&order=asc&limit=10000${after}`,
    );
    for (const item of page.items) {
      entries.push({
        visitor: item.idclient,
        name: item.name,
        eventId: item.sub_event_id ?? '',
        outcome: item.outcome,
        receivedAt: Date.parse(item.received_at),
      });
    }
    cursor = page.next;
  }
  return entries;
}

/** Events received since the journal was last cleared, repeats included. */
export async function countJournal(collector: string): Promise<number> {
  return (await call<{ total: number }>(`${collector}/__journal/stats`)).total;
}

/** Forgets what came before and makes room for `limit` entries, without their requests. */
export async function clearJournal(collector: string, limit: number): Promise<void> {
  const config = await call<Record<string, unknown>>(`${collector}/__config`);
  await call(`${collector}/__config`, 'PUT', { ...config, journalLimit: limit, journalKeep: 'slim' });
  await call(`${collector}/__journal`, 'DELETE');
}

/** Declares events in the simulated data model, or the collector excludes them. */
export async function declareEvents(collector: string, names: readonly string[]): Promise<void> {
  await call(`${collector}/__model`, 'PATCH', {
    events: names.map((name) => ({ name, scope: 'off', status: 'Validated' })),
    properties: [],
  });
}
