import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Facts } from '../../lifecycle/fact.ts';
import type { Snapshot } from '../store.ts';
import {
  handInOf,
  MONTH,
  type NotificationParts,
  renewalOf,
  signalOf,
  T0,
  transactionOf,
  unsigned,
} from './fixtures/notification.ts';
import { NOTIFICATION_TYPES } from './hints.ts';
import type { Json } from './json.ts';
import { translate } from './translate.ts';

/** The facts of one notification on a chain nothing is known of. */
function factsOf(type: string, parts: NotificationParts = {}): Facts {
  const { facts } = translate(signalOf(type, parts), null, null);
  const [first] = facts;
  if (!first || facts.length !== 1) throw new Error(`${facts.length} facts`);
  return first;
}

const renewed = (over: Json = {}): Json =>
  transactionOf({
    transactionId: '1002',
    purchaseDate: T0 + MONTH,
    expiresDate: T0 + 2 * MONTH,
    transactionReason: 'RENEWAL',
    ...over,
  });

describe('a first purchase', () => {
  it('carries the whole transaction and the status', () => {
    expect(factsOf('SUBSCRIBED', { subtype: 'INITIAL_BUY' })).toEqual({
      store: 'APPLE_APP_STORE',
      environment: 'PRODUCTION',
      bundleId: 'com.example.pianola',
      chainId: '1001',
      hint: 'purchase',
      storeTime: T0 + 2_000,
      transaction: {
        id: '1001',
        productId: 'monthly',
        purchaseType: 'RENEWING_SUBSCRIPTION',
        purchasedAt: T0,
        originalPurchasedAt: T0,
        expiresAt: T0 + MONTH,
        quantity: 1,
        price: { amount: 890, currency: 'EUR' },
        offer: { kind: 'NONE' },
        familyShared: false,
        country: 'FR',
        reason: 'purchase',
      },
      history: [],
      status: { state: 'active', autoRenew: true },
    });
  });

  it('of a family member is marked as shared', () => {
    const { transaction } = factsOf('SUBSCRIBED', {
      transaction: transactionOf({ inAppOwnershipType: 'FAMILY_SHARED' }),
    });
    expect(transaction?.familyShared).toBe(true);
  });
});

