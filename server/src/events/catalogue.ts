/**
 * Every event code of the unified dataset. Docs, SDK types, console rows and AT Internet keys derive from here and from
 * `attributes.ts`. Row order is the emission rank inside one group.
 */
import type { StoreCode } from './event.ts';

export {
  ATTRIBUTES,
  type AttributeDefinition,
  type AttributeName,
  attributeName,
  type AttributeType,
  type DateName,
} from './attributes.ts';

export type EventGroup = 'entitlement' | 'lifecycle' | 'offer' | 'transaction';

export interface EventDefinition {
  code: EventCode;
  /** Position inside one group of events, from 0. */
  rank: number;
  group: EventGroup;
  /** One of the ten main events. */
  main: boolean;
  /** One sentence. */
  meaning: string;
  /** Stores that can bring it forth. */
  stores: readonly StoreCode[];
}

const APPLE = 'APPLE_APP_STORE';
const GOOGLE = 'GOOGLE_PLAY_STORE';
const AMAZON = 'AMAZON_APPSTORE';
const HUAWEI = 'HUAWEI_APPGALLERY';
const STRIPE = 'STRIPE';

const ALL = [APPLE, GOOGLE, AMAZON, HUAWEI, STRIPE] as const;
const RETRYING = [APPLE, GOOGLE, HUAWEI, STRIPE] as const;
const BOOKED_PAUSES = [GOOGLE, HUAWEI] as const;
const PAUSES = [GOOGLE, HUAWEI, STRIPE] as const;
const DEFERRALS = [APPLE, GOOGLE, HUAWEI] as const;
const CODES = [APPLE, GOOGLE, STRIPE] as const;

type Row = readonly [code: string, group: EventGroup, stores: readonly StoreCode[], meaning: string];

