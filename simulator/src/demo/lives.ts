/** The two lives, and the main events they must bring forth, in order. */

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;

export const PRODUCT = 'com.example.pianola.premium.monthly';
export const TRIAL = 'one-week-free';

/** In the order of the catalogue. */
export const MAIN_EVENTS = [
  'SUBSCRIPTION_STARTED',
  'SUBSCRIPTION_RENEWED',
  'SUBSCRIPTION_REACTIVATED',
  'RENEWAL_DISABLED',
  'RENEWAL_ENABLED',
  'SUBSCRIPTION_REFUNDED_REVOKED',
  'SUBSCRIPTION_EXPIRED',
  'TRIAL_CONVERTED',
  'TRIAL_NOT_CONVERTED',
  'TRIAL_STARTED',
] as const;
export type MainEvent = (typeof MAIN_EVENTS)[number];

export interface Life {
  name: string;
  /** One line for the head of the table. */
  story: string;
  expected: readonly MainEvent[];
}

export const CAMILLE: Life = {
  name: 'Camille',
  story: 'trial, converts, renews, hesitates, lapses, comes back, gets a refund',
  expected: [
    'SUBSCRIPTION_STARTED',
    'TRIAL_STARTED',
    'SUBSCRIPTION_RENEWED',
    'TRIAL_CONVERTED',
    'SUBSCRIPTION_RENEWED',
    'RENEWAL_DISABLED',
    'RENEWAL_ENABLED',
    'RENEWAL_DISABLED',
    'SUBSCRIPTION_EXPIRED',
    'SUBSCRIPTION_REACTIVATED',
    'SUBSCRIPTION_REFUNDED_REVOKED',
  ],
};

export const NOAH: Life = {
  name: 'Noah',
  story: 'trial, cancels, never pays',
  expected: [
    'SUBSCRIPTION_STARTED',
    'TRIAL_STARTED',
    'RENEWAL_DISABLED',
    'SUBSCRIPTION_EXPIRED',
    'TRIAL_NOT_CONVERTED',
  ],
};

/** Either something a subscriber does, or time: so many days, or until just after the end of somebody's period. */
export type Step =
  | { who: Life; action: string; options?: Record<string, unknown> }
  | { days: number }
  | { endOfPeriod: Life };

const buyTrial = { action: 'buy', options: { product: PRODUCT, offer: TRIAL } };

export const STEPS: readonly Step[] = [
  { who: CAMILLE, ...buyTrial },
  { who: NOAH, ...buyTrial },
  { days: 3 },
  { who: NOAH, action: 'cancel' },
  // Camille converts, Noah's trial ends unpaid.
  { endOfPeriod: CAMILLE },
  // Camille renews.
  { endOfPeriod: CAMILLE },
  { days: 10 },
  { who: CAMILLE, action: 'cancel' },
  { days: 2 },
  { who: CAMILLE, action: 'uncancel' },
  { days: 8 },
  { who: CAMILLE, action: 'cancel' },
  { endOfPeriod: CAMILLE },
  { days: 5 },
  { who: CAMILLE, action: 'buy', options: { product: PRODUCT } },
  { days: 2 },
  { who: CAMILLE, action: 'refund' },
];