describe('every notification has its hint', () => {
  const cases: [string, string | undefined, NotificationParts, Partial<Facts>][] = [
    ['SUBSCRIBED', 'INITIAL_BUY', {}, { hint: 'purchase' }],
    ['SUBSCRIBED', 'RESUBSCRIBE', { transaction: renewed() }, { hint: 'resubscribe', chainId: '1001' }],
    ['SUBSCRIBED', undefined, {}, { hint: 'purchase' }],
    ['SUBSCRIBED', undefined, { transaction: renewed() }, { hint: 'resubscribe' }],
    ['DID_RENEW', undefined, { transaction: renewed() }, { hint: 'renewal' }],
    ['DID_RENEW', 'BILLING_RECOVERY', { transaction: renewed() }, { hint: 'recovery' }],
    ['DID_CHANGE_RENEWAL_STATUS', 'AUTO_RENEW_DISABLED', {}, { hint: 'toggle' }],
    ['DID_CHANGE_RENEWAL_STATUS', 'AUTO_RENEW_ENABLED', {}, { hint: 'toggle' }],
    ['DID_CHANGE_RENEWAL_STATUS', undefined, {}, { hint: 'toggle' }],
    ['DID_CHANGE_RENEWAL_PREF', 'UPGRADE', { transaction: renewed() }, { hint: 'plan_change', grade: 'up' }],
    ['DID_CHANGE_RENEWAL_PREF', 'DOWNGRADE', {}, { hint: 'plan_change', grade: 'down' }],
    ['DID_CHANGE_RENEWAL_PREF', undefined, {}, { hint: 'plan_change' }],
    ['OFFER_REDEEMED', 'UPGRADE', { transaction: renewed() }, { hint: 'plan_change', grade: 'up' }],
    ['OFFER_REDEEMED', 'DOWNGRADE', {}, { hint: 'plan_change', grade: 'down' }],
    ['OFFER_REDEEMED', undefined, {}, { hint: 'offer_redeemed' }],
    ['OFFER_REDEEMED', 'INITIAL_BUY', {}, { hint: 'purchase' }],
    ['OFFER_REDEEMED', 'RESUBSCRIBE', { transaction: renewed() }, { hint: 'resubscribe' }],
    ['DID_FAIL_TO_RENEW', 'GRACE_PERIOD', { status: 4 }, { hint: 'renewal_failed' }],
    ['DID_FAIL_TO_RENEW', undefined, { status: 3 }, { hint: 'renewal_failed' }],
    ['GRACE_PERIOD_EXPIRED', undefined, { status: 3 }, { hint: 'grace_expired' }],
    ['EXPIRED', 'VOLUNTARY', { status: 2 }, { hint: 'expired' }],
    ['EXPIRED', 'BILLING_RETRY', { status: 2 }, { hint: 'expired' }],
    ['EXPIRED', 'PRICE_INCREASE', { status: 2 }, { hint: 'expired' }],
    ['EXPIRED', 'PRODUCT_NOT_FOR_SALE', { status: 2 }, { hint: 'expired' }],
    ['REFUND', undefined, { status: 5 }, { hint: 'refund' }],
    ['REFUND_REVERSED', undefined, {}, { hint: 'refund_reversed' }],
    ['REFUND_DECLINED', undefined, {}, { hint: 'refund_declined' }],
    ['REVOKE', undefined, { status: 5 }, { hint: 'family_revoked' }],
    ['RENEWAL_EXTENDED', undefined, {}, { hint: 'deferral', deferredUntil: T0 + MONTH }],
    ['ONE_TIME_CHARGE', undefined, { transaction: transactionOf({ type: 'Consumable' }) }, { hint: 'one_time' }],
    ['CONSUMPTION_REQUEST', undefined, {}, { hint: 'none' }],
    ['PRICE_INCREASE', 'PENDING', {}, { hint: 'none' }],
    ['PRICE_INCREASE', 'ACCEPTED', {}, { hint: 'none' }],
    ['PRICE_CHANGE', undefined, {}, { hint: 'none' }],
    ['RENEWAL_EXTENSION', 'FAILURE', {}, { hint: 'none' }],
    ['METADATA_UPDATE', undefined, {}, { hint: 'none' }],
    ['MIGRATION', undefined, {}, { hint: 'none' }],
    ['EXTERNAL_PURCHASE_TOKEN', 'UNREPORTED', {}, { hint: 'none' }],
    ['RESCIND_CONSENT', undefined, {}, { hint: 'none' }],
    ['BRAND_NEW', 'WITH_SUBTYPE', {}, { hint: 'none' }],
    ['constructor', 'toString', {}, { hint: 'none' }],
    ['DID_RENEW', 'toString', {}, { hint: 'renewal' }],
  ];

  it.each(cases)('%s / %s', (type, subtype, parts, expected) => {
    const facts = factsOf(type, { ...parts, ...(subtype === undefined ? {} : { subtype }) });
    expect(facts).toMatchObject(expected);
    expect(facts.grade).toBe(expected.grade);
    expect(facts.transaction).toBeDefined();
  });

  it('and the table above names them all', () => {
    const named = new Set(cases.map(([type]) => type));
    expect(NOTIFICATION_TYPES.filter((type) => type !== 'TEST' && !named.has(type))).toEqual([]);
  });

  it('those without any purchase yield nothing and leave the memory alone', () => {
    const memory = { periods: [] };
    for (const type of [...NOTIFICATION_TYPES, 'BRAND_NEW']) {
      const signal = signalOf(type, { transaction: null, renewal: null, status: null });
      expect(signal.ignored).toBe(type === 'TEST' ? 'test' : type === 'BRAND_NEW' ? 'unknown_type' : 'no_event');
      expect(translate(signal, null, memory)).toEqual({ facts: [], memory });
    }
  });
});

