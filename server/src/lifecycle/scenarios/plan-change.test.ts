import { expect, test } from 'vitest';
import type { OfferFact } from '../fact.ts';
import type { Plan } from '../record.ts';
import { DAY, live, PLANS, signal, START, transaction } from '../fixtures/life.ts';

const TRIAL: OfferFact = { kind: 'FREE_TRIAL' };
const INTRO: OfferFact = { kind: 'INTRO_OFFER' };
const NO_LEVELS: ReadonlyMap<string, Plan> = new Map([...PLANS].map(([id, { level: _level, ...plan }]) => [id, plan]));

function running(offer: OfferFact = { kind: 'NONE' }, euro = 9.99, options = {}) {
  const life = live(options);
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', offer, euro }) }));
  return life;
}
const upgrade = (id: string, rest = {}) =>
  transaction({ id, day: 10, productId: 'family', euro: 14.99, reason: 'purchase', ...rest });

test('#34 immediate upgrade: the unused two thirds go back, estimated', () => {
  const life = running();
  expect(life.apply(signal('plan_change', { day: 10, grade: 'up', transaction: upgrade('2') }))).toEqual([
    [
      'old:DEACTIVATE',
      'ACTIVATE',
      'SUBSCRIPTION_UPGRADED',
      'old:TP(SUBSCRIPTION_UPGRADED) -6.66',
      'TP(SUBSCRIPTION_UPGRADED) 14.99',
    ],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED', 'AUTO_RENEWING']);
  const [old, , changed, credit, charge] = life.last;
  expect(credit?.attributes).toMatchObject({ amount_estimated: true, store_transaction_id: '1', plan: 'plus_monthly' });
  expect(charge?.attributes).not.toHaveProperty('amount_estimated');
  expect(changed?.attributes).toMatchObject({
    from_purchasely_subscription_id: life.records[0]?.id,
    previous_plan: 'plus_monthly',
    plan: 'family_monthly',
    previous_offer_type: 'NONE',
    original_purchased_at_ms: START,
    purchased_at_ms: START + 10 * DAY,
    cumulated_revenues_in_eur: 18.32,
  });
  expect(old?.attributes).toMatchObject({
    subscription_status: 'DEACTIVATED',
    effective_next_renewal_at_ms: START + 10 * DAY,
  });
  expect(old?.attributes).not.toHaveProperty('from_purchasely_subscription_id');
});

test('grade: levels beat the store; equal levels cross; without levels the store decides; else across', () => {
  const to = (productId: string, options = {}, grade?: 'up' | 'down') =>
    running({ kind: 'NONE' }, 9.99, options)
      .apply(
        signal('plan_change', {
          day: 10,
          ...(grade ? { grade } : {}),
          transaction: transaction({ id: '2', day: 10, days: 7, euro: 0.99, productId, reason: 'purchase' }),
        }),
      )[0]
      ?.find((code) => code.includes('GRADED') && !code.includes('TP'));
  expect(to('family', {}, 'down')).toBe('SUBSCRIPTION_UPGRADED');
  expect(to('side', {}, 'up')).toBe('SUBSCRIPTION_CROSSGRADED');
  expect(to('side', { plans: NO_LEVELS }, 'up')).toBe('SUBSCRIPTION_UPGRADED');
  expect(to('side', { plans: NO_LEVELS })).toBe('SUBSCRIPTION_CROSSGRADED');
});

test('#35 a downgrade is asked for: nothing, or the toggle it flips; #36 it takes effect at the period end', () => {
  const life = running({ kind: 'NONE' }, 9.99, { plans: NO_LEVELS });
  const first = transaction({ id: '1' });
  life.apply(signal('toggle', { day: 1, transaction: first, status: { state: 'active', autoRenew: false } }));
  const booked = { state: 'active', autoRenew: true, pendingProductId: 'side' } as const;
  expect(life.apply(signal('plan_change', { day: 2, grade: 'down', transaction: first, status: booked }))).toEqual([
    ['RENEWAL_ENABLED'],
  ]);
  expect(life.apply(signal('toggle', { day: 2, transaction: first, status: booked }))).toEqual([]);
  const effective = transaction({ id: '2', day: 30, productId: 'side', euro: 4.99, reason: 'renewal' });
  expect(life.apply(signal('renewal', { day: 30, transaction: effective }))).toEqual([
    ['old:DEACTIVATE', 'ACTIVATE', 'SUBSCRIPTION_DOWNGRADED', 'TP(SUBSCRIPTION_DOWNGRADED) 4.99'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED', 'AUTO_RENEWING']);
});

test('a booked downgrade taken back leaves no trace', () => {
  const life = running();
  const first = transaction({ id: '1' });
  const booked = { state: 'active', autoRenew: true, pendingProductId: 'side' } as const;
  life.apply(signal('plan_change', { day: 2, grade: 'down', transaction: first, status: booked }));
  expect(life.apply(signal('plan_change', { day: 3, transaction: first }))).toEqual([]);
  expect(life.apply(signal('renewal', { day: 30, transaction: transaction({ id: '2', day: 30 }) }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
});

test('#37 crossgrade at once, with credit', () => {
  const life = running();
  const side = transaction({ id: '2', day: 15, productId: 'side', reason: 'purchase' });
  expect(life.apply(signal('plan_change', { day: 15, transaction: side }))).toEqual([
    [
      'old:DEACTIVATE',
      'ACTIVATE',
      'SUBSCRIPTION_CROSSGRADED',
      'old:TP(SUBSCRIPTION_CROSSGRADED) -5',
      'TP(SUBSCRIPTION_CROSSGRADED) 9.99',
    ],
  ]);
});

test('#38 a plan change inside an offer converts it', () => {
  const life = running(TRIAL, 0);
  expect(life.apply(signal('plan_change', { day: 10, transaction: upgrade('2') }))).toEqual([
    ['old:DEACTIVATE', 'ACTIVATE', 'SUBSCRIPTION_UPGRADED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 14.99'],
  ]);
});

test('#38 with a paid offer: the credit belongs to the change, the charge to the conversion', () => {
  const life = running(INTRO, 3);
  expect(life.apply(signal('plan_change', { day: 10, transaction: upgrade('2') }))).toEqual([
    [
      'old:DEACTIVATE',
      'ACTIVATE',
      'SUBSCRIPTION_UPGRADED',
      'INTRO_OFFER_CONVERTED',
      'old:TP(SUBSCRIPTION_UPGRADED) -2',
      'TP(INTRO_OFFER_CONVERTED) 14.99',
    ],
  ]);
});

test('#39 the offer goes on with the new plan; its later conversion is told once', () => {
  const life = running(TRIAL, 0);
  expect(life.apply(signal('plan_change', { day: 10, transaction: upgrade('2', { euro: 0, offer: TRIAL }) }))).toEqual([
    ['old:DEACTIVATE', 'ACTIVATE', 'SUBSCRIPTION_UPGRADED'],
  ]);
  const paid = transaction({ id: '3', day: 40, productId: 'family', euro: 14.99 });
  expect(life.apply(signal('renewal', { day: 40, transaction: paid }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TP(TRIAL_CONVERTED) 14.99'],
  ]);
});

test('#40 a plan change that starts an offer', () => {
  const life = running();
  const changed = upgrade('2', { euro: 7.5, offer: { kind: 'PROMOTIONAL_OFFER', identifier: 'up' } });
  expect(life.apply(signal('plan_change', { day: 10, grade: 'up', transaction: changed }))).toEqual([
    [
      'old:DEACTIVATE',
      'ACTIVATE',
      'SUBSCRIPTION_UPGRADED',
      'PROMOTIONAL_OFFER_STARTED',
      'old:TP(SUBSCRIPTION_UPGRADED) -6.66',
      'TP(PROMOTIONAL_OFFER_STARTED) 7.5',
    ],
  ]);
});

test('an upgrade is no toggle, whatever it flips', () => {
  const life = running();
  life.apply(
    signal('toggle', { day: 1, transaction: transaction({ id: '1' }), status: { state: 'active', autoRenew: false } }),
  );
  const [codes] = life.apply(signal('plan_change', { day: 10, transaction: upgrade('2') }));
  expect(codes).not.toContain('RENEWAL_ENABLED');
  expect(life.records[1]).toMatchObject({ autoRenew: true, status: 'AUTO_RENEWING' });
});

test('the credit is at most what is left of the old charge', () => {
  const life = running();
  const half = transaction({ id: '1', revocation: { at: START + 5 * DAY, share: 0.5 } });
  life.apply(signal('refund', { day: 5, transaction: half }));
  const [codes] = life.apply(signal('plan_change', { day: 10, transaction: upgrade('2') }));
  expect(codes).toContain('old:TP(SUBSCRIPTION_UPGRADED) -4.99');
});

test('ruling 7: an upgrade known before its old transaction; the old side is added when that becomes known', () => {
  const life = live();
  expect(life.apply(signal('plan_change', { day: 10, grade: 'up', transaction: upgrade('2') }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_UPGRADED', 'TP(SUBSCRIPTION_UPGRADED) 14.99'],
  ]);
  expect(life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }))).toEqual([
    ['old:SUBSCRIPTION_STARTED', 'old:TP(SUBSCRIPTION_STARTED) 9.99'],
    ['old:TP(SUBSCRIPTION_UPGRADED) -6.66'],
  ]);
  expect(life.statuses().toSorted()).toEqual(['AUTO_RENEWING', 'DEACTIVATED']);
});

test('an upgrade whose old transaction comes with the history puts that in the ledger before it takes the credit', () => {
  const life = live();
  const first = transaction({ id: '1', replaced: true });
  expect(
    life.apply(
      signal('plan_change', { day: 10, grade: 'up', transaction: upgrade('2'), history: [first, upgrade('2')] }),
    ),
  ).toEqual([
    ['old:SUBSCRIPTION_STARTED', 'old:TP(SUBSCRIPTION_STARTED) 9.99'],
    [
      'old:DEACTIVATE',
      'ACTIVATE',
      'SUBSCRIPTION_UPGRADED',
      'old:TP(SUBSCRIPTION_UPGRADED) -6.66',
      'TP(SUBSCRIPTION_UPGRADED) 14.99',
    ],
  ]);
});
