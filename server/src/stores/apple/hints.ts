/**
 * Every notification type and subtype of App Store Server Notifications V2, in the neutral words of `lifecycle/fact.ts`.
 * Facts decide; a hint only says what the facts alone cannot. Apple: `notificationType`, `subtype`.
 */
import type { Hint } from '../../lifecycle/fact.ts';

export interface Hinted {
  hint: Hint;
  /** Apple's own word on a plan change. */
  grade?: 'up' | 'down';
}

/** Subtypes with a meaning of their own; `''` is the type with any other subtype or none. */
type Subtypes = Readonly<Record<string, Hinted>> & { '': Hinted };

const NONE: Subtypes = { '': { hint: 'none' } };

const HINTS: Readonly<Record<string, Subtypes>> = {
  SUBSCRIBED: { '': { hint: 'purchase' }, INITIAL_BUY: { hint: 'purchase' }, RESUBSCRIBE: { hint: 'resubscribe' } },
  DID_RENEW: { '': { hint: 'renewal' }, BILLING_RECOVERY: { hint: 'recovery' } },
  DID_CHANGE_RENEWAL_STATUS: { '': { hint: 'toggle' } },
  DID_CHANGE_RENEWAL_PREF: {
    '': { hint: 'plan_change' },
    UPGRADE: { hint: 'plan_change', grade: 'up' },
    DOWNGRADE: { hint: 'plan_change', grade: 'down' },
  },
  OFFER_REDEEMED: {
    '': { hint: 'offer_redeemed' },
    UPGRADE: { hint: 'plan_change', grade: 'up' },
    DOWNGRADE: { hint: 'plan_change', grade: 'down' },
    // Sent so before Apple moved these two to SUBSCRIBED; still found in histories.
    INITIAL_BUY: { hint: 'purchase' },
    RESUBSCRIBE: { hint: 'resubscribe' },
  },
  DID_FAIL_TO_RENEW: { '': { hint: 'renewal_failed' } },
  GRACE_PERIOD_EXPIRED: { '': { hint: 'grace_expired' } },
  EXPIRED: { '': { hint: 'expired' } },
  REFUND: { '': { hint: 'refund' } },
  REFUND_REVERSED: { '': { hint: 'refund_reversed' } },
  REFUND_DECLINED: { '': { hint: 'refund_declined' } },
  REVOKE: { '': { hint: 'family_revoked' } },
  RENEWAL_EXTENDED: { '': { hint: 'deferral' } },
  ONE_TIME_CHARGE: { '': { hint: 'one_time' } },
  // No event of their own; what their transaction and renewal info newly show is emitted all the same.
  CONSUMPTION_REQUEST: NONE,
  PRICE_INCREASE: NONE,
  PRICE_CHANGE: NONE,
  RENEWAL_EXTENSION: NONE,
  TEST: NONE,
  EXTERNAL_PURCHASE_TOKEN: NONE,
  METADATA_UPDATE: NONE,
  MIGRATION: NONE,
  RESCIND_CONSENT: NONE,
};

export const NOTIFICATION_TYPES: readonly string[] = Object.keys(HINTS);

export function isKnownType(type: string): boolean {
  return Object.hasOwn(HINTS, type);
}

/** The hint of a type and subtype; an unknown type is `none`, an unknown subtype counts as none given. */
export function hintOf(type: string, subtype: string | undefined): Hinted {
  const subtypes = isKnownType(type) ? HINTS[type] : undefined;
  if (!subtypes) return { hint: 'none' };
  return subtype !== undefined && Object.hasOwn(subtypes, subtype) ? (subtypes[subtype] ?? subtypes['']) : subtypes[''];
}