describe('the status', () => {
  const statusOf = (type: string, parts: NotificationParts = {}) => factsOf(type, parts).status;

  it('is Apple’s number, whatever the type', () => {
    const states = [1, 2, 3, 4, 5].map((status) => statusOf('PRICE_CHANGE', { status })?.state);
    expect(states).toEqual(['active', 'expired', 'retry', 'grace', 'revoked']);
  });

  it('follows autoRenewStatus, not the subtype', () => {
    const renewal = renewalOf({ autoRenewStatus: 0 });
    expect(statusOf('DID_CHANGE_RENEWAL_STATUS', { subtype: 'AUTO_RENEW_ENABLED', renewal })?.autoRenew).toBe(false);
    expect(statusOf('DID_CHANGE_RENEWAL_STATUS', { renewal: renewalOf({ autoRenewStatus: undefined }) })).toEqual({
      state: 'active',
    });
  });

  it('of a commitment follows what its owner switched for the time after the term', () => {
    const renewal = renewalOf({ autoRenewStatus: 1, commitmentInfo: { commitmentAutoRenewStatus: 0 } });
    expect(statusOf('DID_CHANGE_RENEWAL_STATUS', { renewal })?.autoRenew).toBe(false);
  });

  it('in grace has its end, and only then', () => {
    const renewal = renewalOf({ isInBillingRetryPeriod: true, gracePeriodExpiresDate: T0 + MONTH + 9 });
    expect(statusOf('DID_FAIL_TO_RENEW', { status: 4, renewal })).toMatchObject({ graceExpiresAt: T0 + MONTH + 9 });
    expect(statusOf('DID_FAIL_TO_RENEW', { status: 3, renewal })?.graceExpiresAt).toBeUndefined();
  });

  it.each([
    ['VOLUNTARY', 1, 'cancelled'],
    ['BILLING_RETRY', 2, 'billing'],
    ['PRICE_INCREASE', 3, 'price_refused'],
    ['PRODUCT_NOT_FOR_SALE', 4, 'product_gone'],
  ])('EXPIRED/%s ends because of it, with and without expirationIntent', (subtype, expirationIntent, endReason) => {
    expect(statusOf('EXPIRED', { subtype, status: 2, renewal: renewalOf({ expirationIntent }) })).toMatchObject({
      endReason,
    });
    expect(statusOf('EXPIRED', { subtype, status: 2 })).toMatchObject({ endReason });
    expect(
      statusOf('DID_CHANGE_RENEWAL_STATUS', { status: 2, renewal: renewalOf({ expirationIntent }) }),
    ).toMatchObject({
      endReason,
    });
  });

  it('gives no reason for what has not ended, nor one it was not told', () => {
    expect(statusOf('DID_RENEW', { renewal: renewalOf({ expirationIntent: 2 }) })?.endReason).toBeUndefined();
    expect(statusOf('EXPIRED', { subtype: 'BRAND_NEW', status: 2 })?.endReason).toBeUndefined();
    expect(statusOf('EXPIRED', { subtype: 'toString', status: 2 })?.endReason).toBeUndefined();
    expect(statusOf('EXPIRED', { status: 2, renewal: renewalOf({ expirationIntent: 5 }) })?.endReason).toBe('other');
  });

  it('after grace without retry is unpaid, or cancelled if its owner had cancelled', () => {
    expect(statusOf('GRACE_PERIOD_EXPIRED', { status: 2 })?.endReason).toBe('billing');
    expect(statusOf('GRACE_PERIOD_EXPIRED', { status: 2, renewal: renewalOf({ autoRenewStatus: 0 }) })?.endReason).toBe(
      'cancelled',
    );
  });

  it('names the product of the next renewal only if it is another', () => {
    expect(statusOf('DID_RENEW')?.pendingProductId).toBeUndefined();
    const renewal = renewalOf({ autoRenewProductId: 'yearly' });
    expect(statusOf('DID_CHANGE_RENEWAL_PREF', { subtype: 'DOWNGRADE', renewal })?.pendingProductId).toBe('yearly');
  });

  it('of old notifications without the number is told by renewal info and type', () => {
    const old = (type: string, renewal: Json) => statusOf(type, { status: null, renewal: renewalOf(renewal) })?.state;
    expect(old('DID_RENEW', {})).toBe('active');
    expect(old('EXPIRED', {})).toBe('expired');
    expect(old('DID_CHANGE_RENEWAL_STATUS', { expirationIntent: 1 })).toBe('expired');
    expect(old('DID_FAIL_TO_RENEW', { isInBillingRetryPeriod: true })).toBe('retry');
    expect(old('DID_FAIL_TO_RENEW', { isInBillingRetryPeriod: true, gracePeriodExpiresDate: T0 + MONTH })).toBe(
      'grace',
    );
    expect(statusOf('DID_RENEW', { status: 9, renewal: renewalOf() })?.state).toBe('active');
  });

  it('is not told by one-time purchases and lone transactions', () => {
    expect(
      statusOf('REFUND', { transaction: transactionOf({ type: 'Non-Consumable' }), renewal: null }),
    ).toBeUndefined();
    const { facts } = translate(handInOf(transactionOf()), null, null);
    expect(facts).toMatchObject([{ hint: 'hand_in', transaction: { id: '1001' }, history: [], storeTime: T0 + 1_000 }]);
    expect(facts[0]?.status).toBeUndefined();
  });
});

