/**
 * Offer runs: opened by `X_STARTED`, closed once. A run is all periods of the same kind and identifier; it follows the customer
 * through plan changes, and grace, retry and pause leave it open.
 */
import type { EventCode } from '../events/catalogue.ts';
import type { OfferFact } from './fact.ts';
import type { Period } from './record.ts';

type RunKind = Exclude<OfferFact['kind'], 'NONE'>;

const STEM: Readonly<Record<RunKind, 'TRIAL' | 'INTRO_OFFER' | 'PROMO_CODE' | 'PROMOTIONAL_OFFER'>> = {
  FREE_TRIAL: 'TRIAL',
  INTRO_OFFER: 'INTRO_OFFER',
  PROMO_CODE: 'PROMO_CODE',
  PROMOTIONAL_OFFER: 'PROMOTIONAL_OFFER',
};

export type OfferStep = 'STARTED' | 'CONVERTED' | 'NOT_CONVERTED';

export function offerCode(offer: OfferFact, step: OfferStep): EventCode {
  if (offer.kind === 'NONE') throw new Error('no offer, no offer event');
  return `${STEM[offer.kind]}_${step}`;
}

export function sameRun(a: OfferFact | undefined, b: OfferFact | undefined): boolean {
  return a !== undefined && b !== undefined && a.kind === b.kind && a.identifier === b.identifier;
}

/** A free phase moves no money; where the store did not say the price, the period counts as charged. */
export function isFree(period: Period): boolean {
  return period.price === undefined ? period.offer?.kind === 'FREE_TRIAL' : period.price === 0;
}

export interface OfferChange {
  close?: { offer: OfferFact; step: 'CONVERTED' | 'NOT_CONVERTED' };
  start?: OfferFact;
  /** The run that is open afterwards. */
  run?: OfferFact;
}

/**
 * What a new period does to the open run. Scenarios 9–12, 38–40: the next charged period outside the offer converts it, also if
 * that is another paid offer; another free offer closes it unconverted.
 * `before` is the offer of the period before, whose run may have been closed by a refund that was reversed.
 */
export function nextPeriod(run: OfferFact | undefined, before: OfferFact | undefined, period: Period): OfferChange {
  const offer = period.offer;
  if (!offer) {
    if (!run) return {};
    return isFree(period) ? { run } : { close: { offer: run, step: 'CONVERTED' } };
  }
  if (sameRun(run, offer)) return { run: run ?? offer };
  if (!run) return sameRun(before, offer) ? {} : { start: offer, run: offer };
  return { close: { offer: run, step: isFree(period) ? 'NOT_CONVERTED' : 'CONVERTED' }, start: offer, run: offer };
}
