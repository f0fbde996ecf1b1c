/**
 * Builds and signs App Store Server Notifications V2. Knows no subscriber, no clock and no network, so that a bench can sign thousands
 * ahead of its run:
 *
 * ```ts
 * const signer = createSigner(await createAuthority());
 * const body = notificationBody(signer, purchaseContent({ …, transactionId: '2000000000000001', signedDate: Date.now() }));
 * await fetch('http://127.0.0.1:8787/stores/apple/demo', { method: 'POST', body });
 * ```
 * One notification costs three signatures: transaction, renewal info, and the outer payload that covers both.
 */
import { randomUUID } from 'node:crypto';
import type { Signer } from './sign.ts';

export type AppleEnvironment = 'Production' | 'Sandbox';

/** 1 active, 2 expired, 3 billing retry, 4 billing grace, 5 revoked. */
export type AppleStatus = 1 | 2 | 3 | 4 | 5;

/** `signedTransactionInfo`, decoded. Dates are epoch ms; `price` is in thousandths of the currency, for every currency. */
export interface TransactionPayload {
  transactionId: string;
  originalTransactionId: string;
  appTransactionId?: string;
  webOrderLineItemId?: string;
  bundleId: string;
  productId: string;
  subscriptionGroupIdentifier?: string;
  purchaseDate: number;
  originalPurchaseDate: number;
  expiresDate?: number;
  quantity: number;
  type: ProductType;
  appAccountToken?: string;
  inAppOwnershipType: 'PURCHASED' | 'FAMILY_SHARED';
  signedDate: number;
  revocationDate?: number;
  revocationReason?: 0 | 1;
  revocationType?: 'REFUND_FULL' | 'REFUND_PRORATED' | 'FAMILY_REVOKE';
  /** Thousandths of a percent: 50000 = 50 %. */
  revocationPercentage?: number;
  isUpgraded?: boolean;
  offerType?: number;
  offerIdentifier?: string;
  offerDiscountType?: DiscountType;
  offerPeriod?: string;
  environment: AppleEnvironment;
  transactionReason: 'PURCHASE' | 'RENEWAL';
  storefront: string;
  storefrontId?: string;
  price?: number;
  currency?: string;
}

export type ProductType = 'Auto-Renewable Subscription' | 'Non-Renewing Subscription' | 'Consumable' | 'Non-Consumable';
export type DiscountType = 'FREE_TRIAL' | 'PAY_AS_YOU_GO' | 'PAY_UP_FRONT';

/** `signedRenewalInfo`, decoded: always about the running subscription and its next renewal. */
export interface RenewalPayload {
  originalTransactionId: string;
  productId: string;
  autoRenewProductId: string;
  autoRenewStatus: 0 | 1;
  environment: AppleEnvironment;
  signedDate: number;
  recentSubscriptionStartDate?: number;
  renewalDate?: number;
  renewalPrice?: number;
  currency?: string;
  /** 1 cancelled, 2 billing, 3 price refused, 4 product gone, 5 other. */
  expirationIntent?: 1 | 2 | 3 | 4 | 5;
  isInBillingRetryPeriod?: boolean;
  gracePeriodExpiresDate?: number;
  /** 0 = not answered, 1 = consented. */
  priceIncreaseStatus?: 0 | 1;
  offerType?: number;
  offerIdentifier?: string;
  offerDiscountType?: DiscountType;
  offerPeriod?: string;
  appAccountToken?: string;
  appTransactionId?: string;
}

/** What a notification says, before it is signed. */
export interface NotificationContent {
  type: string;
  subtype?: string;
  environment: AppleEnvironment;
  bundleId: string;
  appAppleId?: number;
  signedDate: number;
  /** Made up when absent. */
  uuid?: string;
  status?: AppleStatus;
  transaction?: TransactionPayload;
  renewal?: RenewalPayload;
  /** Further fields of `data`, e.g. `consumptionRequestReason`. */
  data?: Record<string, unknown>;
  /** In place of `data`, e.g. `{ summary: … }`. */
  instead?: Record<string, unknown>;
}

