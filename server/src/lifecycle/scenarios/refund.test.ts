import { expect, test } from 'vitest';
import type { OfferFact, StatusFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const REVOKED: StatusFact = { state: 'revoked', autoRenew: false };
const OVER: StatusFact = { state: 'expired', autoRenew: false, endReason: 'cancelled' };
const refunded = (id: string, onDay: number, share = 1, rest = {}) =>
  transaction({ id, revocation: { at: START + onDay * DAY, share }, ...rest });

function running(offer: OfferFact = { kind: 'NONE' }, euro = 9.99) {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', offer, euro }) }));
  return life;
}

test('#41 refund of the running period; it closes an open offer', () => {
  const life = running();
  expect(life.apply(signal('refund', { day: 5, transaction: refunded('1', 5), status: REVOKED }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.statuses()).toEqual(['REVOKED']);
  expect(life.last[0]?.attributes).toMatchObject({
    effective_next_renewal_at_ms: START + 5 * DAY,
    cumulated_revenues_in_eur: 0,
  });
  const intro: OfferFact = { kind: 'INTRO_OFFER' };
  const other = running(intro, 1.99);
  expect(
    other.apply(
      signal('refund', { day: 5, transaction: refunded('1', 5, 1, { offer: intro, euro: 1.99 }), status: REVOKED }),
    ),
  ).toEqual([
    [
      'DEACTIVATE',
      'SUBSCRIPTION_REFUNDED_REVOKED',
      'INTRO_OFFER_NOT_CONVERTED',
      'TP(SUBSCRIPTION_REFUNDED_REVOKED) -1.99',
    ],
  ]);
});

test('#42 refund of an older period while the subscription runs leaves access and status alone', () => {
  const life = running();
  life.apply(signal('renewal', { day: 30, transaction: transaction({ id: '2', day: 30 }) }));
  expect(life.apply(signal('refund', { day: 31, transaction: refunded('1', 31) }))).toEqual([
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  expect(life.last[1]?.attributes).toMatchObject({ store_transaction_id: '1', purchased_at_ms: START + 30 * DAY });
});

test('#42 refund of an ended record, and of a running one that keeps access', () => {
  const life = running();
  life.apply(signal('expired', { day: 30, transaction: transaction({ id: '1' }), status: OVER }));
  expect(life.apply(signal('refund', { day: 40, transaction: refunded('1', 40), status: REVOKED }))).toEqual([
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
  expect(life.last[0]?.attributes).not.toHaveProperty('next_renewal_at');
  const kept = running();
  expect(kept.apply(signal('refund', { day: 5, transaction: refunded('1', 5, 0.5) }))).toEqual([
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -5'],
  ]);
  expect(kept.statuses()).toEqual(['AUTO_RENEWING']);
});

test('partial refunds: the code once, the second never exceeds the remainder, repeating changes nothing', () => {
  const life = running();
  life.apply(signal('refund', { day: 5, transaction: refunded('1', 5, 0.6) }));
  expect(life.apply(signal('refund', { day: 6, transaction: refunded('1', 6, 0.6) }))).toEqual([
    ['TP(SUBSCRIPTION_REFUNDED_REVOKED) -4'],
  ]);
  expect(life.apply(signal('refund', { day: 7, transaction: refunded('1', 6, 0.6) }))).toEqual([]);
  expect(life.apply(signal('refund', { day: 8, transaction: refunded('1', 8) }))).toEqual([]);
  expect(life.cumulated).toBe(0);
});

test('#43 revoked without money; the refund that follows adds its money alone', () => {
  const life = running();
  expect(life.apply(signal('none', { day: 5, transaction: transaction({ id: '1' }), status: REVOKED }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED'],
  ]);
  expect(life.apply(signal('refund', { day: 6, transaction: refunded('1', 5), status: REVOKED }))).toEqual([
    ['TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
});

test('#44 a refund reversed while the period runs; refunded once more, the codes come again', () => {
  const life = running();
  life.apply(signal('refund', { day: 5, transaction: refunded('1', 5), status: REVOKED }));
  expect(life.apply(signal('refund_reversed', { day: 9, transaction: transaction({ id: '1' }) }))).toEqual([
    ['ACTIVATE', 'TP(ACTIVATE) 9.99'],
  ]);
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
  expect(life.last[0]?.attributes).toMatchObject({ effective_next_renewal_at_ms: START + 30 * DAY });
  expect(life.apply(signal('refund_reversed', { day: 9, transaction: transaction({ id: '1' }) }))).toEqual([]);
  expect(life.apply(signal('refund', { day: 12, transaction: refunded('1', 12), status: REVOKED }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(new Set(life.events.map((event) => event.eventId)).size).toBe(life.events.length);
});

test('#45 a refund reversed after the period, or whose access was never lost', () => {
  const life = running();
  life.apply(signal('refund', { day: 5, transaction: refunded('1', 5), status: REVOKED }));
  expect(
    life.apply(signal('refund_reversed', { day: 40, transaction: transaction({ id: '1' }), status: OVER })),
  ).toEqual([['TP(SUBSCRIPTION_REFUNDED_REVOKED) 9.99']]);
  expect(life.statuses()).toEqual(['REVOKED']);
  const kept = running();
  kept.apply(signal('refund', { day: 5, transaction: refunded('1', 5) }));
  expect(kept.apply(signal('refund_reversed', { day: 9, transaction: transaction({ id: '1' }) }))).toEqual([
    ['TP(SUBSCRIPTION_REFUNDED_REVOKED) 9.99'],
  ]);
});

test('#46 refund declined confirms access where it runs, #47 under review says nothing', () => {
  const life = running();
  expect(life.apply(signal('none', { day: 4, transaction: transaction({ id: '1' }) }))).toEqual([]);
  expect(life.apply(signal('refund_declined', { day: 5, transaction: transaction({ id: '1' }) }))).toEqual([
    ['ACTIVATE'],
  ]);
  life.apply(signal('expired', { day: 30, transaction: transaction({ id: '1' }), status: OVER }));
  expect(
    life.apply(signal('refund_declined', { day: 31, transaction: transaction({ id: '1' }), status: OVER })),
  ).toEqual([]);
});

test('#48 family sharing revoked', () => {
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1', familyShared: true }) }));
  expect(
    life.apply(
      signal('family_revoked', { day: 5, transaction: refunded('1', 5, 1, { familyShared: true }), status: REVOKED }),
    ),
  ).toEqual([['DEACTIVATE', 'FAMILY_SHARED_REVOKED']]);
  expect(life.statuses()).toEqual(['REVOKED']);
});

test('a refunded transaction handed in alone revokes the running period; the notification adds nothing', () => {
  const life = running();
  expect(life.apply(signal('hand_in', { day: 6, transaction: refunded('1', 5), status: null }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
  expect(life.apply(signal('refund', { day: 5, transaction: refunded('1', 5), status: REVOKED }))).toEqual([]);
  expect(life.statuses()).toEqual(['REVOKED']);
});

test('ruling 5: a refund of a transaction never seen announces its charge first', () => {
  const life = running();
  life.apply(signal('renewal', { day: 60, transaction: transaction({ id: '3', day: 60 }) }));
  expect(life.apply(signal('refund', { day: 61, transaction: refunded('2', 61, 1, { day: 30 }) }))).toEqual([
    ['SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
    ['SUBSCRIPTION_REFUNDED_REVOKED', 'TP(SUBSCRIPTION_REFUNDED_REVOKED) -9.99'],
  ]);
});

test('refunds reuse the rate of the charge, and a refund of all that remains is the exact negative of it', () => {
  const rates: number[] = [];
  const life = live({
    currency: 'USD',
    rate: (_from, at) => {
      rates.push(at);
      return 1.1234;
    },
  });
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }));
  life.apply(signal('refund', { day: 5, transaction: refunded('1', 5, 0.33) }));
  life.apply(signal('refund', { day: 6, transaction: refunded('1', 6) }));
  life.apply(signal('refund_reversed', { day: 7, transaction: transaction({ id: '1' }) }));
  const booked = life.events.flatMap((event) => event.attributes['amount_in_usd'] ?? []);
  expect(booked).toEqual([11.22, -3.71, -7.51, 11.22]);
  expect(life.cumulated).toBe(1122);
  expect(new Set(rates)).toEqual(new Set([START]));
});

test('without a rate there is no converted amount, and the missing rate is noted', () => {
  const life = live({ currency: 'USD' });
  life.apply(signal('purchase', { day: 0, transaction: transaction({ id: '1' }) }));
  expect(life.notes).toEqual(['no_rate']);
  expect(life.events.at(-1)?.attributes).not.toHaveProperty('amount_in_usd');
});
