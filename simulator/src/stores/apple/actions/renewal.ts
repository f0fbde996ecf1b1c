/**
 * What happens at the end of a period: renewal, lapse, or a failed charge with grace and retry; and what the customer does about it.
 *
 * active (1) ──charge fails──▶ grace (4) ──grace over──▶ retry (3) ──60 days──▶ expired (2)
 *    ▲  └─no grace configured──────────────────────────────▲                        ▲
 *    └───────────── recovered in grace or retry ───────────┘      cancelled or ended by Apple
 */
import { choice, type Fields, optionalBoolean } from '../../../http/fields.ts';
import { days, HOUR_MS, SANDBOX_RENEWALS } from '../period.ts';
import { type Chain, type ExpirationIntent, latest } from '../state.ts';
import { addPeriod, begin } from './purchase.ts';
import { chainOf, cutShort, productOf, refuse, runningChain, type Scene } from './scene.ts';
import { familyEnds, familyRenews } from './family.ts';

/** Apple tries for up to 60 days. */
export const RETRY_DAYS = 60;
/** Apple charges up to a day before the renewal. */
const LONGEST_AHEAD_MS = 24 * HOUR_MS;

/** With the subtype of `EXPIRED`; 5 has none. */
const EXPIRED_SUBTYPE: Record<ExpirationIntent, string | undefined> = {
  1: 'VOLUNTARY',
  2: 'BILLING_RETRY',
  3: 'PRICE_INCREASE',
  4: 'PRODUCT_NOT_FOR_SALE',
  5: undefined,
};
const REASONS = { voluntary: 1, billing: 2, price: 3, product: 4, other: 5 } as const;

/** The period of `chain` is over, or so near its end that Apple charges for the next. */
export function periodEnds(scene: Scene, chain: Chain): void {
  if (chain.endsWith !== null) return end(scene, chain, chain.endsWith);
  if (!chain.autoRenew) return end(scene, chain, 1);
  if (chain.paymentFails) return failCharge(scene, chain);
  renewChain(scene, chain, latest(chain).expiresDate as number);
}

function renewChain(scene: Scene, chain: Chain, purchaseDate: number, subtype?: string): void {
  const previous = latest(chain);
  const product = productOf(scene.app, chain.nextProductId);
  const goesOn = previous.offer && previous.offer.left > 0 && product.id === previous.productId;
  const offer = chain.nextOffer
    ? begin(chain.nextOffer)
    : goesOn && previous.offer
      ? { ...previous.offer, left: previous.offer.left - 1 }
      : null;
  addPeriod(scene, scene.subscriber, chain, { product, offer, purchaseDate, reason: 'RENEWAL' });
  chain.renewals++;
  if (scene.speed === 'sandbox' && chain.renewals >= SANDBOX_RENEWALS) chain.autoRenew = false;
  scene.notify(scene.subscriber, { type: 'DID_RENEW', ...(subtype !== undefined && { subtype }), chain });
  familyRenews(scene, chain);
}

function failCharge(scene: Scene, chain: Chain): void {
  const over = latest(chain).expiresDate as number;
  chain.expirationIntent = 2;
  chain.retryUntil = over + days(RETRY_DAYS, scene.speed);
  const grace = scene.app.graceDays > 0;
  chain.status = grace ? 4 : 3;
  chain.graceUntil = grace ? over + days(scene.app.graceDays, scene.speed) : null;
  scene.notify(scene.subscriber, { type: 'DID_FAIL_TO_RENEW', ...(grace && { subtype: 'GRACE_PERIOD' }), chain });
}

/** Grace ran out unpaid. Cancelled meanwhile: nothing is retried. */
export function graceEnds(scene: Scene, chain: Chain): void {
  chain.status = chain.autoRenew ? 3 : 2;
  if (!chain.autoRenew) chain.expirationIntent = 1;
  chain.graceUntil = null;
  scene.notify(scene.subscriber, { type: 'GRACE_PERIOD_EXPIRED', chain });
  if (!chain.autoRenew) end(scene, chain, 1);
}

export function retryEnds(scene: Scene, chain: Chain): void {
  end(scene, chain, 2);
}

function end(scene: Scene, chain: Chain, intent: ExpirationIntent): void {
  Object.assign(chain, {
    status: 2,
    expirationIntent: intent,
    graceUntil: null,
    retryUntil: null,
    endsWith: null,
    // Nothing is left to renew, whatever the reason.
    autoRenew: false,
  } satisfies Partial<Chain>);
  const subtype = EXPIRED_SUBTYPE[intent];
  scene.notify(scene.subscriber, { type: 'EXPIRED', ...(subtype !== undefined && { subtype }), chain });
  familyEnds(scene, chain);
}

/** `{now?}`: charges for the next period. More than a day before the end only with `now`, which ends the running period. */
export function renew(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (chain.status !== 1) throw refuse('payment_fails', 'The charge failed.', 'Use `recover`.');
  if (optionalBoolean(options, 'now')) cutShort(scene, chain);
  const ahead = (latest(chain).expiresDate as number) - scene.now;
  if (ahead > LONGEST_AHEAD_MS)
    throw refuse('period_runs', 'The period runs for more than a day.', 'Advance the clock, or send {"now": true}.');
  renewChain(scene, chain, latest(chain).expiresDate as number);
}

/** `{now?}`: the next charge fails; with `now` it is tried at once. */
export function failPayment(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (chain.status !== 1) throw refuse('payment_fails', 'The charge has failed already.', 'Use `recover`.');
  chain.paymentFails = true;
  if (!optionalBoolean(options, 'now')) return;
  cutShort(scene, chain);
  failCharge(scene, chain);
}

/** The charge succeeds: in grace the billing cycle stays, in retry it restarts today. Before a failure it merely works again. */
export function recover(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  chain.paymentFails = false;
  if (chain.status === 1) return;
  const purchaseDate = chain.status === 4 ? (latest(chain).expiresDate as number) : scene.now;
  renewChain(scene, chain, purchaseDate, 'BILLING_RECOVERY');
}

export function cancel(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (!chain.autoRenew)
    throw refuse('already_cancelled', 'Auto-renew is off already.', 'Use `uncancel` to turn it on.');
  chain.autoRenew = false;
  scene.notify(scene.subscriber, { type: 'DID_CHANGE_RENEWAL_STATUS', subtype: 'AUTO_RENEW_DISABLED', chain });
  // In billing retry there is no access left to wait for.
  if (chain.status === 3) end(scene, chain, 1);
}

export function uncancel(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (chain.autoRenew) throw refuse('not_cancelled', 'Auto-renew is on.', 'Use `cancel` first.');
  chain.autoRenew = true;
  scene.notify(scene.subscriber, { type: 'DID_CHANGE_RENEWAL_STATUS', subtype: 'AUTO_RENEW_ENABLED', chain });
}

/**
 * `{reason: voluntary|billing|price|product|other, now?}`: ends it for this reason when the period ends; at once in grace and retry,
 * or with `now`.
 */
export function expire(scene: Scene, options: Fields): void {
  const chain = chainOf(scene, options);
  const intent = REASONS[choice(options, 'reason', Object.keys(REASONS) as (keyof typeof REASONS)[])];
  if (chain.status === 2 || chain.status === 5)
    throw refuse('subscription_over', 'It has ended already.', 'Nothing to do.');
  if (optionalBoolean(options, 'now')) cutShort(scene, chain);
  const over = (latest(chain).expiresDate as number) <= scene.now;
  if (over) end(scene, chain, intent);
  else chain.endsWith = intent;
}