describe('offers', () => {
  const offerOf = (transaction: Json) =>
    factsOf('SUBSCRIBED', { transaction: transactionOf(transaction) }).transaction?.offer;

  it.each([
    [{}, { kind: 'NONE' }],
    [{ offerType: 1, offerDiscountType: 'FREE_TRIAL', price: 0 }, { kind: 'FREE_TRIAL' }],
    [{ offerType: 1, price: 0 }, { kind: 'FREE_TRIAL' }],
    [{ offerType: 1, price: 990 }, { kind: 'INTRO_OFFER' }],
    [{ offerType: 1, offerDiscountType: 'PAY_AS_YOU_GO', price: 0 }, { kind: 'INTRO_OFFER' }],
    [{ offerType: 1, offerDiscountType: 'PAY_UP_FRONT' }, { kind: 'INTRO_OFFER' }],
    [
      { offerType: 3, offerIdentifier: 'SPRING', offerDiscountType: 'FREE_TRIAL', price: 0 },
      { kind: 'PROMO_CODE', identifier: 'SPRING', codeRefName: 'SPRING' },
    ],
    [{ offerType: 3 }, { kind: 'PROMO_CODE' }],
    ...[2, 4, 5].map((offerType): [Json, Json] => [
      { offerType, offerIdentifier: 'back' },
      { kind: 'PROMOTIONAL_OFFER', identifier: 'back', promotionalOfferId: 'back' },
    ]),
    [{ offerType: 2 }, { kind: 'PROMOTIONAL_OFFER' }],
    [
      { offerType: 77, offerIdentifier: 'new' },
      { kind: 'PROMOTIONAL_OFFER', identifier: 'new', promotionalOfferId: 'new' },
    ],
    [{ offerType: 77 }, { kind: 'NONE' }],
    [{ offerType: 'odd' }, { kind: 'NONE' }],
  ] as [Json, Json][])('%j is %j', (transaction, offer) => {
    expect(offerOf(transaction)).toEqual(offer);
  });
});

describe('money', () => {
  const priceOf = (transaction: Json) =>
    factsOf('DID_RENEW', { transaction: transactionOf(transaction) }).transaction?.price;

  it.each([
    [8_900, 'EUR', 890],
    [300_000, 'JPY', 300],
    [3_300_000, 'KRW', 3_300],
    [1_990, 'KWD', 1_990],
    [0, 'USD', 0],
    [4_995, 'USD', 500],
    [4_985, 'USD', 498],
  ])('%i thousandths of %s are %i minor units', (price, currency, amount) => {
    expect(priceOf({ price, currency })).toEqual({ amount, currency });
  });

  it.each([
    { price: '8900' },
    { price: undefined },
    { price: null },
    { price: -1 },
    { currency: undefined },
    { currency: 'euro' },
  ])('%j leaves it unpriced', (over) => {
    expect(priceOf(over)).toBeUndefined();
  });

  it('given back is a share of the price', () => {
    const at = T0 + 5;
    const revocationOf = (over: Json) =>
      factsOf('REFUND', { status: 5, transaction: transactionOf({ revocationDate: at, ...over }) }).transaction
        ?.revocation;
    expect(revocationOf({})).toEqual({ at, share: 1 });
    expect(revocationOf({ revocationPercentage: 50_000 })).toEqual({ at, share: 0.5 });
    expect(revocationOf({ revocationPercentage: 33_333 })).toEqual({ at, share: 0.33333 });
    expect(revocationOf({ revocationPercentage: 120_000 })).toEqual({ at, share: 1 });
    expect(revocationOf({ revocationPercentage: 0 })).toBeUndefined();
    expect(revocationOf({ revocationDate: undefined })).toBeUndefined();
  });
});

