/** What an action or a due step has at hand, and the look-ups that all of them need. */
import { type Fields, optionalInteger, optionalText, text } from '../../../http/fields.ts';
import { notFound, Problem } from '../../../http/problem.ts';
import { type App, isSubscription, type Offer, type Product } from '../catalogue.ts';
import type { Speed } from '../period.ts';
import { type Chain, latest, type Subscriber, type Transaction } from '../state.ts';

export interface What {
  type: string;
  subtype?: string;
  chain?: Chain;
  /** Absent: the chain's latest. */
  transaction?: Transaction;
  data?: Record<string, unknown>;
}

export interface Scene {
  /** Epoch ms of the simulated clock. */
  now: number;
  app: App;
  subscriber: Subscriber;
  speed: Speed;
  /** A new transaction id. */
  nextId(): string;
  /** Writes a notification about the state as it is at this moment; it is signed and sent when the action is over. */
  notify(subscriber: Subscriber, what: What): void;
  /** Who shares this subscriber's purchases. */
  family(): Subscriber[];
  join(appAccountToken: string | null): Subscriber;
}

/** Something a customer, the store or time does. Changes the state and writes notifications. */
export type Action = (scene: Scene, options: Fields) => void;

export function refuse(code: string, message: string, fix: string): Problem {
  return new Problem(409, code, message, fix);
}

export function productOf(app: App, id: string): Product {
  const product = app.products.find((candidate) => candidate.id === id);
  if (!product) throw notFound(`Product ${id}`, `Known: ${app.products.map((one) => one.id).join(', ') || 'none'}.`);
  return product;
}

export function subscriptionNamed(app: App, options: Fields): Product {
  const product = productOf(app, text(options, 'product'));
  if (!isSubscription(product))
    throw refuse('not_a_subscription', `${product.id} is not a subscription.`, 'Name an auto-renewable product.');
  return product;
}

/** The offer named in `options.offer`, if any. */
export function offerNamed(product: Product, options: Fields): Offer | null {
  const id = optionalText(options, 'offer');
  if (id === undefined) return null;
  const offer = product.offers.find((candidate) => candidate.id === id);
  if (!offer)
    throw notFound(
      `Offer ${id} of ${product.id}`,
      `Known: ${product.offers.map((one) => one.id).join(', ') || 'none'}.`,
    );
  return offer;
}

/** The chain of `options.group`, or the only one there is. */
export function chainOf(scene: Scene, options: Fields): Chain {
  const group = optionalText(options, 'group');
  const chains = scene.subscriber.chains.filter((chain) => group === undefined || chain.group === group);
  const [chain] = chains;
  if (!chain) throw refuse('no_subscription', 'This subscriber never subscribed.', 'Let it `buy` first.');
  if (chains.length > 1) throw refuse('group_needed', 'There are several subscriptions.', 'Name the `group`.');
  return chain;
}

/** As `chainOf`, and not over yet: active, in grace or in billing retry. */
export function runningChain(scene: Scene, options: Fields): Chain {
  const chain = chainOf(scene, options);
  if (chain.status === 2 || chain.status === 5)
    throw refuse('subscription_over', 'The subscription has ended.', 'Let the subscriber `buy` again.');
  return chain;
}

/** By `transactionId`, else by `periodsAgo` (0 = the latest of the chain), else the latest one-time purchase. */
export function transactionNamed(scene: Scene, options: Fields): { transaction: Transaction; chain: Chain | null } {
  const { chains, purchases } = scene.subscriber;
  const id = optionalText(options, 'transactionId');
  if (id !== undefined) {
    const chain =
      chains.find((one) => one.transactions.some((transaction) => transaction.transactionId === id)) ?? null;
    const transaction = [...(chain?.transactions ?? []), ...purchases].find((one) => one.transactionId === id);
    if (!transaction) throw notFound(`Transaction ${id}`, 'See GET /apple/subscribers/{id}.');
    return { transaction, chain };
  }
  const lastPurchase = purchases.at(-1);
  if (chains.length === 0 && lastPurchase) return { transaction: lastPurchase, chain: null };
  const chain = chainOf(scene, options);
  const ago = optionalInteger(options, 'periodsAgo', 0, 1_000) ?? 0;
  const transaction = chain.transactions.at(-1 - ago);
  if (!transaction) throw notFound(`A period ${ago} periods ago`, `There are ${chain.transactions.length}.`);
  return { transaction, chain };
}

export const isLatest = (chain: Chain, transaction: Transaction): boolean => latest(chain) === transaction;

/** Ends the running period at `now`, for scripts that do not want to move the clock. */
export function cutShort(scene: Scene, chain: Chain): void {
  const running = latest(chain);
  if (running.expiresDate !== null && running.expiresDate > scene.now) running.expiresDate = scene.now;
}