const ROWS = [
  ['DEACTIVATE', 'entitlement', ALL, 'Access ends now: withdraw it.'],
  ['ACTIVATE', 'entitlement', ALL, 'Access begins or goes on: grant or confirm it.'],
  [
    'SUBSCRIPTION_STARTED',
    'lifecycle',
    ALL,
    'Someone bought a product: a subscription, on trial or paid from day one, or a one-time product.',
  ],
  ['SUBSCRIPTION_RENEWED', 'lifecycle', ALL, 'A running subscription entered its next period.'],
  ['SUBSCRIPTION_REACTIVATED', 'lifecycle', ALL, 'A subscription that was over runs again: the customer came back.'],
  ['SUBSCRIPTION_UPGRADED', 'lifecycle', ALL, 'The subscriber moved to a plan of a higher grade, and it is in effect.'],
  [
    'SUBSCRIPTION_DOWNGRADED',
    'lifecycle',
    ALL,
    'The subscriber moved to a plan of a lower grade, and it is in effect.',
  ],
  [
    'SUBSCRIPTION_CROSSGRADED',
    'lifecycle',
    ALL,
    'The subscriber moved to another plan of the same grade, and it is in effect.',
  ],
  [
    'RENEWAL_DISABLED',
    'lifecycle',
    ALL,
    'Automatic renewal was switched off: the subscription will end with its period.',
  ],
  ['RENEWAL_ENABLED', 'lifecycle', ALL, 'Automatic renewal was switched back on before the end.'],
  ['GRACE_PERIOD_STARTED', 'lifecycle', ALL, 'A payment failed, and access is kept while the store tries again.'],
  [
    'SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD',
    'lifecycle',
    ALL,
    'The failed payment succeeded within the grace period.',
  ],
  ['GRACE_PERIOD_TERMINATED', 'lifecycle', ALL, 'The grace period ran out without payment.'],
  ['SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD', 'lifecycle', ALL, 'The subscriber gave up during the grace period.'],
  [
    'ENTERED_BILLING_RETRY',
    'lifecycle',
    RETRYING,
    'A payment failed and there is no access any more, but the store keeps trying to charge.',
  ],
  [
    'SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY',
    'lifecycle',
    RETRYING,
    'A failed payment succeeded after access had been lost.',
  ],
  [
    'SUBSCRIPTION_WILL_PAUSE',
    'lifecycle',
    BOOKED_PAUSES,
    'The subscriber booked a pause that begins with the next renewal.',
  ],
  ['SUBSCRIPTION_WILL_NOT_PAUSE', 'lifecycle', BOOKED_PAUSES, 'A booked pause was called off before it began.'],
  ['SUBSCRIPTION_PAUSED', 'lifecycle', PAUSES, 'The subscription is paused, without access.'],
  ['SUBSCRIPTION_UNPAUSED', 'lifecycle', PAUSES, 'A paused subscription runs again.'],
  [
    'SUBSCRIPTION_CANCELLED_DURING_PAUSE',
    'lifecycle',
    PAUSES,
    'The subscriber gave up while the subscription was paused.',
  ],
  ['SUBSCRIPTION_DEFERRED', 'lifecycle', DEFERRALS, 'The publisher prolonged the period free of charge.'],
  [
    'SUBSCRIPTION_REFUNDED_REVOKED',
    'lifecycle',
    ALL,
    'The subscriber got money back, or the store withdrew the subscription.',
  ],
  ['FAMILY_SHARED_REVOKED', 'lifecycle', [APPLE], 'A family member lost the shared subscription.'],
  [
    'SUBSCRIPTION_EXPIRED',
    'lifecycle',
    ALL,
    'The subscription is really over, whoever ended it; a mere cancellation is not an end.',
  ],
  [
    'SUBSCRIPTION_TERMINATED',
    'lifecycle',
    ALL,
    'The same fact as SUBSCRIPTION_EXPIRED, under the code of the v3 contract; enable one of the two.',
  ],
  ['SUBSCRIPTION_TRANSFERRED', 'lifecycle', ALL, 'The subscription left this owner for another.'],
  ['SUBSCRIPTION_RECEIVED', 'lifecycle', ALL, 'The subscription reached this owner from another.'],
  ['ONE_TIME_PURCHASE_TRANSFERRED', 'lifecycle', ALL, 'A one-time purchase left this owner for another.'],
  ['ONE_TIME_PURCHASE_RECEIVED', 'lifecycle', ALL, 'A one-time purchase reached this owner from another.'],
  [
    'RETENTION_MESSAGE_REQUESTED',
    'lifecycle',
    [APPLE],
    'The subscriber opened the cancellation sheet; nothing is cancelled yet.',
  ],
  ['TRIAL_CONVERTED', 'offer', ALL, 'A free trial turned into a paid period.'],
  ['TRIAL_NOT_CONVERTED', 'offer', ALL, 'A free trial is over and no paid period followed.'],
  ['INTRO_OFFER_CONVERTED', 'offer', ALL, 'A paid introductory phase turned into the regular price.'],
  ['INTRO_OFFER_NOT_CONVERTED', 'offer', ALL, 'A paid introductory phase is over and no regular period followed.'],
  ['PROMO_CODE_CONVERTED', 'offer', CODES, 'A phase bought with a code turned into the regular price.'],
  ['PROMO_CODE_NOT_CONVERTED', 'offer', CODES, 'A phase bought with a code is over and no regular period followed.'],
  ['PROMOTIONAL_OFFER_CONVERTED', 'offer', ALL, 'A promotional phase turned into the regular price.'],
  ['PROMOTIONAL_OFFER_NOT_CONVERTED', 'offer', ALL, 'A promotional phase is over and no regular period followed.'],
  ['TRIAL_STARTED', 'offer', ALL, 'A free trial began.'],
  ['INTRO_OFFER_STARTED', 'offer', ALL, 'A paid introductory phase began.'],
  ['PROMO_CODE_STARTED', 'offer', CODES, 'A phase bought with a redeemed code began.'],
  ['PROMOTIONAL_OFFER_STARTED', 'offer', ALL, 'A promotional phase began.'],
  [
    'TRANSACTION_PROCESSED',
    'transaction',
    ALL,
    'Money moved: a charge, a refund, a credit or the reversal of a refund; the only reference for revenue.',
  ],
] as const satisfies readonly Row[];

export type EventCode = (typeof ROWS)[number][0];

/** The ten main events. */
export const MAIN_EVENTS = [
  'SUBSCRIPTION_STARTED',
  'SUBSCRIPTION_RENEWED',
  'SUBSCRIPTION_EXPIRED',
  'SUBSCRIPTION_REACTIVATED',
  'SUBSCRIPTION_REFUNDED_REVOKED',
  'RENEWAL_DISABLED',
  'RENEWAL_ENABLED',
  'TRIAL_STARTED',
  'TRIAL_CONVERTED',
  'TRIAL_NOT_CONVERTED',
] as const satisfies readonly EventCode[];

const MAIN: ReadonlySet<EventCode> = new Set(MAIN_EVENTS);

/** All 44, in emission order. */
export const EVENTS: readonly EventDefinition[] = ROWS.map(([code, group, stores, meaning], rank) => ({
  code,
  rank,
  group,
  main: MAIN.has(code),
  meaning,
  stores,
}));

export const EVENT_CODES: readonly EventCode[] = EVENTS.map((event) => event.code);

/** Emission rank inside one group. */
export const EVENT_RANK = Object.fromEntries(EVENTS.map((event) => [event.code, event.rank])) as Readonly<
  Record<EventCode, number>
>;

const KNOWN: ReadonlySet<string> = new Set(EVENT_CODES);

export function isEventCode(text: string): text is EventCode {
  return KNOWN.has(text);
}
