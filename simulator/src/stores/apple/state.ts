/**
 * What Apple knows of one customer in one app. Plain JSON: it is saved as it is. A chain is everything with one
 * `originalTransactionId`; a customer has one per subscription group.
 */
import type { Offer } from './catalogue.ts';
import type { AppleEnvironment, AppleStatus, DiscountType, ProductType } from './notification.ts';

export type Ownership = 'PURCHASED' | 'FAMILY_SHARED';
export type ExpirationIntent = 1 | 2 | 3 | 4 | 5;

/** The offer a period runs under. */
export interface AppliedOffer {
  type: number;
  id: string | null;
  discount: DiscountType;
  period: string;
  /** Periods still to come under the same offer. */
  left: number;
  price: number;
}

export interface Revocation {
  at: number;
  reason: 0 | 1;
  type: 'REFUND_FULL' | 'REFUND_PRORATED' | 'FAMILY_REVOKE';
  /** Thousandths of a percent; null = all. */
  percentage: number | null;
}

export interface Transaction {
  transactionId: string;
  originalTransactionId: string;
  webOrderLineItemId: string | null;
  productId: string;
  type: ProductType;
  group: string | null;
  purchaseDate: number;
  originalPurchaseDate: number;
  expiresDate: number | null;
  quantity: number;
  ownership: Ownership;
  reason: 'PURCHASE' | 'RENEWAL';
  price: number;
  currency: string;
  appAccountToken: string | null;
  offer: AppliedOffer | null;
  isUpgraded: boolean;
  revocation: Revocation | null;
}

export interface Chain {
  originalTransactionId: string;
  group: string;
  ownership: Ownership;
  status: AppleStatus;
  /** Oldest first. */
  transactions: Transaction[];
  autoRenew: boolean;
  /** Product of the next renewal. */
  nextProductId: string;
  /** Offer that begins with the next renewal. */
  nextOffer: Offer | null;
  /** Since the last purchase after an end. */
  startedAt: number;
  renewals: number;
  /** The next charge fails. */
  paymentFails: boolean;
  graceUntil: number | null;
  retryUntil: number | null;
  expirationIntent: ExpirationIntent | null;
  /** Apple ends it at the period's end for this reason, whatever auto-renew says. */
  endsWith: ExpirationIntent | null;
  priceIncreaseStatus: 0 | 1 | null;
  /** Auto-renew as it was before a refund ended the chain. */
  autoRenewBefore: boolean | null;
}

export interface Subscriber {
  id: string;
  bundleId: string;
  environment: AppleEnvironment;
  appTransactionId: string;
  appAccountToken: string | null;
  /** Alpha-3. */
  storefront: string;
  chains: Chain[];
  /** One-time purchases. */
  purchases: Transaction[];
  /** Epoch ms of the newest notification. */
  signedAt: number;
  /** The family organiser whose purchases this one shares. */
  familyOf: string | null;
}

export const latest = (chain: Chain): Transaction => chain.transactions.at(-1) as Transaction;

/** Active, or in billing grace. */
export const hasAccess = (chain: Chain): boolean => chain.status === 1 || chain.status === 4;

export const hasEnded = (chain: Chain): boolean => chain.status === 2 || chain.status === 5;
