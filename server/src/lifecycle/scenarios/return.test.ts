import { expect, test } from 'vitest';
import type { StatusFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const OVER: StatusFact = { state: 'expired', autoRenew: false, endReason: 'cancelled' };
const first = transaction({ id: '1' });

function ended() {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  life.apply(signal('expired', { day: 30, transaction: first, status: OVER }));
  return life;
}

test('#49 reactivation at the regular price keeps the record, #50 through an offer', () => {
  const life = ended();
  expect(life.apply(signal('resubscribe', { day: 60, transaction: transaction({ id: '2', day: 60 }) }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
  expect(life.records).toHaveLength(1);
  expect(life.last.map((event) => event.sequence)).toEqual([7, 8, 9]);
  const offer = { kind: 'PROMOTIONAL_OFFER', identifier: 'back' } as const;
  const won = ended();
  expect(
    won.apply(signal('resubscribe', { day: 60, transaction: transaction({ id: '2', day: 60, euro: 1, offer }) })),
  ).toEqual([['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'PROMOTIONAL_OFFER_STARTED', 'TP(PROMOTIONAL_OFFER_STARTED) 1']]);
});

test('a return may come with another plan of the same chain', () => {
  const life = ended();
  life.apply(signal('resubscribe', { day: 60, transaction: transaction({ id: '2', day: 60, productId: 'family' }) }));
  expect(life.records).toHaveLength(1);
  expect(life.records[0]).toMatchObject({ productId: 'family', status: 'AUTO_RENEWING' });
  expect(life.last[0]?.attributes).toMatchObject({ plan: 'family_monthly' });
  expect(life.last[0]?.attributes).not.toHaveProperty('previous_plan');
});

test('a renewal on an ended record is a reactivation', () => {
  expect(ended().apply(signal('renewal', { day: 60, transaction: transaction({ id: '2', day: 60 }) }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
});

test('RESUBSCRIBE on a record that still looks open ends it first, dated at the stored end', () => {
  const life = live();
  life.apply(
    signal('purchase', { day: 0, transaction: transaction({ id: '1', euro: 0, offer: { kind: 'FREE_TRIAL' } }) }),
  );
  expect(life.apply(signal('resubscribe', { day: 60, transaction: transaction({ id: '2', day: 60 }) }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED', 'TRIAL_NOT_CONVERTED'],
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
  expect(life.last[0]?.occurredAt).toBe(START + 30 * DAY);
  expect(life.last[0]?.attributes).toMatchObject({ subscription_status: 'DEACTIVATED' });
  expect(life.last.at(-1)?.attributes).toMatchObject({ subscription_status: 'AUTO_RENEWING' });
  // The end arrives after all: nothing is left to say.
  expect(
    life.apply(
      signal('expired', {
        day: 30,
        transaction: transaction({ id: '1', euro: 0, offer: { kind: 'FREE_TRIAL' } }),
        status: OVER,
      }),
    ),
  ).toEqual([]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});

test('a purchase handed in after a lapse we were not told of is a return too', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  const again = transaction({ id: '2', day: 60, reason: 'purchase' });
  expect(life.apply(signal('hand_in', { day: 60, transaction: again, status: null }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
});

test('#51 deferral moves the end; unmoved or told twice it yields nothing', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  const longer = transaction({ id: '1', days: 37 });
  const to = { day: 10, transaction: longer, deferredUntil: longer.expiresAt ?? 0 };
  expect(life.apply(signal('deferral', to))).toEqual([['SUBSCRIPTION_DEFERRED']]);
  expect(life.last[0]?.attributes).toMatchObject({
    defer_end_at_ms: START + 37 * DAY,
    effective_next_renewal_at_ms: START + 37 * DAY,
    subscription_status: 'AUTO_RENEWING',
  });
  expect(life.apply(signal('deferral', { ...to, day: 11 }))).toEqual([]);
  const unmoved = live();
  unmoved.apply(signal('purchase', { day: 0, transaction: first }));
  expect(
    unmoved.apply(signal('deferral', { day: 10, transaction: first, deferredUntil: first.expiresAt ?? 0 })),
  ).toEqual([]);
});

test('#52 retention message', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  expect(life.apply(signal('retention_message', { day: 5, status: null }))).toEqual([['RETENTION_MESSAGE_REQUESTED']]);
  expect(live().apply(signal('retention_message', { day: 5, status: null }))).toEqual([]);
});