describe('a refund of an older transaction', () => {
  it('speaks of that transaction, while the status is that of the running subscription', () => {
    const facts = factsOf('REFUND', {
      status: 1,
      transaction: transactionOf({ revocationDate: T0 + MONTH + 1, revocationPercentage: 50_000 }),
    });
    expect(facts.transaction).toMatchObject({ id: '1001', revocation: { share: 0.5 } });
    expect(facts.status).toEqual({ state: 'active', autoRenew: true });
  });
});

describe('a renewal signed hours before its purchase date', () => {
  it('is taken as it is', () => {
    const facts = factsOf('DID_RENEW', { transaction: renewed({ purchaseDate: T0 + 2_000 + 8 * 3_600_000 }) });
    expect(facts.transaction?.purchasedAt).toBeGreaterThan(facts.storeTime);
    expect(facts.status?.state).toBe('active');
  });
});

describe('history read from the API', () => {
  const snapshot = (...items: Json[]): Snapshot => ({ kind: 'history', items: items.map(unsigned), readAt: T0 });

  it('is the chain’s alone, oldest first, with what was replaced marked', () => {
    const items = [
      renewed({ transactionId: '1003', purchaseDate: T0 + 2 * MONTH }),
      transactionOf({ isUpgraded: true }),
      transactionOf({ transactionId: '5', originalTransactionId: '5' }),
      renewed(),
    ];
    const { facts, memory } = translate(
      signalOf('DID_CHANGE_RENEWAL_PREF', { subtype: 'UPGRADE' }),
      snapshot(...items),
      null,
    );
    expect(facts[0]?.history.map(({ id, replaced }) => [id, replaced])).toEqual([
      ['1001', true],
      ['1002', undefined],
      ['1003', undefined],
    ]);
    expect(memory).toMatchObject({ periods: [{ id: '1001' }, { id: '1002' }, { id: '1003' }] });
  });

  it.each(['unavailable', 'not_found'] as const)('may be %s: then the notification speaks for itself', (kind) => {
    const signal = signalOf('DID_RENEW', { transaction: renewed() });
    const marker: Snapshot = { kind, items: [], readAt: T0 };
    expect(translate(signal, marker, null)).toEqual(translate(signal, null, null));
  });
});

describe('whatever Apple may send', () => {
  const anything = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(undefined, 0, 1, '', 'EUR', T0));
  const shape = (fields: readonly string[]) =>
    fc.record(Object.fromEntries(fields.map((field) => [field, anything])), { requiredKeys: [] });
  const transactionFields = Object.keys(
    transactionOf({
      offerType: 1,
      offerIdentifier: 'x',
      offerDiscountType: 'x',
      revocationDate: 1,
      revocationPercentage: 1,
    }),
  ).filter((field) => field !== 'bundleId' && field !== 'environment');
  const renewalFields = Object.keys(
    renewalOf({ expirationIntent: 1, gracePeriodExpiresDate: 1, isInBillingRetryPeriod: true, commitmentInfo: {} }),
  ).filter((field) => field !== 'environment');

  it('is translated without a throw, to plain JSON', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...NOTIFICATION_TYPES, 'BRAND_NEW'),
        fc.option(fc.string(), { nil: undefined }),
        shape(transactionFields),
        shape(renewalFields),
        anything,
        (type, subtype, transaction, renewal, status) => {
          const signal = signalOf(type, {
            ...(subtype === undefined ? {} : { subtype }),
            transaction: transactionOf(transaction),
            renewal: renewalOf(renewal),
            data: { status },
          });
          const translation = translate(signal, null, null);
          expect(JSON.parse(JSON.stringify(translation))).toEqual(translation);
          for (const { transaction: fact } of translation.facts) {
            expect(fact?.price === undefined || Number.isSafeInteger(fact.price.amount)).toBe(true);
            expect(fact?.revocation === undefined || (fact.revocation.share > 0 && fact.revocation.share <= 1)).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 1_500 },
    );
  });
});
