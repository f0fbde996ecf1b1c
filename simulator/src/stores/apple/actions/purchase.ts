/** Buying: subscriptions with each kind of offer, the return after an end, one-time products. */
import { type Fields, optionalInteger, optionalText, text } from '../../../http/fields.ts';
import { isSubscription, type Offer, OFFER_TYPE, priceOf, type Product } from '../catalogue.ts';
import { endOf } from '../period.ts';
import type { AppliedOffer, Chain, Ownership, Subscriber, Transaction } from '../state.ts';
import { hasEnded } from '../state.ts';
import { offerNamed, productOf, refuse, type Scene } from './scene.ts';

/** An offer at its beginning. Only pay-as-you-go repeats; the others are one period of their own length. */
export function begin(offer: Offer): AppliedOffer {
  return {
    type: OFFER_TYPE[offer.kind],
    // Apple leaves the identifier out for introductory offers.
    id: offer.kind === 'introductory' ? null : offer.id,
    discount: offer.mode,
    period: offer.period,
    left: offer.mode === 'PAY_AS_YOU_GO' ? offer.periods - 1 : 0,
    price: offer.price,
  };
}

export interface Period {
  product: Product;
  offer: AppliedOffer | null;
  purchaseDate: number;
  reason: 'PURCHASE' | 'RENEWAL';
}

/** Adds a paid (or free) period to a chain. A downgrade that takes effect is a `RENEWAL`, an upgrade a `PURCHASE`. */
export function addPeriod(scene: Scene, subscriber: Subscriber, chain: Chain, period: Period): Transaction {
  const { product, offer, purchaseDate } = period;
  const id = chain.transactions.length === 0 ? chain.originalTransactionId : scene.nextId();
  const { price, currency } = priceOf(product, subscriber.storefront);
  const length = offer && offer.discount !== 'PAY_AS_YOU_GO' ? (offer.period as Offer['period']) : product.period;
  const transaction: Transaction = {
    transactionId: id,
    originalTransactionId: chain.originalTransactionId,
    webOrderLineItemId: scene.nextId(),
    productId: product.id,
    type: product.type,
    group: product.group,
    purchaseDate,
    originalPurchaseDate: chain.transactions[0]?.purchaseDate ?? purchaseDate,
    expiresDate: endOf(purchaseDate, length, scene.speed),
    quantity: 1,
    ownership: chain.ownership,
    reason: period.reason,
    price: offer?.price ?? price,
    currency,
    appAccountToken: subscriber.appAccountToken,
    offer,
    isUpgraded: false,
    revocation: null,
  };
  chain.transactions.push(transaction);
  Object.assign(chain, {
    status: 1,
    nextProductId: product.id,
    nextOffer: null,
    graceUntil: null,
    retryUntil: null,
    expirationIntent: null,
    endsWith: null,
    paymentFails: false,
    priceIncreaseStatus: null,
    autoRenewBefore: null,
  } satisfies Partial<Chain>);
  return transaction;
}

export function newChain(scene: Scene, product: Product, ownership: Ownership): Chain {
  return {
    originalTransactionId: scene.nextId(),
    group: product.group,
    ownership,
    status: 1,
    transactions: [],
    autoRenew: true,
    nextProductId: product.id,
    nextOffer: null,
    startedAt: scene.now,
    renewals: 0,
    paymentFails: false,
    graceUntil: null,
    retryUntil: null,
    expirationIntent: null,
    endsWith: null,
    priceIncreaseStatus: null,
    autoRenewBefore: null,
  };
}

/** `{product, offer?, quantity?, appAccountToken?}` */
export function buy(scene: Scene, options: Fields): void {
  const product = productOf(scene.app, text(options, 'product'));
  const token = optionalText(options, 'appAccountToken');
  // Apple hands the token back in lower case.
  if (token !== undefined) scene.subscriber.appAccountToken = token.toLowerCase();
  if (isSubscription(product)) subscribe(scene, product, offerNamed(product, options));
  else buyOnce(scene, product, optionalInteger(options, 'quantity', 1, 100) ?? 1);
}

export function subscribe(scene: Scene, product: Product, offer: Offer | null): void {
  const { subscriber } = scene;
  const known = subscriber.chains.find((chain) => chain.group === product.group);
  if (known && !hasEnded(known))
    throw refuse(
      'already_subscribed',
      'A subscription of this group is running.',
      'Use `upgrade`, `downgrade`, `crossgrade`, `redeem` or `recover`.',
    );
  const chain = known ?? newChain(scene, product, 'PURCHASED');
  if (!known) subscriber.chains.push(chain);
  Object.assign(chain, { autoRenew: true, startedAt: scene.now, renewals: 0 } satisfies Partial<Chain>);
  const applied = offer && begin(offer);
  addPeriod(scene, subscriber, chain, { product, offer: applied, purchaseDate: scene.now, reason: 'PURCHASE' });
  scene.notify(subscriber, { type: 'SUBSCRIBED', subtype: known ? 'RESUBSCRIBE' : 'INITIAL_BUY', chain });
}

function buyOnce(scene: Scene, product: Product, quantity: number): void {
  const { subscriber } = scene;
  const id = scene.nextId();
  const { price, currency } = priceOf(product, subscriber.storefront);
  const transaction: Transaction = {
    transactionId: id,
    originalTransactionId: id,
    webOrderLineItemId: null,
    productId: product.id,
    type: product.type,
    group: null,
    purchaseDate: scene.now,
    originalPurchaseDate: scene.now,
    expiresDate: null,
    quantity,
    ownership: 'PURCHASED',
    reason: 'PURCHASE',
    // Apple's price covers the whole quantity.
    price: price * quantity,
    currency,
    appAccountToken: subscriber.appAccountToken,
    offer: null,
    isUpgraded: false,
    revocation: null,
  };
  subscriber.purchases.push(transaction);
  scene.notify(subscriber, { type: 'ONE_TIME_CHARGE', transaction });
}
