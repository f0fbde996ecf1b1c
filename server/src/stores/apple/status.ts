/** What Apple says of the subscription as a whole. Apple: `data.status` and `JWSRenewalInfoDecodedPayload`. */
import type { StatusFact } from '../../lifecycle/fact.ts';
import { type Json, numberAt, objectAt, stringAt, timeAt } from './json.ts';
import type { AppleContent } from './payload.ts';
import { purchaseTypeOf } from './transaction.ts';

type State = StatusFact['state'];

const STATES: Readonly<Record<number, State>> = { 1: 'active', 2: 'expired', 3: 'retry', 4: 'grace', 5: 'revoked' };

const EXPIRATION_INTENTS: Readonly<Record<number, NonNullable<StatusFact['endReason']>>> = {
  1: 'cancelled',
  2: 'billing',
  3: 'price_refused',
  4: 'product_gone',
  5: 'other',
};

/** The subtypes of EXPIRED, for an end whose renewal info does not say why. */
const EXPIRED_SUBTYPES: Readonly<Record<string, NonNullable<StatusFact['endReason']>>> = {
  VOLUNTARY: 'cancelled',
  BILLING_RETRY: 'billing',
  PRICE_INCREASE: 'price_refused',
  PRODUCT_NOT_FOR_SALE: 'product_gone',
};

/** Notifications without a `status` we know: renewal info, then the type, tell the same. */
function inferredState({ type, signedDate, transaction }: AppleContent, renewal: Json): State | undefined {
  if (renewal['isInBillingRetryPeriod'] === true) {
    return (timeAt(renewal, 'gracePeriodExpiresDate') ?? 0) > signedDate ? 'grace' : 'retry';
  }
  if (type === 'EXPIRED' || numberAt(renewal, 'expirationIntent') !== undefined) return 'expired';
  return (timeAt(transaction, 'expiresDate') ?? 0) > signedDate ? 'active' : undefined;
}

/** A 12-month commitment goes on for its term: what its owner switched is in `commitmentAutoRenewStatus`. */
function autoRenewOf(renewal: Json): boolean | undefined {
  const status =
    numberAt(objectAt(renewal, 'commitmentInfo'), 'commitmentAutoRenewStatus') ?? numberAt(renewal, 'autoRenewStatus');
  return status === 1 ? true : status === 0 ? false : undefined;
}

function endReasonOf(
  content: AppleContent,
  renewal: Json | null,
  autoRenew: boolean | undefined,
): StatusFact['endReason'] {
  if (content.type === 'EXPIRED' && content.subtype === 'BILLING_RETRY') return 'billing';
  const intent = EXPIRATION_INTENTS[numberAt(renewal, 'expirationIntent') ?? 0];
  if (intent) return intent;
  if (content.type === 'EXPIRED' && content.subtype !== undefined && Object.hasOwn(EXPIRED_SUBTYPES, content.subtype)) {
    return EXPIRED_SUBTYPES[content.subtype];
  }
  // Grace that ends for good: unpaid, unless its owner had cancelled before.
  if (content.type === 'GRACE_PERIOD_EXPIRED') return autoRenew === false ? 'cancelled' : 'billing';
  return undefined;
}

/** Undefined for one-time purchases, lone transactions and whatever says nothing of a status. */
export function statusFact(content: AppleContent): StatusFact | undefined {
  const { transaction, renewal, status } = content;
  if (transaction && purchaseTypeOf(transaction) !== 'RENEWING_SUBSCRIPTION') return undefined;
  const state =
    (status === undefined ? undefined : STATES[status]) ?? (renewal ? inferredState(content, renewal) : undefined);
  if (!state) return undefined;
  const autoRenew = renewal ? autoRenewOf(renewal) : undefined;
  const endReason = state === 'expired' ? endReasonOf(content, renewal, autoRenew) : undefined;
  // Outside of grace the date is that of a grace long over.
  const graceExpiresAt = state === 'grace' ? timeAt(renewal, 'gracePeriodExpiresDate') : undefined;
  const pending = stringAt(renewal, 'autoRenewProductId');
  const current = stringAt(renewal, 'productId') ?? stringAt(transaction, 'productId');
  return {
    state,
    ...(autoRenew === undefined ? {} : { autoRenew }),
    ...(endReason ? { endReason } : {}),
    ...(graceExpiresAt === undefined ? {} : { graceExpiresAt }),
    ...(pending !== undefined && pending !== current ? { pendingProductId: pending } : {}),
  };
}
