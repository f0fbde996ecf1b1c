/** Family sharing: a member has transactions and a chain of their own; nothing in them links to the buyer. */
import { type Fields, optionalText } from '../../../http/fields.ts';
import { type Chain, hasAccess, latest, type Subscriber } from '../state.ts';
import { addPeriod, newChain } from './purchase.ts';
import { productOf, refuse, runningChain, type Scene } from './scene.ts';

/** `{group?, appAccountToken?}`: a family member begins to share the subscription. */
export function shareFamily(scene: Scene, options: Fields): void {
  const shared = runningChain(scene, options);
  const member = scene.join(optionalText(options, 'appAccountToken')?.toLowerCase() ?? null);
  const product = productOf(scene.app, latest(shared).productId);
  const chain = newChain(scene, product, 'FAMILY_SHARED');
  member.chains.push(chain);
  copyPeriod(scene, member, chain, shared, 'PURCHASE');
  scene.notify(member, { type: 'SUBSCRIBED', subtype: 'INITIAL_BUY', chain });
}

/** Sharing ends for all members, though the buyer keeps the subscription. */
export function revokeFamily(scene: Scene, options: Fields): void {
  const shared = runningChain(scene, options);
  if (membersOf(scene, shared).length === 0)
    throw refuse('not_shared', 'Nobody shares this subscription.', 'Use `share-family` first.');
  revokeMembers(scene, shared);
}

export function revokeMembers(scene: Scene, shared: Chain): void {
  for (const [member, chain] of membersOf(scene, shared)) {
    chain.status = 5;
    chain.autoRenew = false;
    latest(chain).revocation = { at: scene.now, reason: 0, type: 'FAMILY_REVOKE', percentage: null };
    scene.notify(member, { type: 'REVOKE', chain });
  }
}

export function familyRenews(scene: Scene, shared: Chain): void {
  for (const [member, chain] of membersOf(scene, shared)) {
    copyPeriod(scene, member, chain, shared, 'RENEWAL');
    scene.notify(member, { type: 'DID_RENEW', chain });
  }
}

export function familyEnds(scene: Scene, shared: Chain): void {
  for (const [member, chain] of membersOf(scene, shared)) {
    chain.status = 2;
    chain.autoRenew = false;
    chain.expirationIntent = shared.expirationIntent;
    scene.notify(member, { type: 'EXPIRED', subtype: 'VOLUNTARY', chain });
  }
}

function copyPeriod(
  scene: Scene,
  member: Subscriber,
  chain: Chain,
  shared: Chain,
  reason: 'PURCHASE' | 'RENEWAL',
): void {
  const { productId, purchaseDate, expiresDate } = latest(shared);
  const product = productOf(scene.app, productId);
  const copy = addPeriod(scene, member, chain, { product, offer: null, purchaseDate, reason });
  copy.expiresDate = expiresDate;
}

function membersOf(scene: Scene, shared: Chain): [Subscriber, Chain][] {
  return scene
    .family()
    .flatMap((member) =>
      member.chains
        .filter((chain) => chain.group === shared.group && chain.ownership === 'FAMILY_SHARED' && hasAccess(chain))
        .map((chain): [Subscriber, Chain] => [member, chain]),
    );
}
