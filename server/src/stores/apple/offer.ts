/** By which offer a period is sold. Apple: `offerType`, `offerDiscountType`, `offerIdentifier` of a transaction. */
import type { OfferFact } from '../../lifecycle/fact.ts';
import { type Json, numberAt, stringAt } from './json.ts';

const INTRODUCTORY = 1;
const CODE = 3;
/** Promotional, win-back and retention offers. */
const PROMOTIONAL = new Set([2, 4, 5]);

export function offerOf(transaction: Json): OfferFact {
  if (transaction['offerType'] === undefined || transaction['offerType'] === null) return { kind: 'NONE' };
  const type = numberAt(transaction, 'offerType');
  const identifier = stringAt(transaction, 'offerIdentifier');
  const named = identifier === undefined ? {} : { identifier };
  if (type === INTRODUCTORY) {
    const discount = stringAt(transaction, 'offerDiscountType');
    const free = discount === undefined ? transaction['price'] === 0 : discount === 'FREE_TRIAL';
    return { kind: free ? 'FREE_TRIAL' : 'INTRO_OFFER', ...named };
  }
  // The mechanism decides, not the price: a free code is still a code. Apple names it by its reference name.
  if (type === CODE) {
    return { kind: 'PROMO_CODE', ...named, ...(identifier === undefined ? {} : { codeRefName: identifier }) };
  }
  // A number Apple has not published yet is an offer if it has a name.
  if (identifier === undefined && !(type !== undefined && PROMOTIONAL.has(type))) return { kind: 'NONE' };
  return {
    kind: 'PROMOTIONAL_OFFER',
    ...named,
    ...(identifier === undefined ? {} : { promotionalOfferId: identifier }),
  };
}
