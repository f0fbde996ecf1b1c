import { expect, test } from 'vitest';
import type { StatusFact } from '../fact.ts';
import { recordId } from '../ids.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const OFF: StatusFact = { state: 'active', autoRenew: false };
const chain = {
  store: 'APPLE_APP_STORE',
  environment: 'PRODUCTION',
  bundleId: 'demo.pianola.tempo',
  chainId: '1',
} as const;
const first = transaction({ id: '1', days: 30, euro: 0, offer: { kind: 'FREE_TRIAL' } });
const second = transaction({ id: '2', day: 30 });
const third = transaction({ id: '3', day: 60 });

test('first met in mid-life with its history: the past stays silent, the signal speaks', () => {
  const life = live();
  expect(life.apply(signal('renewal', { day: 30, transaction: second, history: [first, second] }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 9.99'],
  ]);
  expect(life.records[0]).toMatchObject({ id: recordId('subs', chain, '1'), openedAt: START });
  // The purchase's own notification comes after all.
  expect(life.apply(signal('purchase', { day: 0, transaction: first }))).toEqual([
    ['SUBSCRIPTION_STARTED', 'TRIAL_STARTED'],
  ]);
});

test('without a history the record opens with the id of the chain', () => {
  const life = live();
  expect(life.apply(signal('renewal', { day: 60, transaction: third }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
  expect(life.records[0]?.id).toBe(recordId('subs', chain, '1'));
});

test('a toggle on an unknown chain announces the transaction it carries, then itself', () => {
  expect(
    live().apply(signal('toggle', { day: 40, transaction: second, status: OFF, history: [first, second] })),
  ).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 9.99'],
    ['RENEWAL_DISABLED'],
  ]);
  expect(
    live()
      .apply(signal('toggle', { day: 40, transaction: second, history: [first] }))
      .at(-1),
  ).toEqual(['RENEWAL_ENABLED']);
});

test('a renewal of an unknown chain with renewal off is no toggle', () => {
  const life = live();
  life.apply(signal('renewal', { day: 30, transaction: second, status: OFF }));
  expect(life.last.map((event) => event.code)).not.toContain('RENEWAL_DISABLED');
  expect(life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
});

test('ruling 6: RESUBSCRIBE on an unknown chain is a reactivation, never a start', () => {
  expect(live().apply(signal('resubscribe', { day: 60, transaction: third }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
  expect(live().apply(signal('resubscribe', { day: 60, transaction: third, history: [first, second] }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99'],
  ]);
});

test('a recovery on an unknown chain: over an hour after the end it is from retry, else from grace', () => {
  const recovered = (day: number) =>
    live().apply(
      signal('recovery', { day, transaction: transaction({ id: '2', day }), history: [transaction({ id: '1' })] }),
    )[0]?.[2];
  expect(recovered(30.02)).toBe('SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD');
  expect(recovered(33)).toBe('SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY');
});

test('grace over on an unknown chain ends the grace', () => {
  expect(
    live().apply(
      signal('grace_expired', {
        day: 46,
        transaction: transaction({ id: '1' }),
        status: { state: 'retry', autoRenew: true },
      }),
    ),
  ).toEqual([
    ['SUBSCRIPTION_STARTED', 'TP(SUBSCRIPTION_STARTED) 9.99'],
    ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'ENTERED_BILLING_RETRY'],
  ]);
});

test('catch-up: missed periods of a known chain, one group each, oldest first', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  const fourth = transaction({ id: '4', day: 90 });
  expect(
    life.apply(signal('renewal', { day: 90, transaction: fourth, history: [first, second, third, fourth] })),
  ).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 9.99'],
    ['SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
  expect(life.last.map((event) => event.group)).toEqual([0, 0, 0, 1, 1, 2, 2, 2]);
  expect(life.last[3]?.occurredAt).toBe(START + 60 * DAY);
});

test('a refund on an unknown chain: charge and refund both stand in the ledger, what runs stays silent', () => {
  const life = live();
  const refunded = transaction({ id: '2', day: 30, revocation: { at: START + 65 * DAY, share: 1 } });
  expect(life.apply(signal('refund', { day: 65, transaction: refunded, history: [first, refunded, third] }))).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 9.99'],
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  expect(life.apply(signal('renewal', { day: 60, transaction: third }))).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
});

test('a plan change in the history splits the silent past into plan runs', () => {
  const life = live();
  const up = transaction({ id: '2', day: 10, productId: 'family', reason: 'purchase', euro: 14.99 });
  const renewed = transaction({ id: '3', day: 40, productId: 'family', reason: 'renewal', euro: 14.99 });
  life.apply(signal('renewal', { day: 40, transaction: renewed, history: [transaction({ id: '1' }), up, renewed] }));
  expect(life.statuses()).toEqual(['DEACTIVATED', 'AUTO_RENEWING']);
  expect(life.records[1]).toMatchObject({ id: recordId('subs', chain, '2'), from: { recordId: life.records[0]?.id } });
  expect(life.events.every((event) => event.recordId === life.records[1]?.id)).toBe(true);
});
