import { expect, test } from 'vitest';
import { live, signal, transaction } from '../fixtures/life.ts';
import type { OfferFact } from '../fact.ts';

const INTRO: OfferFact = { kind: 'INTRO_OFFER' };
const CODE: OfferFact = { kind: 'PROMO_CODE', identifier: 'SPRING', codeRefName: 'SPRING' };
const PROMO: OfferFact = { kind: 'PROMOTIONAL_OFFER', identifier: 'stay', promotionalOfferId: 'stay' };
const TRIAL: OfferFact = { kind: 'FREE_TRIAL' };

function bought(offer: OfferFact, euro: number) {
  const life = live();
  const groups = life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', euro, offer }) }));
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  return { life, groups };
}

test('#1 first purchase at the regular price', () => {
  const { life, groups } = bought({ kind: 'NONE' }, 9.99);
  expect(groups).toEqual([['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TP(SUBSCRIPTION_STARTED) 9.99']]);
  expect(life.last[0]?.attributes).toEqual({
    api_version: 3,
    event_name: 'ACTIVATE',
    event_id: life.last[0]?.eventId,
    event_sequence: 1,
    event_created_at: '2026-03-02T08:00:01.000Z',
    event_created_at_ms: 1_772_438_401_000,
    event_occurred_at: '2026-03-02T08:00:00.000Z',
    event_occurred_at_ms: 1_772_438_400_000,
    environment: 'PRODUCTION',
    store: 'APPLE_APP_STORE',
    store_app_bundle_id: 'demo.pianola.tempo',
    store_country: 'FR',
    store_product_id: 'plus',
    store_transaction_id: '1',
    store_original_transaction_id: '1',
    purchasely_subscription_id: life.records[0]?.id,
    user_id: 't-1',
    product: 'tempo',
    plan: 'plus_monthly',
    purchase_type: 'RENEWING_SUBSCRIPTION',
    offer_type: 'NONE',
    subscription_status: 'AUTO_RENEWING',
    is_family_shared: false,
    purchased_at: '2026-03-02T08:00:00.000Z',
    purchased_at_ms: 1_772_438_400_000,
    original_purchased_at: '2026-03-02T08:00:00.000Z',
    original_purchased_at_ms: 1_772_438_400_000,
    next_renewal_at: '2026-04-01T08:00:00.000Z',
    next_renewal_at_ms: 1_775_030_400_000,
    effective_next_renewal_at: '2026-04-01T08:00:00.000Z',
    effective_next_renewal_at_ms: 1_775_030_400_000,
    customer_currency: 'EUR',
    plan_price_in_customer_currency: 9.99,
    plan_price_in_eur: 9.99,
    cumulated_revenues_in_eur: 9.99,
  });
  expect(life.last[2]?.attributes).toMatchObject({
    source_event_name: 'SUBSCRIPTION_STARTED',
    amount_in_customer_currency: 9.99,
    amount_in_eur: 9.99,
  });
});

test('#2 free trial', () => {
  const { life, groups } = bought(TRIAL, 0);
  expect(groups).toEqual([['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TRIAL_STARTED']]);
  expect(life.last[2]?.attributes).toMatchObject({ offer_type: 'FREE_TRIAL', plan_price_in_customer_currency: 0 });
  expect(life.last[2]?.attributes).not.toHaveProperty('previous_offer_type');
});

test('#3 paid introductory offer, #4 promo code, #5 promotional offer as first purchase', () => {
  expect(bought(INTRO, 1.99).groups).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_STARTED', 'INTRO_OFFER_STARTED', 'TP(INTRO_OFFER_STARTED) 1.99'],
  ]);
  const code = bought(CODE, 4.99);
  expect(code.groups).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_STARTED', 'PROMO_CODE_STARTED', 'TP(PROMO_CODE_STARTED) 4.99'],
  ]);
  expect(code.life.last[2]?.attributes).toMatchObject({ offer_identifier: 'SPRING', offer_code_ref_name: 'SPRING' });
  const promo = bought(PROMO, 4.99);
  expect(promo.groups).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_STARTED', 'PROMOTIONAL_OFFER_STARTED', 'TP(PROMOTIONAL_OFFER_STARTED) 4.99'],
  ]);
  expect(promo.life.last[2]?.attributes).toMatchObject({ offer_identifier: 'stay', promotional_offer_id: 'stay' });
});

test('a free offer code starts PROMO_CODE, not a trial, and moves no money', () => {
  expect(bought(CODE, 0).groups).toEqual([['ACTIVATE', 'SUBSCRIPTION_STARTED', 'PROMO_CODE_STARTED']]);
});

test('#6 a family-shared copy has neither offer nor money events, on renewal neither', () => {
  const life = live();
  const shared = { familyShared: true, offer: INTRO };
  expect(life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', ...shared }) }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_STARTED'],
  ]);
  const renewed = transaction({ id: '2', day: 30, familyShared: true });
  expect(life.apply(signal('renewal', { day: 30, transaction: renewed }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED'],
  ]);
  expect(life.last[0]?.attributes).toMatchObject({ is_family_shared: true });
});

test('a returning customer on a new chain: #49 on the old record', () => {
  const old = live();
  old.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }));
  old.apply(
    signal('expired', {
      day: 30.1,
      transaction: transaction({ id: '1' }),
      status: { state: 'expired', endReason: 'cancelled' },
    }),
  );
  const [returning] = old.records;
  if (!returning) throw new Error('no record');
  const life = live({ returning });
  expect(
    life.apply(signal('purchase', { day: 60, chainId: '77', transaction: transaction({ id: '77', day: 60 }) })),
  ).toEqual([['ACTIVATE', 'SUBSCRIPTION_REACTIVATED', 'TP(SUBSCRIPTION_REACTIVATED) 9.99']]);
  expect(life.records).toHaveLength(1);
  expect(life.records[0]).toMatchObject({ id: returning.id, chainId: '77', status: 'AUTO_RENEWING' });
  expect(life.last[0]?.sequence).toBe(returning.sequence + 1);
  expect(life.last[0]?.attributes).toMatchObject({ store_original_transaction_id: '77' });
  // The chain that was left has no say in the status any more, but its money still counts.
  const refund = transaction({ id: '1', revocation: { at: returning.openedAt + 61 * 86_400_000, share: 1 } });
  expect(life.apply(signal('refund', { day: 61, transaction: refund, status: { state: 'revoked' } }))).toEqual([
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.records[0]?.status).toBe('AUTO_RENEWING');
});
