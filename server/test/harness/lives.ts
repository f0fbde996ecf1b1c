/**
 * Lives of App Store subscribers as signed notifications, for load: made and signed before anything is measured. Each life
 * is a trial that converts, renews, is switched off and on again, and ends; the events it must become are known.
 */
import { randomUUID } from 'node:crypto';
import type { Signer } from '../../../simulator/src/stores/apple/sign.ts';

export const BUNDLE_ID = 'com.example.load';
export const APP_APPLE_ID = 1234567890;
export const PRODUCT_ID = 'com.example.load.monthly';

export interface Notice {
  type: string;
  uuid: string;
  /** The HTTP body. */
  body: string;
}

export interface Life {
  /** `appAccountToken`: the app's anonymous id. */
  anonymousId: string;
  clientId: string;
  originalTransactionId: string;
  /** In the order Apple would send them. */
  notices: Notice[];
}

const MINUTE = 60_000;
/** Two hours stand for a day: the whole life fits into six days, since older events would all be marked late. */
const DAY = 7_200_000;

/** What each step of a life becomes, in order of emission. */
export const LIFE_STEPS = [
  { type: 'SUBSCRIBED', subtype: 'INITIAL_BUY', events: ['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TRIAL_STARTED'] },
  { type: 'DID_RENEW', events: ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRIAL_CONVERTED', 'TRANSACTION_PROCESSED'] },
  { type: 'DID_CHANGE_RENEWAL_STATUS', subtype: 'AUTO_RENEW_DISABLED', events: ['RENEWAL_DISABLED'] },
  { type: 'DID_CHANGE_RENEWAL_STATUS', subtype: 'AUTO_RENEW_ENABLED', events: ['RENEWAL_ENABLED'] },
  { type: 'DID_RENEW', events: ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRANSACTION_PROCESSED'] },
  { type: 'EXPIRED', subtype: 'VOLUNTARY', events: ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'] },
] as const satisfies readonly { type: string; subtype?: string; events: readonly string[] }[];

export const LIFE_EVENTS: readonly string[] = LIFE_STEPS.flatMap((step) => step.events);

/**
 * `number` tells lives apart and gives them their transaction ids; `now` is epoch ms: the life lies behind it, so that
 * nothing is signed in the future.
 */
export function makeLife(sign: Signer, number: number, now: number): Life {
  const anonymousId = randomUUID();
  const base = 2_000_000_000_000_000 + number * 100;
  const originalTransactionId = String(base);
  const bought = now - 70 * DAY;
  const periods = [
    { id: originalTransactionId, from: bought, to: bought + 7 * DAY, trial: true },
    { id: String(base + 1), from: bought + 7 * DAY, to: bought + 37 * DAY, trial: false },
    { id: String(base + 2), from: bought + 37 * DAY, to: bought + 67 * DAY, trial: false },
  ];
  // Which period each step is about, when Apple signed it, and what the subscription looks like then.
  const script = [
    { period: 0, at: bought + MINUTE, autoRenew: 1, status: 1 },
    { period: 1, at: bought + 7 * DAY - 8 * 60 * MINUTE, autoRenew: 1, status: 1 },
    { period: 1, at: bought + 20 * DAY, autoRenew: 0, status: 1 },
    { period: 1, at: bought + 21 * DAY, autoRenew: 1, status: 1 },
    { period: 2, at: bought + 37 * DAY - 8 * 60 * MINUTE, autoRenew: 1, status: 1 },
    { period: 2, at: bought + 67 * DAY + MINUTE, autoRenew: 0, status: 2 },
  ];
  const notices = LIFE_STEPS.map((step, index): Notice => {
    const { period: which, at, autoRenew, status } = script[index]!;
    const period = periods[which]!;
    const uuid = randomUUID();
    const transaction = {
      transactionId: period.id,
      originalTransactionId,
      webOrderLineItemId: String(base + 50 + which),
      bundleId: BUNDLE_ID,
      productId: PRODUCT_ID,
      subscriptionGroupIdentifier: '21000001',
      purchaseDate: period.from,
      originalPurchaseDate: bought,
      expiresDate: period.to,
      quantity: 1,
      type: 'Auto-Renewable Subscription',
      appAccountToken: anonymousId.toLowerCase(),
      inAppOwnershipType: 'PURCHASED',
      signedDate: at,
      environment: 'Production',
      transactionReason: which === 0 ? 'PURCHASE' : 'RENEWAL',
      storefront: 'FRA',
      storefrontId: '143442',
      price: period.trial ? 0 : 8_990,
      currency: 'EUR',
      ...(period.trial ? { offerType: 1, offerDiscountType: 'FREE_TRIAL', offerPeriod: 'P1W' } : {}),
    };
    const renewal = {
      originalTransactionId,
      autoRenewProductId: PRODUCT_ID,
      productId: PRODUCT_ID,
      autoRenewStatus: autoRenew,
      signedDate: at,
      environment: 'Production',
      recentSubscriptionStartDate: bought,
      renewalDate: period.to,
      ...(status === 2 ? { expirationIntent: 1 } : {}),
    };
    const payload = {
      notificationType: step.type,
      ...('subtype' in step ? { subtype: step.subtype } : {}),
      notificationUUID: uuid,
      version: '2.0',
      signedDate: at,
      data: {
        appAppleId: APP_APPLE_ID,
        bundleId: BUNDLE_ID,
        bundleVersion: '1',
        environment: 'Production',
        status,
        signedTransactionInfo: sign(transaction),
        signedRenewalInfo: sign(renewal),
      },
    };
    return { type: step.type, uuid, body: JSON.stringify({ signedPayload: sign(payload) }) };
  });
  return { anonymousId, clientId: randomUUID().toUpperCase(), originalTransactionId, notices };
}
