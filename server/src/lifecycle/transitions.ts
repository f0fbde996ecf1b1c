/**
 * The table of the lifecycle: which codes a change of status, or a new period, brings. Rows are numbered as in the dataset's
 * contract (scenario numbers). Codes stand in emission order; offers and money are added by `offers.ts` and `ledger.ts`.
 */
import type { EventCode } from '../events/catalogue.ts';
import type { SubscriptionStatus } from '../events/event.ts';

/** What the table distinguishes of a status. `none` = no record yet. */
export type Phase = 'live' | 'grace' | 'hold' | 'paused' | 'lapsed' | 'revoked';

export const PHASE: Readonly<Record<SubscriptionStatus, Phase>> = {
  AUTO_RENEWING: 'live',
  AUTO_RENEWING_CANCELED: 'live',
  IN_GRACE_PERIOD: 'grace',
  ON_HOLD: 'hold',
  PAUSED: 'paused',
  DEACTIVATED: 'lapsed',
  UNPAID: 'lapsed',
  REVOKED: 'revoked',
};

export function hasAccess(status: SubscriptionStatus | null): boolean {
  return status !== null && (PHASE[status] === 'live' || PHASE[status] === 'grace');
}

export function isEnded(status: SubscriptionStatus | null): boolean {
  return status !== null && (PHASE[status] === 'lapsed' || PHASE[status] === 'revoked');
}

interface StatusRow {
  scenario: string;
  from: Phase;
  to: Phase;
  /** Only when automatic renewal was switched off by this very signal. */
  cancelled?: true;
  codes: readonly EventCode[];
}

/** A change of status within a period. An ended record has no row: only a new period or a reversed refund leads out of an end. */
const STATUS_ROWS: readonly StatusRow[] = [
  { scenario: '18', from: 'live', to: 'grace', codes: ['ACTIVATE', 'GRACE_PERIOD_STARTED'] },
  { scenario: '24', from: 'live', to: 'hold', codes: ['DEACTIVATE', 'ENTERED_BILLING_RETRY'] },
  {
    scenario: '16, 17',
    from: 'live',
    to: 'lapsed',
    codes: ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  },
  { scenario: '41, 43', from: 'live', to: 'revoked', codes: ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED'] },
  {
    scenario: '20',
    from: 'grace',
    to: 'hold',
    codes: ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'ENTERED_BILLING_RETRY'],
  },
  {
    scenario: '22',
    from: 'grace',
    to: 'lapsed',
    cancelled: true,
    codes: ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  },
  {
    scenario: '21, 23',
    from: 'grace',
    to: 'lapsed',
    codes: ['DEACTIVATE', 'GRACE_PERIOD_TERMINATED', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  },
  { scenario: '41, 43', from: 'grace', to: 'revoked', codes: ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED'] },
  // The store took the payment trouble back and the transaction that paid is still to come: it brings the recovery.
  { scenario: '-', from: 'grace', to: 'live', codes: [] },
  { scenario: '-', from: 'hold', to: 'live', codes: ['ACTIVATE'] },
  { scenario: '18', from: 'hold', to: 'grace', codes: ['ACTIVATE', 'GRACE_PERIOD_STARTED'] },
  {
    scenario: '26, 27',
    from: 'hold',
    to: 'lapsed',
    codes: ['DEACTIVATE', 'SUBSCRIPTION_EXPIRED', 'SUBSCRIPTION_TERMINATED'],
  },
  { scenario: '41, 43', from: 'hold', to: 'revoked', codes: ['DEACTIVATE', 'SUBSCRIPTION_REFUNDED_REVOKED'] },
];

/** The codes of a change of status; empty where nothing is told. */
export function statusCodes(
  from: SubscriptionStatus,
  to: SubscriptionStatus,
  cancelled: boolean,
): readonly EventCode[] {
  const [before, after] = [PHASE[from], PHASE[to]];
  const row = STATUS_ROWS.find((r) => r.from === before && r.to === after && (!r.cancelled || cancelled));
  return row?.codes ?? [];
}

/** Automatic renewal switched within a period (scenarios 13, 14, 22, 23, 27). */
export function toggleCodes(on: boolean, before: SubscriptionStatus, after: SubscriptionStatus): readonly EventCode[] {
  if (on) return ['RENEWAL_ENABLED'];
  return before === 'IN_GRACE_PERIOD' || after === 'IN_GRACE_PERIOD'
    ? ['RENEWAL_DISABLED', 'SUBSCRIPTION_CANCELLED_DURING_GRACE_PERIOD']
    : ['RENEWAL_DISABLED'];
}

/** How a new period relates to what was there before. */
export type Opening = 'start' | 'renewal' | 'reactivation' | 'upgrade' | 'downgrade' | 'crossgrade';

/** Scenarios 1–6; 8–12, 19, 25; 49, 50; 34–40. `ACTIVATE` goes with each where access is granted. */
export const OPENING_CODE: Readonly<Record<Opening, EventCode>> = {
  start: 'SUBSCRIPTION_STARTED',
  renewal: 'SUBSCRIPTION_RENEWED',
  reactivation: 'SUBSCRIPTION_REACTIVATED',
  upgrade: 'SUBSCRIPTION_UPGRADED',
  downgrade: 'SUBSCRIPTION_DOWNGRADED',
  crossgrade: 'SUBSCRIPTION_CROSSGRADED',
};

/** Scenarios 19 and 25: beside `SUBSCRIPTION_RENEWED` when the payment had failed before. */
export const RECOVERY_CODE = {
  IN_GRACE_PERIOD: 'SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD',
  ON_HOLD: 'SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY',
} as const satisfies Record<string, EventCode>;

const SOURCE_PREFERENCE: readonly (readonly EventCode[])[] = [
  ['TRIAL_CONVERTED', 'INTRO_OFFER_CONVERTED', 'PROMO_CODE_CONVERTED', 'PROMOTIONAL_OFFER_CONVERTED'],
  ['TRIAL_STARTED', 'INTRO_OFFER_STARTED', 'PROMO_CODE_STARTED', 'PROMOTIONAL_OFFER_STARTED'],
  ['SUBSCRIPTION_RECOVERED_FROM_GRACE_PERIOD', 'SUBSCRIPTION_RECOVERED_FROM_BILLING_RETRY', 'SUBSCRIPTION_UNPAUSED'],
  ['SUBSCRIPTION_UPGRADED', 'SUBSCRIPTION_DOWNGRADED', 'SUBSCRIPTION_CROSSGRADED'],
  ['SUBSCRIPTION_REACTIVATED', 'SUBSCRIPTION_REFUNDED_REVOKED'],
  ['SUBSCRIPTION_RENEWED'],
  ['SUBSCRIPTION_STARTED'],
  ['DEACTIVATE', 'ACTIVATE'],
];

/** `source_event_name`: the most specific event of the group; undefined if a movement stands alone in it. */
export function sourceOf(codes: ReadonlySet<EventCode>): EventCode | undefined {
  for (const equals of SOURCE_PREFERENCE) {
    const found = equals.find((code) => codes.has(code));
    if (found) return found;
  }
  return undefined;
}
