/** Lives that once ended differently when told in another order. Each was found by the property tests and cut down by hand. */
import { expect, test } from 'vitest';
import type { Facts, OfferFact, StatusFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';
import { hasAccess } from '../transitions.ts';

const OFF: StatusFact = { state: 'active', autoRenew: false };
const OVER: StatusFact = { state: 'expired', autoRenew: true, endReason: 'billing' };
const REVOKED: StatusFact = { state: 'revoked', autoRenew: false };

function told(signals: readonly Facts[]) {
  const life = live();
  for (const facts of signals) life.apply(facts);
  const money = life.events.filter((event) => event.code === 'TRANSACTION_PROCESSED').map((event) => event.eventId);
  return { life, money: money.toSorted() };
}

test('the newest status counts once the transaction it spoke of turns out to be older than thought', () => {
  const third = transaction({ id: '3', day: 60 });
  const { life } = told([
    signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }),
    signal('hand_in', { day: 88, transaction: third, status: null }),
    signal('refund', {
      day: 87,
      transaction: transaction({ id: '1', revocation: { at: START + 87 * DAY, share: 1 } }),
      status: OFF,
    }),
    signal('renewal', { day: 60, transaction: third }),
  ]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
  expect(life.events.at(-1)?.code).toBe('RENEWAL_DISABLED');
});

test('the credit of a change is taken when the transaction that made it comes after the renewals of the new plan', () => {
  const first = signal('purchase', { day: 0, transaction: transaction({ id: '1', euro: 10 }) });
  const change = signal('plan_change', {
    day: 18,
    transaction: transaction({ id: '2', day: 18, productId: 'family', reason: 'purchase' }),
  });
  const renewed = signal('renewal', {
    day: 48,
    transaction: transaction({ id: '3', day: 48, productId: 'family', reason: 'renewal' }),
  });
  const late = told([first, renewed, change]);
  expect(late.money).toEqual(told([first, change, renewed]).money);
  expect(late.life.cumulated).toBe(1000 - 400 + 999 + 999);
});

test('a refund older than a reversal and a newer refund leaves the newer one in force', () => {
  const revoked = (day: number) =>
    signal('refund', {
      day,
      transaction: transaction({ id: '1', revocation: { at: START + day * DAY, share: 1 } }),
      status: REVOKED,
    });
  const bought = signal('purchase', { day: 0, transaction: transaction({ id: '1' }) });
  const reversed = signal('refund_reversed', { day: 4, transaction: transaction({ id: '1' }) });
  const mixed = told([revoked(6), revoked(3), bought, reversed]);
  expect(mixed.money).toEqual(told([bought, revoked(3), reversed, revoked(6)]).money);
  expect(mixed.life.records[0]).toMatchObject({ status: 'REVOKED', effectiveEndAt: START + 6 * DAY });
});

test('a period first seen when it was over brings access back if the subscription runs', () => {
  const { life } = told([
    signal('renewal_failed', {
      day: 30,
      transaction: transaction({ id: '1' }),
      status: { state: 'retry', autoRenew: true },
    }),
    signal('refund', {
      day: 94,
      transaction: transaction({ id: '2', day: 61, revocation: { at: START + 94 * DAY, share: 0.5 } }),
    }),
  ]);
  expect(hasAccess(life.records[0]?.status ?? null)).toBe(true);
  expect(life.events.findLast((event) => event.code === 'ACTIVATE' || event.code === 'DEACTIVATE')?.code).toBe(
    'ACTIVATE',
  );
});

test('a grace told of after the end it led to still decides when access ended', () => {
  const first = transaction({ id: '1' });
  const { life } = told([
    signal('purchase', { day: 0, transaction: first }),
    signal('expired', { day: 46, transaction: first, status: OVER }),
    signal('renewal_failed', {
      day: 30,
      transaction: first,
      status: { state: 'grace', autoRenew: true, graceExpiresAt: START + 46 * DAY },
    }),
  ]);
  expect(life.records[0]).toMatchObject({ status: 'UNPAID', effectiveEndAt: START + 46 * DAY });
});

