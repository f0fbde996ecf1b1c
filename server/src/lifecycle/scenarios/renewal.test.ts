import { expect, test } from 'vitest';
import type { OfferFact } from '../fact.ts';
import { live, signal, START, transaction } from '../fixtures/life.ts';

const TRIAL: OfferFact = { kind: 'FREE_TRIAL' };
const INTRO: OfferFact = { kind: 'INTRO_OFFER' };
const PROMO: OfferFact = { kind: 'PROMOTIONAL_OFFER', identifier: 'stay', promotionalOfferId: 'stay' };
const OTHER: OfferFact = { kind: 'PROMO_CODE', identifier: 'SPRING' };

/** A life whose first period, of 30 days, runs under `offer`. */
function under(offer: OfferFact, euro: number) {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', euro, offer }) }));
  return life;
}
const renew = (life: ReturnType<typeof live>, euro: number, offer: OfferFact = { kind: 'NONE' }, n = 2) =>
  life.apply(
    signal('renewal', {
      day: 30 * (n - 1),
      transaction: transaction({ id: String(n), day: 30 * (n - 1), euro, offer }),
    }),
  );

test('#8 renewal, regular and inside a running offer; a renewal signed eight hours ahead is applied at once', () => {
  const life = under({ kind: 'NONE' }, 9.99);
  const ahead = transaction({ id: '2', day: 30 });
  expect(life.apply(signal('renewal', { day: 30 - 1 / 3, transaction: ahead }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
  expect(life.last[0]?.occurredAt).toBe(ahead.purchasedAt);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  expect(renew(under(INTRO, 1.99), 1.99, INTRO)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 1.99'],
  ]);
});

test('three pay-as-you-go periods: one start, two plain renewals, conversion at the fourth', () => {
  const life = under(INTRO, 1.99);
  renew(life, 1.99, INTRO, 2);
  renew(life, 1.99, INTRO, 3);
  expect(renew(life, 9.99, { kind: 'NONE' }, 4)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'INTRO_OFFER_CONVERTED', 'TP(INTRO_OFFER_CONVERTED) 9.99'],
  ]);
  expect(life.events.filter((event) => event.code === 'INTRO_OFFER_STARTED')).toHaveLength(1);
});

test('#9 a renewal that starts an offer', () => {
  expect(renew(under({ kind: 'NONE' }, 9.99), 4.99, PROMO)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'PROMOTIONAL_OFFER_STARTED', 'TP(PROMOTIONAL_OFFER_STARTED) 4.99'],
  ]);
});

test('#10 conversion of a trial', () => {
  const life = under(TRIAL, 0);
  expect(renew(life, 9.99)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 9.99'],
  ]);
  expect(life.last[2]?.attributes).toMatchObject({ offer_type: 'NONE', previous_offer_type: 'FREE_TRIAL' });
});

test('the closing event names the offer that ends', () => {
  const life = under(PROMO, 4.99);
  renew(life, 9.99);
  expect(life.last.map((event) => event.attributes['offer_identifier'])).toEqual([
    undefined,
    undefined,
    'stay',
    undefined,
  ]);
});

test('#11 an offer followed by another paid offer, #12 by another free one', () => {
  expect(renew(under(TRIAL, 0), 4.99, PROMO)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'PROMOTIONAL_OFFER_STARTED', 'TP(TRIAL_CONVERTED) 4.99'],
  ]);
  expect(renew(under(TRIAL, 0), 0, OTHER)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_NOT_CONVERTED', 'PROMO_CODE_STARTED'],
  ]);
});

test('#13 cancel, #14 un-cancel; an unchanged value yields nothing', () => {
  const life = under({ kind: 'NONE' }, 9.99);
  const about = transaction({ id: '1' });
  const off = { state: 'active', autoRenew: false } as const;
  expect(life.apply(signal('toggle', { day: 3, transaction: about, status: off }))).toEqual([['RENEWAL_DISABLED']]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING_CANCELED']);
  expect(life.last[0]?.occurredAt).toBe(START + 3 * 86_400_000);
  expect(life.apply(signal('toggle', { day: 4, transaction: about, status: off }))).toEqual([]);
  expect(life.apply(signal('toggle', { day: 5, transaction: about }))).toEqual([['RENEWAL_ENABLED']]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});

test('#16 lapse; an end that also shows renewal off yields no RENEWAL_DISABLED', () => {
  const life = under({ kind: 'NONE' }, 9.99);
  const over = { state: 'expired', autoRenew: false, endReason: 'cancelled' } as const;
  expect(life.apply(signal('expired', { day: 30.1, transaction: transaction({ id: '1' }), status: over }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
  expect(life.last[0]?.occurredAt).toBe(START + 30 * 86_400_000);
  expect(life.last[0]?.attributes).toHaveProperty('next_renewal_at');
  expect(life.apply(signal('expired', { day: 30.2, transaction: transaction({ id: '1' }), status: over }))).toEqual([]);
});

test('#17 lapse inside an offer', () => {
  const life = under(TRIAL, 0);
  const over = { state: 'expired', autoRenew: false, endReason: 'cancelled' } as const;
  expect(
    life.apply(
      signal('expired', { day: 30.1, transaction: transaction({ id: '1', euro: 0, offer: TRIAL }), status: over }),
    ),
  ).toEqual([['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED', 'TRIAL_NOT_CONVERTED']]);
});

test('a renewal after a cancellation we saw shows that renewal is on again', () => {
  const life = under({ kind: 'NONE' }, 9.99);
  life.apply(
    signal('toggle', { day: 3, transaction: transaction({ id: '1' }), status: { state: 'active', autoRenew: false } }),
  );
  expect(renew(life, 9.99)).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'RENEWAL_ENABLED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
});

test('a price that was unknown is emitted once it is known, under the name it would have had', () => {
  const life = under(TRIAL, 0);
  const { price: _price, ...unpriced } = transaction({ id: '2', day: 30 });
  expect(life.apply(signal('renewal', { day: 30, transaction: unpriced }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED'],
  ]);
  expect(life.notes).toEqual(['unpriced_movement']);
  expect(life.apply(signal('none', { day: 31, transaction: transaction({ id: '2', day: 30 }) }))).toEqual([
    ['TP(TRIAL_CONVERTED) 9.99'],
  ]);
});
