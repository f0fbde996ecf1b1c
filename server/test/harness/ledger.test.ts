import { expect, test } from 'vitest';
import { audit, type Evidence } from './ledger.ts';

/** Two events of one chain, delivered once each. */
function good(): Evidence {
  const event = (sequence: number, code: string) => ({
    eventId: `e${sequence}`,
    recordId: 'r',
    sequence,
    code,
    chain: 'c',
  });
  const arrival = (sequence: number, code: string) => ({
    visitor: 'v',
    eventId: `e${sequence}`,
    code,
    recordId: 'r',
    sequence,
  });
  return {
    acknowledged: new Set(['n1', 'n2']),
    signals: ['n1', 'n2'],
    events: [event(1, 'A'), event(2, 'B')],
    deliveries: [
      { eventId: 'e1', state: 'delivered', ambiguous: false },
      { eventId: 'e2', state: 'delivered', ambiguous: false },
    ],
    ambiguousAttempts: [],
    arrivals: [arrival(1, 'A'), arrival(2, 'B')],
    expected: new Map([['c', ['A', 'B']]]),
  };
}

const breached = (change: (evidence: Evidence) => Partial<Evidence>) => {
  const evidence = good();
  const { breaches } = audit({ ...evidence, ...change(evidence) });
  return Object.entries(breaches)
    .filter(([, lines]) => lines.length > 0)
    .map(([name]) => name);
};

test('a good ledger has no breach', () => {
  expect(breached(() => ({}))).toEqual([]);
  expect(audit(good()).counts).toMatchObject({
    acknowledged: 2,
    signals: 2,
    events: 2,
    records: 1,
    arrivals: 2,
    repeats: 0,
  });
});

test.each<[name: string, change: (evidence: Evidence) => Partial<Evidence>]>([
  ['lostSignals', (e) => ({ signals: e.signals.slice(1) })],
  ['repeatedSignals', (e) => ({ signals: [...e.signals, 'n1'] })],
  ['gaps', (e) => ({ events: e.events.map((event) => (event.sequence === 2 ? { ...event, sequence: 3 } : event)) })],
  [
    'undelivered',
    (e) => ({ deliveries: e.deliveries.map((d) => (d.eventId === 'e1' ? { ...d, state: 'parked' } : d)) }),
  ],
  ['unseen', (e) => ({ arrivals: e.arrivals.slice(1) })],
  ['overtaken', (e) => ({ arrivals: e.arrivals.toReversed() })],
])('finds %s', (name, change) => expect(breached(change)).toEqual([name]));

test('finds an event that is missing, stored twice or nobody’s', () => {
  expect(breached((e) => ({ expected: new Map([['c', ['A', 'B', 'B']]]), events: e.events }))).toEqual(['wrongEvents']);
  expect(breached(() => ({ expected: new Map() }))).toEqual(['wrongEvents']);
});

test('a repeat must be marked on the delivery and on as many attempts as there were copies too many', () => {
  const repeat = (e: Evidence) => ({ arrivals: [...e.arrivals, e.arrivals[0]!] });
  const marked = (e: Evidence) => e.deliveries.map((d) => (d.eventId === 'e1' ? { ...d, ambiguous: true } : d));
  expect(breached(repeat)).toEqual(['unmarkedRepeats']);
  expect(breached((e) => ({ ...repeat(e), deliveries: marked(e) }))).toEqual(['unmarkedRepeats']);
  expect(breached((e) => ({ ...repeat(e), ambiguousAttempts: ['e1'] }))).toEqual(['unmarkedRepeats']);
  expect(breached((e) => ({ ...repeat(e), deliveries: marked(e), ambiguousAttempts: ['e1'] }))).toEqual([]);
});

test('a late second copy does not count as overtaking', () => {
  const marked = (e: Evidence) => e.deliveries.map((d) => ({ ...d, ambiguous: true }));
  expect(
    breached((e) => ({ arrivals: [...e.arrivals, e.arrivals[0]!], deliveries: marked(e), ambiguousAttempts: ['e1'] })),
  ).toEqual([]);
});
