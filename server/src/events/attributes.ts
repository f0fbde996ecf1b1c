/**
 * Every attribute of a unified event: name, type, when it is there, what it says. An attribute without a value is absent.
 * Names that carry money in the app's own currency end in that currency: `amount_in_eur`; here they end in the placeholder `xxx`.
 */
export type AttributeType = 'string' | 'integer' | 'decimal' | 'boolean' | 'date';

interface Row {
  type: AttributeType;
  present: string;
  meaning: string;
  /** Closed list of values, or a form in words. */
  values?: readonly string[] | string;
}

const OFFER_TYPES = ['NONE', 'FREE_TRIAL', 'INTRO_OFFER', 'PROMO_CODE', 'PROMOTIONAL_OFFER'];
const STATUSES = [
  'AUTO_RENEWING',
  'AUTO_RENEWING_CANCELED',
  'IN_GRACE_PERIOD',
  'ON_HOLD',
  'PAUSED',
  'DEACTIVATED',
  'UNPAID',
  'REVOKED',
];
const TRANSFER_FROM = 'on the side that left, one of the two';
const TRANSFER_TO = 'on the side that received, one of the two';
const PAYWALL = 'if given at the initial purchase';
const PLAN_CHANGE = 'plan change, on all events of its group on the new record';

/** Every date has an integer twin of the same instant, `<name>_ms`, in epoch milliseconds. */
const ROWS = {
  api_version: { type: 'integer', present: 'always', meaning: 'Version of the contract.', values: ['3'] },
  event_name: { type: 'string', present: 'always', meaning: 'The event code.', values: 'a code of the catalogue' },
  event_id: {
    type: 'string',
    present: 'always',
    meaning: 'Idempotency key: the same fact always has the same id.',
    values: 'UUIDv5',
  },
  event_sequence: { type: 'integer', present: 'always', meaning: 'Position within the record.', values: '1, 2, 3 …' },
  event_created_at: { type: 'date', present: 'always', meaning: 'When the event was generated.' },
  event_occurred_at: { type: 'date', present: 'always', meaning: 'When the fact happened at the store.' },
  environment: {
    type: 'string',
    present: 'always',
    meaning: 'Environment of the store.',
    values: ['SANDBOX', 'PRODUCTION'],
  },
  store: {
    type: 'string',
    present: 'always',
    meaning: 'Store the purchase comes from.',
    values: ['APPLE_APP_STORE', 'GOOGLE_PLAY_STORE', 'AMAZON_APPSTORE', 'HUAWEI_APPGALLERY', 'STRIPE'],
  },
  store_app_bundle_id: { type: 'string', present: 'always', meaning: 'Bundle or package id of the app.' },
  store_country: {
    type: 'string',
    present: 'if known',
    meaning: 'Country of the buyer at the store.',
    values: 'ISO 3166-1 alpha-2',
  },
  store_product_id: { type: 'string', present: 'always', meaning: 'Product id at the store.' },
  store_transaction_id: {
    type: 'string',
    present: 'always',
    meaning: 'Transaction of the current period; for a correction of money, the corrected one.',
  },
  store_original_transaction_id: {
    type: 'string',
    present: 'always',
    meaning: 'First transaction of the store chain.',
  },
  purchase_token: { type: 'string', present: 'stores that have one', meaning: 'Purchase token of the store.' },
  purchasely_subscription_id: {
    type: 'string',
    present: 'renewing subscriptions',
    meaning: 'Record of the subscription.',
    values: 'subs_…',
  },
  from_purchasely_subscription_id: {
    type: 'string',
    present: PLAN_CHANGE,
    meaning: 'Record that was replaced.',
    values: 'subs_…',
  },
  purchasely_one_time_purchase_id: {
    type: 'string',
    present: 'one-time purchases',
    meaning: 'Record of the purchase.',
    values: 'otp_…',
  },
  user_id: { type: 'string', present: 'the owner is a known user', meaning: 'User id of the app.' },
  anonymous_user_id: {
    type: 'string',
    present: 'the owner is anonymous',
    meaning: 'Id of the installation.',
    values: 'UUID',
  },
  device_id: { type: 'string', present: 'if captured at purchase', meaning: 'Device id of the installation.' },
  device_type: {
    type: 'string',
    present: 'if captured at purchase',
    meaning: 'Kind of device.',
    values: ['COMPUTER', 'PAD', 'PHONE', 'TV'],
  },
  purchase_type: {
    type: 'string',
    present: 'always',
    meaning: 'Kind of product.',
    values: ['CONSUMABLE', 'NON_CONSUMABLE', 'NON_RENEWING_SUBSCRIPTION', 'RENEWING_SUBSCRIPTION'],
  },
  product: {
    type: 'string',
    present: 'always',
    meaning: 'Product of the app; the store product where none is configured.',
  },
  plan: { type: 'string', present: 'configured plans', meaning: 'Plan of the app.' },
  previous_plan: { type: 'string', present: PLAN_CHANGE, meaning: 'Plan that was replaced.' },
  content_id: { type: 'string', present: 'if given at purchase', meaning: 'Content that led to the purchase.' },
  is_family_shared: {
    type: 'boolean',
    present: 'subscriptions and non-consumables',
    meaning: 'Access comes from Family Sharing.',
  },
  offer_type: { type: 'string', present: 'always', meaning: 'Offer of the current period.', values: OFFER_TYPES },
  previous_offer_type: {
    type: 'string',
    present: 'subscriptions, except with SUBSCRIPTION_STARTED',
    meaning: 'Offer of the period before.',
    values: OFFER_TYPES,
  },
  offer_identifier: {
    type: 'string',
    present: 'while an offer with an id runs, and on its closing event',
    meaning: 'Id of the offer at the store.',
  },
  offer_code_ref_name: {
    type: 'string',
    present: 'promo codes, if the store names them',
    meaning: 'Reference name of the code.',
  },
  promotional_offer_id: { type: 'string', present: 'promotional offers', meaning: 'Id of the promotional offer.' },
  subscription_status: {
    type: 'string',
    present: 'subscriptions, renewing or not',
    meaning: 'Status after the event.',
    values: STATUSES,
  },
  purchased_at: { type: 'date', present: 'always', meaning: 'Latest purchase or renewal.' },
  original_purchased_at: { type: 'date', present: 'always', meaning: 'First transaction of the store chain.' },
  next_renewal_at: {
    type: 'date',
    present: 'subscriptions not ended, and the event that ends them',
    meaning: 'Nominal end of the period.',
  },
  effective_next_renewal_at: {
    type: 'date',
    present: 'subscriptions, if an end is known',
    meaning: 'End of access with grace and deferral; after an end, when access ended.',
  },
  grace_period_expires_at: {
    type: 'date',
    present: 'in grace, and the event that ends it',
    meaning: 'End of the grace period.',
  },
  defer_end_at: { type: 'date', present: 'SUBSCRIPTION_DEFERRED', meaning: 'New end of the prolonged period.' },
  auto_resume_at: { type: 'date', present: 'pauses, if the store tells', meaning: 'End of the pause.' },
  customer_currency: {
    type: 'string',
    present: 'if a price is known',
    meaning: 'Currency of the buyer.',
    values: 'ISO 4217',
  },
  plan_price_in_customer_currency: {
    type: 'decimal',
    present: 'if known',
    meaning: 'Price of the current period, tax included; 0 in a free phase.',
  },
  plan_price_in_xxx: { type: 'decimal', present: 'if convertible', meaning: 'The same in the currency of the app.' },
  amount_in_customer_currency: {
    type: 'decimal',
    present: 'TRANSACTION_PROCESSED',
    meaning: 'Money moved, tax included; negative when paid back.',
  },
  amount_in_xxx: {
    type: 'decimal',
    present: 'TRANSACTION_PROCESSED, if convertible',
    meaning: 'The same in the currency of the app.',
  },
  amount_estimated: {
    type: 'boolean',
    present: 'TRANSACTION_PROCESSED, only when true',
    meaning: 'The store did not report the amount.',
    values: ['true'],
  },
  source_event_name: {
    type: 'string',
    present: 'TRANSACTION_PROCESSED',
    meaning: 'Event the movement belongs to.',
    values: 'a code of the catalogue',
  },
  cumulated_revenues_in_xxx: {
    type: 'decimal',
    present: 'known owner, if convertible',
    meaning: 'Net amounts of all purchases the owner now holds.',
  },
  transferred_to_user_id: { type: 'string', present: TRANSFER_FROM, meaning: 'New owner, a known user.' },
  transferred_to_anonymous_user_id: { type: 'string', present: TRANSFER_FROM, meaning: 'New owner, an installation.' },
  transferred_from_user_id: { type: 'string', present: TRANSFER_TO, meaning: 'Former owner, a known user.' },
  transferred_from_anonymous_user_id: {
    type: 'string',
    present: TRANSFER_TO,
    meaning: 'Former owner, an installation.',
  },
  presentation: { type: 'string', present: PAYWALL, meaning: 'Paywall shown.' },
  placement: { type: 'string', present: PAYWALL, meaning: 'Place in the app where the paywall was shown.' },
  audience: { type: 'string', present: PAYWALL, meaning: 'Audience the buyer belonged to.' },
  ab_test: { type: 'string', present: PAYWALL, meaning: 'A/B test the buyer took part in.' },
  ab_test_variant: { type: 'string', present: PAYWALL, meaning: 'Variant the buyer saw.' },
} as const satisfies Record<string, Row>;

type Named = keyof typeof ROWS;
/** Attributes that come with an `_ms` twin. */
export type DateName = { [Name in Named]: (typeof ROWS)[Name]['type'] extends 'date' ? Name : never }[Named];
type InCurrency<Name extends string> = Name extends `${infer Stem}_xxx` ? `${Stem}_${string}` : Name;

/** A name as it stands in an event: dates with their twins, currency names with the currency in lower case. */
export type AttributeName = InCurrency<Named> | `${DateName}_ms`;

export interface AttributeDefinition extends Row {
  /** With the placeholder `xxx` where the name ends in the app's currency. */
  name: Named;
}

/** In the order they are documented. The `_ms` twins of dates are not listed. */
export const ATTRIBUTES: readonly AttributeDefinition[] = Object.entries(ROWS).map(([name, row]) => ({
  ...(row as Row),
  name: name as Named,
}));

/** The name in events of an app whose currency is `currency` (ISO 4217): `amount_in_xxx` → `amount_in_eur`. */
export function attributeName(name: AttributeDefinition['name'], currency: string): AttributeName {
  return (name.endsWith('_xxx') ? name.slice(0, -3) + currency.toLowerCase() : name) as AttributeName;
}
