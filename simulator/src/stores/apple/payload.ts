/** State of a customer → what Apple writes about it. */
import { type App, OFFER_TYPE, priceOf } from './catalogue.ts';
import type { NotificationContent, RenewalPayload, TransactionPayload } from './notification.ts';
import { type Chain, latest, type Subscriber, type Transaction } from './state.ts';

/** Apple's numbers of some storefronts. */
const STOREFRONT_IDS: Record<string, string> = {
  USA: '143441',
  FRA: '143442',
  DEU: '143443',
  GBR: '143444',
  ITA: '143450',
  ESP: '143454',
  CAN: '143455',
  AUS: '143460',
  JPN: '143462',
  KOR: '143466',
  KWT: '143493',
  BRA: '143503',
};

export function transactionPayload(
  transaction: Transaction,
  subscriber: Subscriber,
  signedDate: number,
): TransactionPayload {
  const { offer, revocation } = transaction;
  const storefrontId = STOREFRONT_IDS[subscriber.storefront];
  return {
    transactionId: transaction.transactionId,
    originalTransactionId: transaction.originalTransactionId,
    appTransactionId: subscriber.appTransactionId,
    ...(transaction.webOrderLineItemId !== null && { webOrderLineItemId: transaction.webOrderLineItemId }),
    bundleId: subscriber.bundleId,
    productId: transaction.productId,
    ...(transaction.group !== null && { subscriptionGroupIdentifier: transaction.group }),
    purchaseDate: transaction.purchaseDate,
    originalPurchaseDate: transaction.originalPurchaseDate,
    ...(transaction.expiresDate !== null && { expiresDate: transaction.expiresDate }),
    quantity: transaction.quantity,
    type: transaction.type,
    ...(transaction.appAccountToken !== null && { appAccountToken: transaction.appAccountToken }),
    inAppOwnershipType: transaction.ownership,
    signedDate,
    ...(revocation && {
      revocationDate: revocation.at,
      revocationReason: revocation.reason,
      revocationType: revocation.type,
      ...(revocation.percentage !== null && { revocationPercentage: revocation.percentage }),
    }),
    ...(transaction.isUpgraded && { isUpgraded: true }),
    ...(offer && {
      offerType: offer.type,
      ...(offer.id !== null && { offerIdentifier: offer.id }),
      offerDiscountType: offer.discount,
      offerPeriod: offer.period,
    }),
    environment: subscriber.environment,
    transactionReason: transaction.reason,
    storefront: subscriber.storefront,
    ...(storefrontId !== undefined && { storefrontId }),
    price: transaction.price,
    currency: transaction.currency,
  };
}

/** The offer the next period runs under, as `ri` tells it. */
function nextOffer(chain: Chain): Partial<RenewalPayload> {
  const { nextOffer: booked } = chain;
  if (booked) {
    return {
      offerType: OFFER_TYPE[booked.kind],
      ...(booked.kind !== 'introductory' && { offerIdentifier: booked.id }),
      offerDiscountType: booked.mode,
      offerPeriod: booked.period,
    };
  }
  const { offer, productId } = latest(chain);
  if (!offer || offer.left === 0 || chain.nextProductId !== productId) return {};
  return {
    offerType: offer.type,
    ...(offer.id !== null && { offerIdentifier: offer.id }),
    offerDiscountType: offer.discount,
    offerPeriod: offer.period,
  };
}

function nextPrice(app: App, chain: Chain, storefront: string): Partial<RenewalPayload> {
  const product = app.products.find((candidate) => candidate.id === chain.nextProductId);
  if (!product) return {};
  const { price, currency } = priceOf(product, storefront);
  const { offer, productId } = latest(chain);
  const goesOn = offer && offer.left > 0 && productId === chain.nextProductId;
  return { renewalPrice: chain.nextOffer?.price ?? (goesOn ? offer.price : price), currency };
}

export function renewalPayload(app: App, subscriber: Subscriber, chain: Chain, signedDate: number): RenewalPayload {
  const running = latest(chain);
  const renews = chain.autoRenew && chain.status !== 2 && chain.status !== 5;
  return {
    originalTransactionId: chain.originalTransactionId,
    productId: running.productId,
    autoRenewProductId: chain.nextProductId,
    autoRenewStatus: chain.autoRenew ? 1 : 0,
    environment: subscriber.environment,
    signedDate,
    recentSubscriptionStartDate: chain.startedAt,
    ...(renews && running.expiresDate !== null && { renewalDate: running.expiresDate }),
    ...(renews && nextPrice(app, chain, subscriber.storefront)),
    ...(renews && nextOffer(chain)),
    ...(chain.expirationIntent !== null && { expirationIntent: chain.expirationIntent }),
    isInBillingRetryPeriod: chain.status === 3 || chain.status === 4,
    ...(chain.graceUntil !== null && { gracePeriodExpiresDate: chain.graceUntil }),
    ...(chain.priceIncreaseStatus !== null && { priceIncreaseStatus: chain.priceIncreaseStatus }),
    ...(running.appAccountToken !== null && { appAccountToken: running.appAccountToken }),
    appTransactionId: subscriber.appTransactionId,
  };
}

/** Apple names the app's number in production always, in the sandbox for apps that are known to the store. */
export function contentOf(
  app: App,
  subscriber: Subscriber,
  signedDate: number,
  what: { type: string; subtype?: string; chain?: Chain; transaction?: Transaction; data?: Record<string, unknown> },
): NotificationContent {
  const transaction = what.transaction ?? (what.chain && latest(what.chain));
  return {
    type: what.type,
    ...(what.subtype !== undefined && { subtype: what.subtype }),
    environment: subscriber.environment,
    bundleId: app.bundleId,
    appAppleId: app.appAppleId,
    signedDate,
    ...(what.chain && { status: what.chain.status, renewal: renewalPayload(app, subscriber, what.chain, signedDate) }),
    ...(transaction && { transaction: transactionPayload(transaction, subscriber, signedDate) }),
    ...(what.data && { data: what.data }),
  };
}
