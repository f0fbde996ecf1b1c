/**
 * Store-neutral facts: what one verified signal says about one store chain.
 * A store's `translate` writes them, `reduce` reads them, and neither knows the other.
 * Facts decide; `hint` only carries what the facts alone cannot say.
 */
import type { Environment, OfferType, PurchaseType, StoreCode } from '../events/event.ts';

/** Integer minor units of an ISO 4217 currency (JPY 300 = 300, EUR 8.90 = 890, KWD 1.990 = 1990). */
export interface Money {
  amount: number;
  currency: string;
}

export interface OfferFact {
  kind: OfferType;
  /** The store's id of the offer; absent where the store has none. Same run = same kind and same identifier. */
  identifier?: string;
  /** Reference name of a redeemed code. */
  codeRefName?: string;
  promotionalOfferId?: string;
}

export interface TransactionFact {
  id: string;
  /** `store_product_id`. */
  productId: string;
  purchaseType: PurchaseType;
  /** Epoch ms. */
  purchasedAt: number;
  /** Epoch ms of the chain's first transaction. */
  originalPurchasedAt: number;
  /** Epoch ms; the nominal end of the paid period. Absent for one-time products without duration. */
  expiresAt?: number;
  quantity: number;
  /** What the buyer pays, whole quantity, tax included; amount 0 in a free phase; absent = the store did not say (unpriced). */
  price?: Money;
  offer: OfferFact;
  familyShared: boolean;
  /** ISO 3166-1 alpha-2. */
  country?: string;
  /** Whether the store calls it a purchase by the customer or an automatic renewal. */
  reason?: 'purchase' | 'renewal';
  /** The store marks this transaction as replaced by an immediate plan change. */
  replaced?: boolean;
  /** Set once refunded or withdrawn. `share` is the refunded part of the price, 0 < share ≤ 1. */
  revocation?: { at: number; share: number };
  purchaseToken?: string;
}

/** What the store says of the subscription as a whole at `Facts.storeTime`. */
export interface StatusFact {
  state: 'active' | 'grace' | 'retry' | 'paused' | 'expired' | 'revoked';
  /** Absent = not told. */
  autoRenew?: boolean;
  endReason?: 'cancelled' | 'billing' | 'price_refused' | 'product_gone' | 'other';
  graceExpiresAt?: number;
  autoResumeAt?: number;
  /** What the next renewal will be charged for, when it differs. Stored, shown, no event. */
  pendingProductId?: string;
}

/** Why the store spoke, in neutral words. */
export type Hint =
  | 'purchase' // first purchase of the chain
  | 'resubscribe' // back after an end, on the same chain
  | 'renewal'
  | 'recovery' // a failed renewal was paid
  | 'plan_change'
  | 'offer_redeemed'
  | 'toggle' // automatic renewal switched on or off
  | 'renewal_failed'
  | 'grace_expired'
  | 'expired'
  | 'refund'
  | 'refund_reversed'
  | 'refund_declined'
  | 'family_revoked'
  | 'deferral'
  | 'one_time'
  | 'retention_message'
  | 'hand_in' // app or back end handed a transaction in
  | 'none'; // nothing of its own; what the facts newly show is emitted all the same (ruling 2)

export interface Facts {
  store: StoreCode;
  environment: Environment;
  bundleId: string;
  /** `store_original_transaction_id`. */
  chainId: string;
  hint: Hint;
  /** The store's own word on a plan change (in the signal that makes or books it). */
  grade?: 'up' | 'down';
  /** Epoch ms: when the store took the snapshot; decides lateness (ruling 4). */
  storeTime: number;
  /** The store's id of the notification; appended to `nt:` fact keys where the store's clock has whole seconds only. */
  storeEventId?: string;
  /** True when `storeTime` has whole seconds only. */
  wholeSeconds?: boolean;
  /** The transaction the signal is about. */
  transaction?: TransactionFact;
  /** Read from the store's API, oldest first: completes what we know; silent unless the signal announces it (ruling 3). May repeat `transaction`. */
  history: TransactionFact[];
  status?: StatusFact;
  /** `hint` = deferral: the new end, epoch ms. */
  deferredUntil?: number;
}
