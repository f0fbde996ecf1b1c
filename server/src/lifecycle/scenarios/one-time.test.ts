import { expect, test } from 'vitest';
import type { TransactionFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const item = (purchaseType: TransactionFact['purchaseType'], rest = {}) =>
  transaction({
    id: '1',
    purchaseType,
    productId: purchaseType === 'NON_RENEWING_SUBSCRIPTION' ? 'pass' : 'coins',
    euro: 4.49,
    ...rest,
  });

function bought(purchaseType: TransactionFact['purchaseType'], rest = {}) {
  const life = live();
  const groups = life.apply(signal('one_time', { day: 0, transaction: item(purchaseType, rest), status: null }));
  return { life, groups };
}
const back = (purchaseType: TransactionFact['purchaseType'], day: number, share = 1) =>
  signal('refund', {
    day,
    transaction: item(purchaseType, { revocation: { at: START + day * DAY, share } }),
    status: null,
  });
const reversed = (purchaseType: TransactionFact['purchaseType'], day: number) =>
  signal('refund_reversed', { day, transaction: item(purchaseType), status: null });

test('#58 consumable, #59 non-consumable, #60 non-renewing subscription', () => {
  const codes = [['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TP(SUBSCRIPTION_STARTED) 4.49']];
  const consumable = bought('CONSUMABLE');
  expect(consumable.groups).toEqual(codes);
  expect(consumable.life.statuses()).toEqual([null]);
  const { attributes } = consumable.life.last[0] ?? { attributes: {} };
  expect(attributes).toMatchObject({
    offer_type: 'NONE',
    purchasely_one_time_purchase_id: consumable.life.records[0]?.id,
  });
  for (const absent of [
    'subscription_status',
    'is_family_shared',
    'next_renewal_at',
    'previous_offer_type',
    'purchasely_subscription_id',
  ]) {
    expect(attributes).not.toHaveProperty(absent);
  }
  const kept = bought('NON_CONSUMABLE');
  expect(kept.groups).toEqual(codes);
  expect(kept.life.last[0]?.attributes).toMatchObject({ is_family_shared: false });
  const pass = bought('NON_RENEWING_SUBSCRIPTION');
  expect(pass.groups).toEqual(codes);
  expect(pass.life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
  expect(pass.life.last[0]?.attributes).toMatchObject({
    subscription_status: 'AUTO_RENEWING_CANCELED',
    effective_next_renewal_at_ms: START + 30 * DAY,
  });
});

test('a family-shared non-consumable moves no money; a restored one is the purchase we have', () => {
  expect(bought('NON_CONSUMABLE', { familyShared: true }).groups).toEqual([['ACTIVATE', 'SUBSCRIPTION_STARTED']]);
  const { life } = bought('NON_CONSUMABLE');
  expect(
    life.apply(signal('hand_in', { day: 9, transaction: item('NON_CONSUMABLE', { id: '2' }), status: null })),
  ).toEqual([]);
});

test('each consumable is a record of its own', () => {
  const { life } = bought('CONSUMABLE');
  expect(
    life.apply(signal('one_time', { day: 1, transaction: item('CONSUMABLE', { id: '2', day: 1 }), status: null })),
  ).toHaveLength(1);
  expect(life.records).toHaveLength(2);
});

test('#61 a non-renewing subscription is over when its time is', () => {
  const { life } = bought('NON_RENEWING_SUBSCRIPTION');
  expect(
    life.apply(
      signal('expired', { day: 30, transaction: item('NON_RENEWING_SUBSCRIPTION'), status: { state: 'expired' } }),
    ),
  ).toEqual([['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED']]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
});

test('#62 refunded, #65 reversed', () => {
  const { life } = bought('CONSUMABLE');
  expect(life.apply(back('CONSUMABLE', 2))).toEqual([['DEACTIVATE', 'TP(DEACTIVATE) -4.49']]);
  expect(life.apply(back('CONSUMABLE', 2))).toEqual([]);
  expect(life.apply(reversed('CONSUMABLE', 3))).toEqual([['ACTIVATE', 'TP(ACTIVATE) 4.49']]);
});

test('#63 part of a quantity refunded, then the rest', () => {
  const { life } = bought('CONSUMABLE', { quantity: 2 });
  expect(life.apply(back('CONSUMABLE', 2, 0.5))).toEqual([['TP(SUBSCRIPTION_STARTED) -2.24']]);
  expect(life.apply(back('CONSUMABLE', 3, 0.5))).toEqual([['DEACTIVATE', 'TP(DEACTIVATE) -2.25']]);
  expect(life.cumulated).toBe(0);
});

test('#64 a running non-renewing subscription is refunded as #41, its reversal is #44', () => {
  const { life } = bought('NON_RENEWING_SUBSCRIPTION');
  expect(life.apply(back('NON_RENEWING_SUBSCRIPTION', 2))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -4.49'],
  ]);
  expect(life.statuses()).toEqual(['REVOKED']);
  expect(life.apply(reversed('NON_RENEWING_SUBSCRIPTION', 3))).toEqual([['ACTIVATE', 'TP(ACTIVATE) 4.49']]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
});

test('a refund that comes before the purchase tells both, and the purchase then adds nothing', () => {
  const life = live();
  expect(life.apply(back('CONSUMABLE', 2))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TP(SUBSCRIPTION_STARTED) 4.49'],
    ['DEACTIVATE', 'TP(DEACTIVATE) -4.49'],
  ]);
  expect(life.apply(signal('one_time', { day: 0, transaction: item('CONSUMABLE'), status: null }))).toEqual([]);
});

test('bought, refunded, reversed, refunded again: any order ends with the same money and access', () => {
  const story = [
    signal('one_time', { day: 0, transaction: item('CONSUMABLE'), status: null }),
    back('CONSUMABLE', 2),
    reversed('CONSUMABLE', 3),
    back('CONSUMABLE', 5),
  ];
  const told = (order: readonly number[]): [string[], string | undefined] => {
    const life = live();
    for (const index of order) for (const facts of story.slice(index, index + 1)) life.apply(facts);
    const money = life.events.filter((event) => event.code === 'TRANSACTION_PROCESSED');
    const access = life.events.findLast((event) => event.code === 'ACTIVATE' || event.code === 'DEACTIVATE');
    return [
      money.map((event) => `${event.eventId} ${String(event.attributes['amount_in_eur'])}`).toSorted(),
      access?.code,
    ];
  };
  const inOrder = told([0, 1, 2, 3]);
  expect(inOrder[0]).toHaveLength(4);
  expect(inOrder[1]).toBe('DEACTIVATE');
  for (const a of [0, 1, 2, 3]) {
    for (const b of [0, 1, 2, 3]) {
      for (const c of [0, 1, 2, 3]) {
        const order = [a, b, c, 6 - a - b - c];
        if (new Set(order).size === 4) expect(told(order)).toEqual(inOrder);
      }
    }
  }
});
