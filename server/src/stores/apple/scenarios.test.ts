/**
 * The two halves together: what Apple signed, translated, must tell the lifecycle its scenario. One case for each row of Apple's
 * notifications; the expected events are those of the scenario, in their order, `+` and `-` being the sign of money.
 */
import { describe, expect, it } from 'vitest';
import type { VerifiedSignal } from '../store.ts';
import { NO_LEVELS, play } from './fixtures/play.ts';
import { handInOf, MONTH, renewalOf, signalOf, T0 } from './fixtures/notification.ts';
import {
  at,
  bought,
  change,
  DAY,
  expired,
  failed,
  graceOver,
  oneTime,
  period,
  PERIOD_2,
  refund,
  renew,
  toggle,
  TRIAL,
  upgraded,
} from './fixtures/subscriber.ts';

const STARTED = 'ACTIVATE SUBSCRIPTION_STARTED TP+';
const RENEWED = 'ACTIVATE SUBSCRIPTION_RENEWED TP+';
const GRACE = 'ACTIVATE GRACE_PERIOD_STARTED';
const RETRY = 'DEACTIVATE ENTERED_BILLING_RETRY';
const ENDED = 'DEACTIVATE SUBSCRIPTION_EXPIRED SUBSCRIPTION_TERMINATED';

