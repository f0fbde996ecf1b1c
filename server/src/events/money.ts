/**
 * Money: integer minor units and an ISO 4217 code. Every division rounds half to even and is exact up to there:
 * shares and rates are taken as the decimals they are written as, never multiplied as binary floats.
 */
import { minorUnits } from './currencies.ts';

export { minorUnits } from './currencies.ts';

/** Integer minor units of an ISO 4217 currency (JPY 300 = 300, EUR 8.90 = 890, KWD 1.990 = 1990). */
export interface Money {
  amount: number;
  currency: string;
}

/** `numerator / denominator` to the nearest integer, halves to the even neighbour. `denominator` > 0. */
function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n;
  const absolute = negative ? -numerator : numerator;
  let quotient = absolute / denominator;
  const twice = (absolute % denominator) * 2n;
  if (twice > denominator || (twice === denominator && quotient % 2n === 1n)) quotient += 1n;
  return negative ? -quotient : quotient;
}

/** A decimal number as the exact fraction its shortest notation says: 0.1 is 1/10, 1.5e-7 is 15/100000000. */
function fraction(value: number): { numerator: bigint; denominator: bigint } {
  if (!Number.isFinite(value)) throw new RangeError(`not a finite number: ${value}`);
  const [mantissa = '0', exponent = '0'] = String(value).split('e');
  const [whole = '0', decimals = ''] = mantissa.split('.');
  const power = Number(exponent) - decimals.length;
  const digits = BigInt(whole + decimals);
  return power >= 0
    ? { numerator: digits * 10n ** BigInt(power), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-power) };
}

/**
 * Apple: a transaction's `price` is in thousandths of the currency, for every currency (JPY 300 is 300000).
 * Throws RangeError when `price` is not a finite number.
 */
export function fromThousandths(price: number, currency: string): Money {
  const { numerator, denominator } = fraction(price);
  const amount = divideHalfEven(numerator * 10n ** BigInt(minorUnits(currency)), denominator * 1000n);
  return { amount: Number(amount) || 0, currency };
}

/** Minor units as the decimal number a person writes: (890, EUR) is 8.9, (1990, KWD) is 1.99, (300, JPY) is 300. */
export function toDecimal(amountMinor: number, currency: string): number {
  // One division by a power of ten gives the double nearest to the decimal, so it prints with the currency's digits.
  return amountMinor / 10 ** minorUnits(currency);
}

/** The part `share` (0 to 1) of an amount. */
export function shareOf(amountMinor: number, share: number): number {
  const { numerator, denominator } = fraction(share);
  return Number(divideHalfEven(BigInt(amountMinor) * numerator, denominator)) || 0;
}

/** The part `part / whole` of an amount, for time shares; both are integers, `whole` > 0. */
export function proportionOf(amountMinor: number, part: number, whole: number): number {
  return Number(divideHalfEven(BigInt(amountMinor) * BigInt(part), BigInt(whole))) || 0;
}

/** Minor units of `from` in minor units of `to`, at `rate` units of `to` for one unit of `from`. */
export function convert(amountMinor: number, from: string, to: string, rate: number): number {
  if (from === to) return amountMinor;
  const { numerator, denominator } = fraction(rate);
  const up = 10n ** BigInt(minorUnits(to));
  const down = 10n ** BigInt(minorUnits(from));
  return Number(divideHalfEven(BigInt(amountMinor) * numerator * up, denominator * down)) || 0;
}