test('an end read beside a silent history is told once', () => {
  const intro: OfferFact = { kind: 'INTRO_OFFER' };
  const first = transaction({ id: '1', offer: intro, revocation: { at: START + 61 * DAY, share: 1 } });
  const second = transaction({ id: '2', day: 30, reason: 'renewal' });
  const { life } = told([
    signal('refund', { day: 61, transaction: first, status: OVER, history: [first, second] }),
    signal('none', { day: 62, transaction: second, status: OVER }),
    signal('expired', { day: 60, transaction: second, status: OVER }),
  ]);
  expect(life.events.filter((event) => event.code === 'SUBSCRIPTION_EXPIRED')).toHaveLength(1);
  expect(new Set(life.events.map((event) => event.eventId)).size).toBe(life.events.length);
});

test('what the history knows of a time after the signal is left to signals of its own', () => {
  const first = transaction({ id: '1' });
  const change = transaction({ id: '3', day: 40, productId: 'family', reason: 'purchase' });
  const second = transaction({ id: '2', day: 30, reason: 'renewal' });
  const { life } = told([signal('renewal', { day: 30, transaction: second, history: [first, second, change] })]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  expect(life.apply(signal('plan_change', { day: 40, grade: 'up', transaction: change }))[0]?.slice(0, 3)).toEqual([
    'old:DEACTIVATE',
    'ACTIVATE',
    'SUBSCRIPTION_UPGRADED',
  ]);
});

test('an end inferred from a return is not put down to the return itself when that turns out to be older', () => {
  const third = transaction({ id: '3', day: 61, reason: 'purchase' });
  const { life } = told([
    signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }),
    signal('toggle', { day: 64, transaction: third, status: OFF }),
    signal('expired', {
      day: 92,
      transaction: third,
      status: { state: 'expired', autoRenew: false, endReason: 'cancelled' },
    }),
    signal('resubscribe', { day: 61.5, transaction: third }),
  ]);
  expect(life.records[0]).toMatchObject({ status: 'DEACTIVATED', effectiveEndAt: START + 91 * DAY });
});

test('a status told of a silent period is not told again when its transaction is announced', () => {
  const third = transaction({ id: '3', day: 60, reason: 'renewal' });
  const retry: StatusFact = { state: 'retry', autoRenew: true };
  const refunded = transaction({ id: '1', revocation: { at: START + 90 * DAY, share: 1 } });
  const { life } = told([
    signal('refund', {
      day: 90.5,
      transaction: refunded,
      status: retry,
      history: [refunded, transaction({ id: '2', day: 30 }), third],
    }),
    signal('toggle', { day: 91, transaction: third, status: { ...retry, autoRenew: false } }),
  ]);
  expect(life.events.filter((event) => event.code === 'ENTERED_BILLING_RETRY')).toHaveLength(1);
  expect(life.events.at(-1)?.code).toBe('RENEWAL_DISABLED');
});

test('twice refunded and twice reversed, out of order: each event has an id of its own', () => {
  const bought = transaction({ id: '2', day: 30, reason: 'renewal' });
  const revoked = (day: number) => transaction({ ...bought, revocation: { at: START + day * DAY, share: 1 } });
  const { life } = told([
    signal('renewal', { day: 30, transaction: bought }),
    signal('refund_reversed', { day: 60, transaction: bought, status: REVOKED }),
    signal('none', { day: 57.5, transaction: revoked(57), status: REVOKED }),
    signal('refund_reversed', { day: 58, transaction: bought }),
    signal('refund', { day: 59, transaction: revoked(59), status: REVOKED }),
  ]);
  expect(new Set(life.events.map((event) => event.eventId)).size).toBe(life.events.length);
  expect(life.cumulated).toBe(999);
});

test('one word on automatic renewal that counts for two periods switches it twice, with two ids', () => {
  const third = transaction({ id: '3', day: 60, reason: 'renewal' });
  const { life } = told([
    signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }),
    signal('refund', {
      day: 84,
      transaction: transaction({ id: '1', revocation: { at: START + 84 * DAY, share: 1 } }),
      status: OFF,
    }),
    signal('hand_in', { day: 85, transaction: third, status: null }),
    signal('renewal', { day: 60, transaction: third }),
  ]);
  const toggles = life.events.filter((event) => event.code.startsWith('RENEWAL_'));
  expect(toggles.map((event) => event.code)).toEqual(['RENEWAL_DISABLED', 'RENEWAL_ENABLED', 'RENEWAL_DISABLED']);
  expect(new Set(toggles.map((event) => event.eventId)).size).toBe(3);
});
