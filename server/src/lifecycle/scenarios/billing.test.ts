import { expect, test } from 'vitest';
import type { OfferFact, StatusFact } from '../fact.ts';
import { DAY, live, signal, START, transaction } from '../fixtures/life.ts';

const TRIAL: OfferFact = { kind: 'FREE_TRIAL' };
const GRACE: StatusFact = { state: 'grace', autoRenew: true, graceExpiresAt: START + 46 * DAY };
const RETRY: StatusFact = { state: 'retry', autoRenew: true };
const UNPAID: StatusFact = { state: 'expired', autoRenew: true, endReason: 'billing' };
const GIVEN_UP: StatusFact = { state: 'expired', autoRenew: false, endReason: 'cancelled' };

function running(offer: OfferFact = { kind: 'NONE' }) {
  const first = transaction({ id: '1', offer, euro: offer.kind === 'NONE' ? 9.99 : 0 });
  const life = live();
  life.apply(signal('purchase', { day: 0, transaction: first }));
  return { life, first };
}
const paid = transaction({ id: '2', day: 33 });

test('#18 grace starts, #19 recovered in grace', () => {
  const { life, first } = running();
  expect(life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }))).toEqual([
    ['ACTIVATE', 'GRACE_PERIOD_STARTED'],
  ]);
  expect(life.statuses()).toEqual(['IN_GRACE_PERIOD']);
  expect(life.last[0]?.attributes).toMatchObject({
    grace_period_expires_at_ms: START + 46 * DAY,
    effective_next_renewal_at_ms: START + 46 * DAY,
    next_renewal_at_ms: START + 30 * DAY,
  });
  expect(life.apply(signal('recovery', { day: 33, transaction: paid }))).toEqual([
    [
      'ACTIVATE',
      'SUBSCRIPTION_RENEWED',
      'SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD',
      'TP(SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD) 9.99',
    ],
  ]);
  expect(life.last[0]?.attributes).toMatchObject({ grace_period_expires_at_ms: START + 46 * DAY });
  expect(life.statuses()).toEqual(['AUTO_RENEWING']);
});

test('#19 and #25 inside an offer convert it', () => {
  const { life, first } = running(TRIAL);
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  expect(life.apply(signal('recovery', { day: 33, transaction: paid }))).toEqual([
    [
      'ACTIVATE',
      'SUBSCRIPTION_RENEWED',
      'SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD',
      'TRIAL_CONVERTED',
      'TP(TRIAL_CONVERTED) 9.99',
    ],
  ]);
});

test('#20 grace ends, retry follows; #26 never recovered', () => {
  const { life, first } = running(TRIAL);
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  expect(life.apply(signal('grace_expired', { day: 46, transaction: first, status: RETRY }))).toEqual([
    ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'ENTERED_BILLING_RETRY'],
  ]);
  expect(life.statuses()).toEqual(['ON_HOLD']);
  expect(life.last[0]?.attributes).toMatchObject({
    effective_next_renewal_at_ms: START + 46 * DAY,
    grace_period_expires_at_ms: START + 46 * DAY,
  });
  expect(life.apply(signal('expired', { day: 90, transaction: first, status: UNPAID }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED', 'TRIAL_NOT_CONVERTED'],
  ]);
  expect(life.statuses()).toEqual(['UNPAID']);
});

test('#21 grace ends without a retry', () => {
  const { life, first } = running();
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  expect(life.apply(signal('grace_expired', { day: 46, transaction: first, status: UNPAID }))).toEqual([
    ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
  expect(life.statuses()).toEqual(['UNPAID']);
  expect(life.last[0]?.occurredAt).toBe(START + 46 * DAY);
});

test('#22 cancelled in grace, ended at once', () => {
  const { life, first } = running(TRIAL);
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  expect(life.apply(signal('toggle', { day: 35, transaction: first, status: GIVEN_UP }))).toEqual([
    [
      'DEACTIVATE',
      'RENEWAL_DISABLED',
      'SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD',
      'SUBSCRIPTION_EXPIRED',
      'SUBSCRIPTION_TERMINATED',
      'TRIAL_NOT_CONVERTED',
    ],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
  expect(life.last[0]?.occurredAt).toBe(START + 35 * DAY);
});

test('#23 cancelled in grace, access kept until its end', () => {
  const { life, first } = running();
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  expect(life.apply(signal('toggle', { day: 35, transaction: first, status: { ...GRACE, autoRenew: false } }))).toEqual(
    [['RENEWAL_DISABLED', 'SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD']],
  );
  expect(life.statuses()).toEqual(['IN_GRACE_PERIOD']);
  expect(life.apply(signal('grace_expired', { day: 46, transaction: first, status: GIVEN_UP }))).toEqual([
    ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
});

test('#24 retry without grace, #25 recovered from it', () => {
  const { life, first } = running();
  expect(life.apply(signal('renewal_failed', { day: 30, transaction: first, status: RETRY }))).toEqual([
    ['DEACTIVATE', 'ENTERED_BILLING_RETRY'],
  ]);
  expect(life.last[0]?.attributes).toMatchObject({ effective_next_renewal_at_ms: START + 30 * DAY });
  expect(life.apply(signal('recovery', { day: 33, transaction: paid }))).toEqual([
    [
      'ACTIVATE',
      'SUBSCRIPTION_RENEWED',
      'SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY',
      'TP(SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY) 9.99',
    ],
  ]);
});

test('#27 cancelled in retry, then over', () => {
  const { life, first } = running();
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: RETRY }));
  expect(life.apply(signal('toggle', { day: 40, transaction: first, status: { ...RETRY, autoRenew: false } }))).toEqual(
    [['RENEWAL_DISABLED']],
  );
  expect(life.statuses()).toEqual(['ON_HOLD']);
  expect(life.apply(signal('expired', { day: 41, transaction: first, status: GIVEN_UP }))).toEqual([
    ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
  expect(life.statuses()).toEqual(['DEACTIVATED']);
});

test('#27 in one signal, where the store ends it at once', () => {
  const { life, first } = running();
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: RETRY }));
  expect(life.apply(signal('toggle', { day: 40, transaction: first, status: GIVEN_UP }))).toEqual([
    ['DEACTIVATE', 'RENEWAL_DISABLED', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
});

test('a recovery of a record that still looks live is a plain renewal; a lost grace end is made up by the next signal', () => {
  const { life } = running();
  expect(life.apply(signal('recovery', { day: 33, transaction: paid }))).toEqual([
    ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TP(SUBSCRIPTION_RENEWED) 9.99'],
  ]);
  const lost = running();
  lost.life.apply(signal('renewal_failed', { day: 30, transaction: lost.first, status: GRACE }));
  expect(lost.life.apply(signal('expired', { day: 90, transaction: lost.first, status: UNPAID }))).toEqual([
    ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  ]);
});

test('grace entered twice in one period has its own fact each time', () => {
  const { life, first } = running();
  life.apply(signal('renewal_failed', { day: 30, transaction: first, status: GRACE }));
  life.apply(signal('none', { day: 31, transaction: first }));
  life.apply(signal('renewal_failed', { day: 32, transaction: first, status: GRACE }));
  const starts = life.events.filter((event) => event.code === 'GRACE_PERIOD_STARTED');
  expect(new Set(starts.map((event) => event.eventId)).size).toBe(2);
});
