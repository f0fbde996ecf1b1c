/**
 * Moves inside a subscription group. Apple: an upgrade, or a crossgrade of equal length, takes effect at once (subtype `UPGRADE`); a
 * downgrade, or a crossgrade to another length, with the next renewal (subtype `DOWNGRADE`).
 */
import type { Fields } from '../../../http/fields.ts';
import type { Offer, Product } from '../catalogue.ts';
import { type Chain, latest } from '../state.ts';
import { addPeriod, begin, subscribe } from './purchase.ts';
import { chainOf, offerNamed, productOf, refuse, runningChain, type Scene, subscriptionNamed } from './scene.ts';

type Move = 'upgrade' | 'downgrade' | 'crossgrade';

function moveBetween(from: Product, to: Product): Move {
  if (from.group !== to.group) throw refuse('other_group', `${to.id} is in another group.`, 'Use `buy`.');
  if (from.id === to.id) throw refuse('same_plan', `${to.id} is the present plan.`, 'Use `keep-plan` or `redeem`.');
  return to.rank < from.rank ? 'upgrade' : to.rank > from.rank ? 'downgrade' : 'crossgrade';
}

const atOnce = (move: Move, from: Product, to: Product): boolean =>
  move === 'upgrade' || (move === 'crossgrade' && from.period === to.period);

function change(scene: Scene, options: Fields, wanted: Move): void {
  const chain = runningChain(scene, options);
  const to = subscriptionNamed(scene.app, options);
  const from = productOf(scene.app, latest(chain).productId);
  const move = moveBetween(from, to);
  if (move !== wanted) throw refuse('other_move', `${from.id} → ${to.id} is a ${move}.`, `Use \`${move}\`.`);
  const offer = offerNamed(to, options);
  const immediate = atOnce(move, from, to);
  if (immediate) replaceNow(scene, chain, to, offer);
  else book(chain, to, offer);
  const subtype = immediate ? 'UPGRADE' : 'DOWNGRADE';
  scene.notify(scene.subscriber, { type: 'DID_CHANGE_RENEWAL_PREF', subtype, chain });
}

function replaceNow(scene: Scene, chain: Chain, to: Product, offer: Offer | null): void {
  // Visible in the API history only, never in the notification.
  latest(chain).isUpgraded = true;
  chain.autoRenew = true;
  const applied = offer && begin(offer);
  addPeriod(scene, scene.subscriber, chain, {
    product: to,
    offer: applied,
    purchaseDate: scene.now,
    reason: 'PURCHASE',
  });
}

/** A plan booked for the next renewal turns auto-renew on again. */
function book(chain: Chain, to: Product, offer: Offer | null): void {
  chain.nextProductId = to.id;
  chain.nextOffer = offer;
  chain.autoRenew = true;
}

/** `{product, offer?, group?}` */
export const upgrade = (scene: Scene, options: Fields): void => change(scene, options, 'upgrade');
export const downgrade = (scene: Scene, options: Fields): void => change(scene, options, 'downgrade');
export const crossgrade = (scene: Scene, options: Fields): void => change(scene, options, 'crossgrade');

/** Takes a booked change back: the notification has no subtype. */
export function keepPlan(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (chain.nextProductId === latest(chain).productId)
    throw refuse('nothing_booked', 'No other plan is booked.', 'Use `downgrade` first.');
  chain.nextProductId = latest(chain).productId;
  chain.nextOffer = null;
  scene.notify(scene.subscriber, { type: 'DID_CHANGE_RENEWAL_PREF', chain });
}

/**
 * `{offer, product?, at?: now|renewal}`: an offer is taken up. Without a running subscription it is a purchase; on the same plan it
 * begins with the next renewal, or at once; on another plan it is a plan change.
 */
export function redeem(scene: Scene, options: Fields): void {
  const running = scene.subscriber.chains.length > 0 ? chainOf(scene, options) : null;
  const product = productOf(
    scene.app,
    typeof options.product === 'string' ? options.product : running ? latest(running).productId : '',
  );
  const offer = offerNamed(product, options);
  if (!offer) throw refuse('offer_needed', 'No offer is named.', 'Send {"offer": "…"}.');
  if (!running || running.status === 2 || running.status === 5) return subscribe(scene, product, offer);
  const from = productOf(scene.app, latest(running).productId);
  if (product.id !== from.id) return redeemOtherPlan(scene, running, from, product, offer);
  if (options.at === 'now') {
    const applied = begin(offer);
    addPeriod(scene, scene.subscriber, running, {
      product,
      offer: applied,
      purchaseDate: scene.now,
      reason: 'PURCHASE',
    });
  } else {
    running.nextOffer = offer;
  }
  scene.notify(scene.subscriber, { type: 'OFFER_REDEEMED', chain: running });
}

function redeemOtherPlan(scene: Scene, chain: Chain, from: Product, to: Product, offer: Offer): void {
  const immediate = atOnce(moveBetween(from, to), from, to);
  if (immediate) replaceNow(scene, chain, to, offer);
  else book(chain, to, offer);
  scene.notify(scene.subscriber, { type: 'OFFER_REDEEMED', subtype: immediate ? 'UPGRADE' : 'DOWNGRADE', chain });
}