export interface SignedNotification {
  uuid: string;
  signedPayload: string;
}

/** Keys without a value are left out: Apple's `subtype` is absent, not empty. */
export function signNotification(signer: Signer, content: NotificationContent): SignedNotification {
  const uuid = content.uuid ?? randomUUID();
  const data = content.instead ?? {
    data: {
      ...(content.appAppleId !== undefined && { appAppleId: content.appAppleId }),
      bundleId: content.bundleId,
      bundleVersion: '1',
      environment: content.environment,
      ...content.data,
      ...(content.transaction && { signedTransactionInfo: signer(content.transaction) }),
      ...(content.renewal && { signedRenewalInfo: signer(content.renewal) }),
      ...(content.status !== undefined && { status: content.status }),
    },
  };
  const signedPayload = signer({
    notificationType: content.type,
    ...(content.subtype !== undefined && { subtype: content.subtype }),
    notificationUUID: uuid,
    ...data,
    version: '2.0',
    signedDate: content.signedDate,
  });
  return { uuid, signedPayload };
}

/** The body Apple posts: `{"signedPayload":"…"}`. */
export function notificationBody(signer: Signer, content: NotificationContent): string {
  return JSON.stringify({ signedPayload: signNotification(signer, content).signedPayload });
}

export interface PurchaseOptions {
  bundleId: string;
  appAppleId: number;
  environment: AppleEnvironment;
  productId: string;
  group: string;
  /** Digits. Equal to `originalTransactionId` for a first purchase. */
  transactionId: string;
  /** Absent: a first purchase (`SUBSCRIBED`/`INITIAL_BUY`); present: a renewal of that chain (`DID_RENEW`). */
  originalTransactionId?: string;
  /** Epoch ms. */
  signedDate: number;
  purchaseDate: number;
  expiresDate: number;
  /** Thousandths. */
  price: number;
  currency: string;
  /** Alpha-3. */
  storefront: string;
  appAccountToken?: string;
  /** The period is a free trial. */
  trial?: boolean;
}

/** The two commonest notifications, without a scripted subscriber behind them. */
export function purchaseContent(options: PurchaseOptions): NotificationContent {
  const renewal = options.originalTransactionId !== undefined;
  const originalTransactionId = options.originalTransactionId ?? options.transactionId;
  const { bundleId, appAppleId, environment, productId, signedDate, currency } = options;
  const token = options.appAccountToken === undefined ? {} : { appAccountToken: options.appAccountToken.toLowerCase() };
  return {
    type: renewal ? 'DID_RENEW' : 'SUBSCRIBED',
    ...(!renewal && { subtype: 'INITIAL_BUY' }),
    environment,
    bundleId,
    appAppleId,
    signedDate,
    status: 1,
    transaction: {
      transactionId: options.transactionId,
      originalTransactionId,
      webOrderLineItemId: options.transactionId,
      bundleId,
      productId,
      subscriptionGroupIdentifier: options.group,
      purchaseDate: options.purchaseDate,
      originalPurchaseDate: options.purchaseDate,
      expiresDate: options.expiresDate,
      quantity: 1,
      type: 'Auto-Renewable Subscription',
      ...token,
      inAppOwnershipType: 'PURCHASED',
      signedDate,
      ...(options.trial && { offerType: 1, offerDiscountType: 'FREE_TRIAL' as const, offerPeriod: 'P1W' }),
      environment,
      transactionReason: renewal ? 'RENEWAL' : 'PURCHASE',
      storefront: options.storefront,
      price: options.trial ? 0 : options.price,
      currency,
    },
    renewal: {
      originalTransactionId,
      productId,
      autoRenewProductId: productId,
      autoRenewStatus: 1,
      environment,
      signedDate,
      recentSubscriptionStartDate: options.purchaseDate,
      renewalDate: options.expiresDate,
      renewalPrice: options.price,
      currency,
      ...token,
    },
  };
}
