/**
 * A record: one plan run of a subscription (`subs_…`) or one one-time purchase (`otp_…`).
 * The whole object is stored as JSON in `record.state`; the named fields are also columns, for lists and look-ups.
 */
import type { EventCode } from '../events/catalogue.ts';
import type {
  Environment,
  OfferType,
  PurchaseType,
  StoreCode,
  SubscriptionStatus,
  UnifiedEvent,
} from '../events/event.ts';
import type { Facts, OfferFact, StatusFact } from './fact.ts';
import type { MovementKind } from './ids.ts';

/** Whose purchase it is. Exactly one of the two ids, as first given. */
export interface Owner {
  id: string;
  userId?: string;
  anonymousUserId?: string;
  /** Captured by the SDK, if any. */
  deviceId?: string;
  deviceType?: string;
}

/** One sellable plan as configured: what a store product id means to the app. */
export interface Plan {
  id: string;
  product: string;
  /** Grade; higher is better. Absent = not configured. */
  level?: number;
  /** For non-renewing subscriptions. */
  durationMs?: number;
}

/** The store's word on the subscription as a whole, as last told. */
export interface LatestStatus extends StatusFact {
  /** Store time of the snapshot, epoch ms. */
  at: number;
}

/** Money booked on a transaction after its charge, in the order of booking. Signed: what comes back to us is positive. */
export interface Movement {
  kind: Exclude<MovementKind, 'charge'>;
  /** Minor units of the transaction's currency. */
  amount: number;
  /** The same in the integration currency; absent = no rate was known. */
  converted?: number;
}

export interface PeriodEnd {
  status: 'DEACTIVATED' | 'UNPAID' | 'REVOKED';
  /** Store time of the word that ended it. */
  toldAt: number;
  /** When access ended, epoch ms. */
  at: number;
  /** Ended by a plan change: another record goes on. */
  replaced?: true;
  /** Not told by the store: a later purchase made it likely. */
  assumed?: true;
  /** An offer run was closed with it. */
  closedRun?: true;
}

/**
 * One store transaction of a record. Most fields are absent in most periods, so that years of renewals stay small.
 */
export interface Period {
  id: string;
  /** Epoch ms of the purchase or renewal. */
  at: number;
  /** Nominal end, epoch ms, as newest told. */
  until?: number;
  /** The end before any free extension, where it differs: what was paid for. */
  paidUntil?: number;
  /** First and last store time at which the store showed it; kept while the period is the chain's newest. */
  seen?: [first: number, last: number];
  /** Absent = the record's product. */
  productId?: string;
  /** Minor units; absent = the store did not say. */
  price?: number;
  /** Absent = the record's currency. */
  currency?: string;
  /** Absent = none. */
  offer?: OfferFact;
  /** The store called it an automatic renewal. */
  renewal?: true;
  /** Known from a read of the history alone: nothing was announced, no money booked. */
  quiet?: true;
  /** Units of the integration currency for one of the period's, on the day of the charge; absent = same currency or no rate. */
  rate?: number;
  /** The charge in the integration currency, where that is another one and a rate was known. */
  converted?: number;
  /** What was booked besides the charge. */
  movements?: Movement[];
  /** Unpriced so far: the event its charge will belong to. */
  owes?: EventCode;
  refunds?: { at: number; share: number }[];
  /** Store times of refund reversals. */
  reversals?: number[];
  /** Times of being refunded (1 + the reversals before) whose revocation code was sent. */
  revocations?: number[];
  end?: PeriodEnd;
  /** End of a grace told for the period, epoch ms. */
  graceUntil?: number;
  /** Payment trouble within the period: what a recovery recovers from. */
  trouble?: 'IN_GRACE_PERIOD' | 'ON_HOLD';
  /** How often a status was left within the period. */
  left?: Partial<Record<SubscriptionStatus, number>>;
  /** Offer run that this period closed. */
  closed?: true;
  /** Newest end announced as a deferral, epoch ms. */
  deferredTo?: number;
}

export interface RecordState {
  id: string;
  store: StoreCode;
  environment: Environment;
  bundleId: string;
  /** `store_original_transaction_id` of the chain the record runs on now (a reactivation may move it to another chain). */
  chainId: string;
  purchaseType: PurchaseType;
  productId: string;
  /** Null for consumables and non-consumables. */
  status: SubscriptionStatus | null;
  /** The last `event_sequence` given out. */
  sequence: number;
  ownerId: string | null;
  familyShared: boolean;
  /** Epoch ms. */
  openedAt: number;
  /** Epoch ms at which access ends or ended, as far as known. */
  effectiveEndAt: number | null;

  /** By purchase date, oldest first. */
  periods: Period[];
  /** Of the periods that name none. */
  currency?: string;
  /** ISO 3166-1 alpha-2, as last told. */
  country?: string;
  purchaseToken?: string;
  /** Epoch ms of the chain's first transaction. */
  originalAt: number;
  /** The event that opened it, once announced: `SUBSCRIPTION_STARTED` or a plan change. */
  opened?: EventCode;
  /** Null = not a renewing subscription, or never told. */
  autoRenew: boolean | null;
  /** Whether the last entitlement event granted access; absent = none was sent yet. */
  access?: boolean;
  /** The offer run that is open; absent = none. */
  run?: OfferFact;
  /** The chain's newest status; kept on its running record. */
  latest?: LatestStatus;
  graceEndAt?: number;
  /** A plan change that was booked, with the store's word on it. */
  booked?: { productId?: string; grade: 'up' | 'down' };
  /** Fact keys of the newest notices (refund declined, retention message), told or not, so that the same twice is one. */
  notices?: string[];
  /** Fact key of the newest toggle of each kind in the chain, and how often it served. */
  toggles?: Partial<Record<'RENEWAL_DISABLED' | 'RENEWAL_ENABLED', { key: string; times: number }>>;
  /** The record this one replaced. */
  from?: { recordId: string; productId: string; offerType: OfferType };
  /** The installation's device at the first purchase. */
  device?: { id?: string; type?: string };
}

export interface ReduceInput {
  /** Every record the chain has touched, oldest first; empty = chain unknown. */
  records: RecordState[];
  /** An ended record of the same owner (or store account key) and product on another chain, if the chain is unknown: the returning customer. */
  returning?: RecordState;
  /** Store time of the newest applied signal that carried status or renewal info (ruling 4); null = none yet. */
  statusAt: number | null;
  facts: Facts;
  owner: Owner | null;
  plans: ReadonlyMap<string, Plan>;
  /** The app's integration currency, ISO 4217. */
  currency: string;
  /** Units of the integration currency for one unit of `from` on that UTC day; undefined = no rate. */
  rate(from: string, at: number): number | undefined;
  /** Net amounts of all purchases the owner holds in this environment, minor units of the integration currency; undefined = not convertible. */
  cumulated: number;
  /** Epoch ms; becomes `event_created_at`. */
  now: number;
}

export interface ReduceOutput {
  /** All of `records`, changed or not, plus new ones. Inputs are never mutated. */
  records: RecordState[];
  events: UnifiedEvent[];
  statusAt: number | null;
  cumulated: number;
  /** Things to count, e.g. `unpriced_movement`, `late_signal`. */
  notes: string[];
}
