/** What must hold after everything that was sent has been worked off: pure counting over what each side says it has. */
import type { Arrival } from './recorder.ts';

export interface StoredEvent {
  eventId: string;
  recordId: string;
  sequence: number;
  code: string;
  /** The store's chain id. */
  chain: string;
}

export interface StoredDelivery {
  eventId: string;
  state: string;
  ambiguous: boolean;
}

export interface Evidence {
  /** Dedupe ids the server answered 200 to. */
  acknowledged: ReadonlySet<string>;
  /** Dedupe ids in the database, once per row. */
  signals: readonly string[];
  events: readonly StoredEvent[];
  deliveries: readonly StoredDelivery[];
  /** Event ids of attempts marked ambiguous, once per attempt. */
  ambiguousAttempts: readonly string[];
  /** In the order of arrival. */
  arrivals: readonly Arrival[];
  /** Event codes each chain must have, in order; null = any. */
  expected: ReadonlyMap<string, readonly string[]>;
}

/** Each list holds one line per breach; the counts are for the report. */
export interface Findings {
  breaches: {
    /** Answered 200, but not in the database. */
    lostSignals: string[];
    /** Stored more than once under one dedupe id. */
    repeatedSignals: string[];
    /** The chain's events are not exactly the expected ones in the expected order. */
    wrongEvents: string[];
    /** Sequence numbers of a record that do not run 1, 2, 3 … */
    gaps: string[];
    /** Events without exactly one delivery, or with one that is not delivered. */
    undelivered: string[];
    /** Delivered according to the database, but never seen by the collector. */
    unseen: string[];
    /** Came more often than once without being marked as possible duplicates. */
    unmarkedRepeats: string[];
    /** First copies that overtook another of the same visitor. */
    overtaken: string[];
  };
  counts: {
    acknowledged: number;
    signals: number;
    events: number;
    records: number;
    arrivals: number;
    repeats: number;
    ambiguousAttempts: number;
  };
}

export function audit(evidence: Evidence): Findings {
  const { signals, events, deliveries, arrivals, ambiguousAttempts } = evidence;
  const stored = countBy(signals, (id) => id);
  const byRecord = Map.groupBy(
    events.toSorted((a, b) => a.sequence - b.sequence),
    (event) => event.recordId,
  );
  const deliveriesOf = Map.groupBy(deliveries, (delivery) => delivery.eventId);
  const copies = countBy(arrivals, (arrival) => arrival.eventId);
  const ambiguousTries = countBy(ambiguousAttempts, (id) => id);
  const repeated = [...copies].filter(([, n]) => n > 1);

  return {
    breaches: {
      lostSignals: [...evidence.acknowledged].filter((id) => !stored.has(id)),
      repeatedSignals: [...stored].filter(([, n]) => n > 1).map(([id, n]) => `${id} stored ${n} times`),
      wrongEvents: wrongEvents(evidence),
      gaps: [...byRecord]
        .filter(([, own]) => own.some((event, index) => event.sequence !== index + 1))
        .map(([id, own]) => `${id}: ${own.map((event) => event.sequence).join(' ')}`),
      undelivered: events.flatMap(({ eventId, code }) => {
        const states = (deliveriesOf.get(eventId) ?? []).map((delivery) => delivery.state);
        return states.length === 1 && states[0] === 'delivered'
          ? []
          : [`${code} ${eventId}: ${states.join(', ') || 'no delivery'}`];
      }),
      unseen: deliveries
        .filter(({ eventId, state }) => state === 'delivered' && !copies.has(eventId))
        .map(({ eventId }) => eventId),
      unmarkedRepeats: repeated.flatMap(([id, n]) => {
        const marked = deliveriesOf.get(id)?.every((delivery) => delivery.ambiguous) ?? false;
        // Every copy but the last came from a try that did not learn of its success.
        const tries = ambiguousTries.get(id) ?? 0;
        return marked && tries >= n - 1
          ? []
          : [`${id}: ${n} copies, ${tries} ambiguous attempts, delivery ${marked ? 'marked' : 'not marked'}`];
      }),
      overtaken: overtaken(arrivals),
    },
    counts: {
      acknowledged: evidence.acknowledged.size,
      signals: signals.length,
      events: events.length,
      records: byRecord.size,
      arrivals: arrivals.length,
      repeats: repeated.reduce((sum, [, n]) => sum + n - 1, 0),
      ambiguousAttempts: ambiguousAttempts.length,
    },
  };
}

function wrongEvents({ events, expected }: Evidence): string[] {
  const byChain = Map.groupBy(events, (event) => event.chain);
  const wrong: string[] = [];
  for (const [chain, codes] of expected) {
    const got = (byChain.get(chain) ?? []).toSorted((a, b) => a.sequence - b.sequence).map((event) => event.code);
    if (got.join(' ') !== codes.join(' ')) wrong.push(`${chain}: ${got.join(' ') || 'nothing'}`);
  }
  for (const chain of byChain.keys()) if (!expected.has(chain)) wrong.push(`${chain}: nobody sent it`);
  return wrong;
}

/** Per visitor and record, first copies must come in the order of their numbers. */
function overtaken(arrivals: readonly Arrival[]): string[] {
  const seen = new Set<string>();
  const newest = new Map<string, number>();
  const wrong: string[] = [];
  for (const { visitor, recordId, sequence, eventId, code } of arrivals) {
    if (seen.has(eventId)) continue;
    seen.add(eventId);
    const lane = `${visitor} ${recordId}`;
    const before = newest.get(lane) ?? 0;
    if (sequence < before) wrong.push(`${lane}: ${code} ${sequence} after ${before}`);
    newest.set(lane, Math.max(before, sequence));
  }
  return wrong;
}

function countBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(key(item), (counts.get(key(item)) ?? 0) + 1);
  return counts;
}