describe('the rows of Apple’s notifications', () => {
  const rows: [row: string, signals: VerifiedSignal[], ...last: string[]][] = [
    ['A1 first purchase', [bought()], STARTED],
    ['A2 free trial', [bought(TRIAL)], 'ACTIVATE SUBSCRIPTION_STARTED TRIAL_STARTED'],
    [
      'A3 paid introductory offer',
      [bought({ offerType: 1, price: 990 })],
      'ACTIVATE SUBSCRIPTION_STARTED INTRO_OFFER_STARTED TP+',
    ],
    [
      'A3 free code',
      [bought({ offerType: 3, offerIdentifier: 'X', price: 0 })],
      'ACTIVATE SUBSCRIPTION_STARTED PROMO_CODE_STARTED',
    ],
    ['A4 family copy', [bought({ inAppOwnershipType: 'FAMILY_SHARED' })], 'ACTIVATE SUBSCRIPTION_STARTED'],
    [
      'A5 back after an end',
      [
        bought(),
        toggle(false, T0 + DAY),
        expired('VOLUNTARY', 1, PERIOD_2),
        signalOf(
          'SUBSCRIBED',
          at(T0 + 3 * MONTH, { subtype: 'RESUBSCRIBE', transaction: period(4, { transactionReason: 'PURCHASE' }) }),
        ),
      ],
      STARTED,
      'RENEWAL_DISABLED',
      ENDED,
      'ACTIVATE SUBSCRIPTION_REACTIVATED TP+',
    ],
    ['A6 renewal, signed before its time', [bought(), renew(2)], STARTED, RENEWED],
    [
      'A7 conversion',
      [bought(TRIAL), renew(2)],
      'ACTIVATE SUBSCRIPTION_STARTED TRIAL_STARTED',
      'ACTIVATE SUBSCRIPTION_RENEWED TRIAL_CONVERTED TP+',
    ],
    [
      'A8 pay as you go, converted at the fourth period',
      [1, 2, 3]
        .map((n) => (n === 1 ? bought({ offerType: 1, price: 990 }) : renew(n, { offerType: 1, price: 990 })))
        .concat(renew(4)),
      'ACTIVATE SUBSCRIPTION_STARTED INTRO_OFFER_STARTED TP+',
      RENEWED,
      RENEWED,
      'ACTIVATE SUBSCRIPTION_RENEWED INTRO_OFFER_CONVERTED TP+',
    ],
    [
      'A9 renewal that starts an offer',
      [bought(), renew(2, { offerType: 2, offerIdentifier: 'P', price: 4_900 })],
      STARTED,
      'ACTIVATE SUBSCRIPTION_RENEWED PROMOTIONAL_OFFER_STARTED TP+',
    ],
    [
      'A10 downgrade takes effect',
      [bought(), renew(2, { productId: 'weekly' })],
      STARTED,
      'DEACTIVATE ACTIVATE SUBSCRIPTION_DOWNGRADED TP+',
    ],
    [
      'A11 recovered in grace',
      [bought(), failed(true), renew(2, { purchaseDate: PERIOD_2 + 2 * DAY }, 'BILLING_RECOVERY', PERIOD_2 + 2 * DAY)],
      STARTED,
      GRACE,
      'ACTIVATE SUBSCRIPTION_RENEWED SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD TP+',
    ],
    [
      'A12 recovered from retry',
      [bought(), failed(false), renew(2, { purchaseDate: PERIOD_2 + 2 * DAY }, 'BILLING_RECOVERY', PERIOD_2 + 2 * DAY)],
      STARTED,
      RETRY,
      'ACTIVATE SUBSCRIPTION_RENEWED SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY TP+',
    ],
    ['A12 from a live record: neither', [bought(), renew(2, {}, 'BILLING_RECOVERY')], STARTED, RENEWED],
    [
      'A13, A14 toggles',
      [bought(), toggle(false, T0 + DAY), toggle(false, T0 + 2 * DAY), toggle(true, T0 + 3 * DAY)],
      STARTED,
      'RENEWAL_DISABLED',
      '',
      'RENEWAL_ENABLED',
    ],
    [
      'A13 cancelled in grace, access kept, then A24',
      [
        bought(),
        failed(true),
        toggle(false, PERIOD_2 + DAY, {
          status: 4,
          renewal: renewalOf({ autoRenewStatus: 0, gracePeriodExpiresDate: PERIOD_2 + 16 * DAY }),
        }),
        graceOver(2, { autoRenewStatus: 0 }),
      ],
      STARTED,
      GRACE,
      'RENEWAL_DISABLED SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD',
      'DEACTIVATE GRACE_PERIOD_TERMINATED SUBSCRIPTION_EXPIRED SUBSCRIPTION_TERMINATED',
    ],
    [
      'A15 upgrade',
      [bought(), change('UPGRADE', upgraded(), { productId: 'yearly', autoRenewProductId: 'yearly' })],
      STARTED,
      'DEACTIVATE ACTIVATE SUBSCRIPTION_UPGRADED TP- TP+',
    ],
    [
      'A16 downgrade asked for',
      [bought(), change('DOWNGRADE', period(1), { autoRenewProductId: 'weekly' })],
      STARTED,
      '',
    ],
    [
      'A16 with a flip of auto-renew',
      [bought(), toggle(false, T0 + DAY), change('DOWNGRADE', period(1), { autoRenewProductId: 'weekly' })],
      STARTED,
      'RENEWAL_DISABLED',
      'RENEWAL_ENABLED',
    ],
    ['A17 back to the current product', [bought(), change('', period(1))], STARTED, ''],
    [
      'A18 upgrade by an offer',
      [
        bought(),
        change(
          'UPGRADE',
          upgraded({ offerType: 2, offerIdentifier: 'P' }),
          { productId: 'yearly', autoRenewProductId: 'yearly' },
          'OFFER_REDEEMED',
        ),
      ],
      STARTED,
      'DEACTIVATE ACTIVATE SUBSCRIPTION_UPGRADED PROMOTIONAL_OFFER_STARTED TP- TP+',
    ],
    [
      'A19, A21 an offer for later',
      [bought(), change('', period(1), { offerType: 2, offerIdentifier: 'P' }, 'OFFER_REDEEMED')],
      STARTED,
      '',
    ],
    [
      'A13 cancelled in grace, over at once',
      [
        bought(),
        failed(true),
        toggle(false, PERIOD_2 + DAY, { status: 2, renewal: renewalOf({ autoRenewStatus: 0, expirationIntent: 1 }) }),
      ],
      STARTED,
      GRACE,
      'DEACTIVATE RENEWAL_DISABLED SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD SUBSCRIPTION_EXPIRED SUBSCRIPTION_TERMINATED',
    ],
    [
      'A13 cancelled in retry, then A25',
      [
        bought(),
        failed(false),
        toggle(false, PERIOD_2 + DAY, { status: 3 }),
        expired('VOLUNTARY', 1, PERIOD_2 + DAY + 1),
      ],
      STARTED,
      RETRY,
      'RENEWAL_DISABLED',
      ENDED,
    ],
    [
      'A12 recovered with another product',
      [
        bought(),
        failed(false),
        renew(2, { productId: 'weekly', purchaseDate: PERIOD_2 + DAY }, 'BILLING_RECOVERY', PERIOD_2 + DAY),
      ],
      STARTED,
      RETRY,
      'DEACTIVATE ACTIVATE SUBSCRIPTION_DOWNGRADED TP+',
    ],
    [
      'A20 offer redeemed at once',
      [
        bought(),
        change(
          '',
          period(2, { offerType: 2, offerIdentifier: 'P', purchaseDate: PERIOD_2 }),
          {},
          'OFFER_REDEEMED',
          PERIOD_2 + 1,
        ),
      ],
      STARTED,
      'ACTIVATE SUBSCRIPTION_RENEWED PROMOTIONAL_OFFER_STARTED TP+',
    ],
    ['A22 grace', [bought(), failed(true)], STARTED, GRACE],
    ['A23 retry', [bought(), failed(false)], STARTED, RETRY],
    [
      'A24 grace over, retry follows',
      [bought(), failed(true), graceOver(3, { isInBillingRetryPeriod: true })],
      STARTED,
      GRACE,
      'DEACTIVATE GRACE_PERIOD_TERMINATED ENTERED_BILLING_RETRY',
    ],
    [
      'A24 grace over for good',
      [bought(), failed(true), graceOver(2)],
      STARTED,
      GRACE,
      'DEACTIVATE GRACE_PERIOD_TERMINATED SUBSCRIPTION_EXPIRED SUBSCRIPTION_TERMINATED',
    ],
    ['A25 lapse without an earlier toggle', [bought(), expired('VOLUNTARY', 1, PERIOD_2)], STARTED, ENDED],
    [
      'A25 never recovered',
      [bought(), failed(false), expired('BILLING_RETRY', 2, PERIOD_2 + 60 * DAY)],
      STARTED,
      RETRY,
      ENDED,
    ],
    [
      'A26 lapse in a trial',
      [bought(TRIAL), expired('VOLUNTARY', 1, PERIOD_2, TRIAL)],
      'ACTIVATE SUBSCRIPTION_STARTED TRIAL_STARTED',
      `${ENDED} TRIAL_NOT_CONVERTED`,
    ],
    ['A27 refund of the running period', [bought(), refund()], STARTED, 'DEACTIVATE SUBSCRIPTION_REFUNDED_REVOKED TP-'],
    [
      'A28 refund that leaves access',
      [bought(), refund({ revocationPercentage: 50_000 }, { status: 1 })],
      STARTED,
      'SUBSCRIPTION_REFUNDED_REVOKED TP-',
    ],
    [
      'A29 one-time refund',
      [oneTime('Consumable'), oneTime('Consumable', { revocationDate: T0 + DAY }, 'REFUND', T0 + DAY)],
      STARTED,
      'DEACTIVATE TP-',
    ],
    [
      'A29 part of it',
      [
        oneTime('Consumable'),
        oneTime('Consumable', { revocationDate: T0 + DAY, revocationPercentage: 50_000 }, 'REFUND', T0 + DAY),
      ],
      STARTED,
      'TP-',
    ],
    [
      'A30 refund reversed',
      [bought(), refund(), signalOf('REFUND_REVERSED', at(T0 + 6 * DAY, { transaction: period(1) }))],
      STARTED,
      'DEACTIVATE SUBSCRIPTION_REFUNDED_REVOKED TP-',
      'ACTIVATE TP+',
    ],
    [
      'A31 refund declined',
      [bought(), signalOf('REFUND_DECLINED', at(T0 + DAY, { transaction: period(1) }))],
      STARTED,
      'ACTIVATE',
    ],
    [
      'A32 family sharing revoked',
      [
        bought({ inAppOwnershipType: 'FAMILY_SHARED' }),
        signalOf(
          'REVOKE',
          at(T0 + DAY, {
            status: 5,
            transaction: period(1, {
              inAppOwnershipType: 'FAMILY_SHARED',
              revocationDate: T0 + DAY,
              revocationType: 'FAMILY_REVOKE',
            }),
          }),
        ),
      ],
      'ACTIVATE SUBSCRIPTION_STARTED',
      'DEACTIVATE FAMILY_SHARED_REVOKED',
    ],
    [
      'A33 extension, and one that moves nothing',
      [
        bought(),
        signalOf('RENEWAL_EXTENDED', at(T0 + DAY, { transaction: period(1, { expiresDate: PERIOD_2 + DAY }) })),
        signalOf('RENEWAL_EXTENDED', at(T0 + 2 * DAY, { transaction: period(1, { expiresDate: PERIOD_2 + DAY }) })),
      ],
      STARTED,
      'SUBSCRIPTION_DEFERRED',
      '',
    ],
    ['A34 consumable', [oneTime('Consumable')], STARTED],
    ['A34 non-consumable', [oneTime('Non-Consumable')], STARTED],
    ['A34 non-renewing subscription', [oneTime('Non-Renewing Subscription')], STARTED],
    [
      'A34 shared',
      [oneTime('Non-Consumable', { inAppOwnershipType: 'FAMILY_SHARED' })],
      'ACTIVATE SUBSCRIPTION_STARTED',
    ],
    [
      'A35 nothing of its own',
      [
        bought(),
        signalOf('PRICE_INCREASE', at(T0 + DAY, { subtype: 'PENDING' })),
        signalOf('BRAND_NEW', at(T0 + 2 * DAY)),
      ],
      STARTED,
      '',
      '',
    ],
    ['A37 handed in, then notified', [handInOf(period(1)), bought()], STARTED, ''],
    ['A37 notified, then handed in', [bought(), handInOf(period(1))], STARTED, ''],
  ];

  it.each(rows)('%s', (_row, signals, ...expected) => {
    expect(play(signals).events).toEqual(expected);
  });

  it('grades without levels follow Apple’s word', () => {
    const up = change('UPGRADE', upgraded(), { productId: 'yearly', autoRenewProductId: 'yearly' });
    expect(play([bought(), up], NO_LEVELS).events[1]).toContain('SUBSCRIPTION_UPGRADED');
    const down = change('DOWNGRADE', period(1), { autoRenewProductId: 'weekly' });
    expect(play([bought(), down, renew(2, { productId: 'weekly' })], NO_LEVELS).events[2]).toContain(
      'SUBSCRIPTION_DOWNGRADED',
    );
  });

  it('a family member renews without money', () => {
    const family = { inAppOwnershipType: 'FAMILY_SHARED' };
    expect(play([bought(family), renew(2, family)]).events[1]).toBe('ACTIVATE SUBSCRIPTION_RENEWED');
  });

  it('the same notification six times changes nothing after the first', () => {
    expect(play([bought(), ...Array.from({ length: 6 }, () => renew(2))]).events).toEqual([
      STARTED,
      RENEWED,
      '',
      '',
      '',
      '',
      '',
    ]);
  });
});
