import { expect, test } from 'vitest';
import type { OfferFact, StatusFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const TRIAL: OfferFact = { kind: 'FREE_TRIAL' };
const OFF: StatusFact = { state: 'active', autoRenew: false };
const OVER: StatusFact = { state: 'expired', autoRenew: false, endReason: 'cancelled' };
const first = transaction({ id: '1' });
const second = transaction({ id: '2', day: 30 });

test('ruling 3: a signal that is the first to carry a transaction announces it before its own group', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  expect(life.apply(signal('toggle', { day: 40, transaction: second, status: OFF }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
    ['RENEWAL_DISABLED'],
  ]);
  expect(life.last.map((event) => event.occurredAt)).toEqual([
    ...Array<number>(3).fill(START + 30 * DAY),
    START + 40 * DAY,
  ]);
  expect(life.apply(signal('renewal', { day: 30, transaction: second }))).toEqual([]);
  expect(life.notes).toEqual(['late_signal']);
  expect(life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
});

test('ruling 3: a period already over when first seen is announced without ACTIVATE', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  expect(life.apply(signal('expired', { day: 61, transaction: second, status: OVER }))).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
});

test('ruling 3: the same after an end is a reactivation', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  life.apply(signal('expired', { day: 30, transaction: first, status: OVER }));
  const again = transaction({ id: '2', day: 50 });
  expect(life.apply(signal('expired', { day: 81, transaction: again, status: OVER }))).toEqual([
    ['SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
});

test('ruling 4: a late renewal adds its codes and money without ACTIVATE; a late toggle or end changes nothing', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  life.apply(signal('renewal', { day: 60, transaction: transaction({ id: '3', day: 60 }) }));
  expect(life.apply(signal('renewal', { day: 30, transaction: second }))).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
  expect(life.last[0]?.attributes).toMatchObject({ store_transaction_id: '2', purchased_at_ms: START + 30 * DAY });
  expect(life.apply(signal('toggle', { day: 31, transaction: second, status: OFF }))).toEqual([]);
  expect(life.apply(signal('expired', { day: 32, transaction: second, status: OVER }))).toEqual([]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});

test('ruling 4: a late refund moves its money and changes no status', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  life.apply(signal('refund_reversed', { day: 9, transaction: first }));
  expect(
    life.apply(
      signal('refund', {
        day: 5,
        transaction: transaction({ id: '1', revocation: { at: START + 5 * DAY, share: 1 } }),
        status: { state: 'revoked' },
      }),
    ),
  ).toEqual([
    [
      'SUBSCRIPTION_REFUNDED_REVOKED',
      'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99',
      'TP(SUBSCRIPTION_REFUNDED_REVOKED) 9.99',
    ],
  ]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});

test('a lone transaction makes nothing late', () => {
  const life = live();
  life.apply(signal('hand_in', { day: 2, transaction: first, status: null }));
  expect(life.statusAt).toBeNull();
  expect(life.apply(signal('toggle', { day: 1, transaction: first, status: OFF }))).toEqual([['RENEWAL_DISABLED']]);
});

test('hand-in before, after and together with the notification gives one set of events with the same ids', () => {
  const handIn = signal('hand_in', { day: 0, transaction: first, status: null });
  const notification = signal('purchase', { day: 0, transaction: first });
  const ids = [[handIn, notification], [notification, handIn], [notification]].map((signals) => {
    const life = live();
    for (const facts of signals) life.apply(facts);
    return life.events.map((event) => event.eventId);
  });
  expect(ids[0]).toHaveLength(3);
  expect(ids[1]).toEqual(ids[0]);
  expect(ids[2]).toEqual(ids[0]);
});

test('a trial told of late opens and closes its run', () => {
  const life = live();
  life.apply(signal('renewal', { day: 30, transaction: second }));
  expect(
    life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', euro: 0, offer: TRIAL }) })),
  ).toEqual([['SUBSCRIPTION_STARTED', 'TRIAL_STARTED'], ['TRIAL_CONVERTED']]);
});

test('an end that turns out to come before a refund decides the status, silently', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  const refund = transaction({ id: '1', revocation: { at: START + 40 * DAY, share: 1 } });
  life.apply(signal('refund', { day: 40, transaction: refund, status: { state: 'revoked' } }));
  expect(life.apply(signal('expired', { day: 30.1, transaction: first, status: OVER }))).toEqual([]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
});

test('an end older than a lone transaction that followed it leaves the new period alone', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  life.apply(
    signal('hand_in', { day: 60, transaction: transaction({ id: '2', day: 60, reason: 'purchase' }), status: null }),
  );
  expect(life.apply(signal('expired', { day: 30, transaction: first, status: OVER }))).toEqual([]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});
