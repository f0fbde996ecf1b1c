/** Money back, and what Apple asks and tells about it; extension; price increase. */
import { type Fields, integer, optionalBoolean, optionalChoice, optionalInteger } from '../../../http/fields.ts';
import { days } from '../period.ts';
import { type Chain, hasAccess, latest, type Transaction } from '../state.ts';
import { revokeMembers } from './family.ts';
import { isLatest, refuse, runningChain, type Scene, transactionNamed } from './scene.ts';

/** Of a transaction inside its chain, or of a one-time purchase, which has neither status nor renewal info. */
function tell(scene: Scene, type: string, transaction: Transaction, chain: Chain | null, data?: Fields): void {
  scene.notify(scene.subscriber, { type, transaction, ...(chain && { chain }), ...(data && { data }) });
}

/**
 * `{transactionId? | periodsAgo?, percent?, forIssue?, keepAccess?}`: the running period is withdrawn, unless `keepAccess`; an older
 * one leaves the subscription as it is.
 */
export function refund(scene: Scene, options: Fields): void {
  const { transaction, chain } = transactionNamed(scene, options);
  const percent = optionalInteger(options, 'percent', 1, 100) ?? 100;
  transaction.revocation = {
    at: scene.now,
    reason: optionalBoolean(options, 'forIssue') ? 1 : 0,
    type: percent === 100 ? 'REFUND_FULL' : 'REFUND_PRORATED',
    percentage: percent === 100 ? null : percent * 1_000,
  };
  const withdrawn =
    chain && isLatest(chain, transaction) && hasAccess(chain) && !optionalBoolean(options, 'keepAccess');
  if (withdrawn) {
    chain.autoRenewBefore = chain.autoRenew;
    chain.autoRenew = false;
    chain.status = 5;
    chain.graceUntil = null;
    chain.retryUntil = null;
  }
  tell(scene, 'REFUND', transaction, chain);
  if (withdrawn) revokeMembers(scene, chain);
}

/** The dispute is settled for the developer: what the refund took is given back, if its time is not over. */
export function reverseRefund(scene: Scene, options: Fields): void {
  const { transaction, chain } = transactionNamed(scene, options);
  if (!transaction.revocation) throw refuse('not_refunded', 'This transaction is not refunded.', 'Use `refund` first.');
  transaction.revocation = null;
  if (chain && isLatest(chain, transaction) && chain.status === 5) {
    const runs = (transaction.expiresDate as number) > scene.now;
    chain.status = runs ? 1 : 2;
    chain.autoRenew = runs && (chain.autoRenewBefore ?? false);
    chain.autoRenewBefore = null;
    if (!runs) chain.expirationIntent = 1;
  }
  tell(scene, 'REFUND_REVERSED', transaction, chain);
}

export function declineRefund(scene: Scene, options: Fields): void {
  const { transaction, chain } = transactionNamed(scene, options);
  tell(scene, 'REFUND_DECLINED', transaction, chain);
}

const REQUEST_REASONS = [
  'UNINTENDED_PURCHASE',
  'FULFILLMENT_ISSUE',
  'UNSATISFIED_WITH_PURCHASE',
  'LEGAL',
  'OTHER',
] as const;

/** `{reason?}`: the customer asks for a refund; Apple asks the developer how much was consumed. */
export function requestRefund(scene: Scene, options: Fields): void {
  const { transaction, chain } = transactionNamed(scene, options);
  const reason = optionalChoice(options, 'reason', REQUEST_REASONS) ?? 'UNINTENDED_PURCHASE';
  tell(scene, 'CONSUMPTION_REQUEST', transaction, chain, { consumptionRequestReason: reason });
}

/** `{days}`: the developer prolongs the running period. */
export function extend(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  if (chain.status !== 1)
    throw refuse('not_active', 'Only an active subscription is extended.', 'Use `recover` first.');
  const running = latest(chain);
  // Apple allows 90 days at once; in the accelerated sandbox they shrink, down to nothing.
  running.expiresDate =
    (running.expiresDate as number) + Math.floor(days(integer(options, 'days', 1, 90), scene.speed));
  scene.notify(scene.subscriber, { type: 'RENEWAL_EXTENDED', chain });
}

/** `{consent?}`: a price increase that needs consent is announced (`PENDING`), or the customer agrees (`ACCEPTED`). */
export function raisePrice(scene: Scene, options: Fields): void {
  const chain = runningChain(scene, options);
  const consent = optionalBoolean(options, 'consent') ?? false;
  chain.priceIncreaseStatus = consent ? 1 : 0;
  scene.notify(scene.subscriber, { type: 'PRICE_INCREASE', subtype: consent ? 'ACCEPTED' : 'PENDING', chain });
}
