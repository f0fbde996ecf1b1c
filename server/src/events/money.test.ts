import fc from 'fast-check';
import { expect, test } from 'vitest';
import { convert, fromThousandths, minorUnits, proportionOf, shareOf, toDecimal } from './money.ts';

test('thousandths of every currency become its minor units', () => {
  expect(fromThousandths(9_990, 'EUR')).toEqual({ amount: 999, currency: 'EUR' });
  expect(fromThousandths(300_000, 'JPY').amount).toBe(300);
  expect(fromThousandths(3_300_000, 'KRW').amount).toBe(3_300);
  expect(fromThousandths(1_990, 'KWD').amount).toBe(1_990);
  expect(fromThousandths(0, 'EUR').amount).toBe(0);
});

test('halves go to the even neighbour, on both sides of zero', () => {
  expect([5, 15, 25, -5, -15].map((price) => fromThousandths(price, 'EUR').amount)).toEqual([0, 2, 2, 0, -2]);
  expect(shareOf(999, 0.5)).toBe(500);
  expect(shareOf(997, 0.5)).toBe(498);
  expect(proportionOf(-999, 1, 2)).toBe(-500);
});

test('shares and rates are the decimals they are written as', () => {
  // 1.005 × 1000 is 1004.9999… in binary.
  expect(convert(1000, 'EUR', 'USD', 1.005)).toBe(1005);
  expect(convert(50, 'EUR', 'USD', 1.01)).toBe(50);
  expect(convert(150, 'EUR', 'USD', 1.01)).toBe(152);
  expect(convert(10_000_000, 'EUR', 'USD', 1.5e-7)).toBe(2);
  expect(shareOf(1000, 0.33333)).toBe(333);
});

test('conversion respects the exponents of both currencies', () => {
  expect(convert(300, 'JPY', 'EUR', 0.0061)).toBe(183);
  expect(convert(999, 'EUR', 'JPY', 163.5)).toBe(1633);
  expect(convert(1_990, 'KWD', 'EUR', 2.81)).toBe(559);
  expect(convert(999, 'EUR', 'EUR', 7)).toBe(999);
});

test('what is no number is refused', () => {
  expect(() => fromThousandths(Number.NaN, 'EUR')).toThrow(RangeError);
  expect(() => convert(1, 'EUR', 'USD', Number.POSITIVE_INFINITY)).toThrow(RangeError);
});

test('a decimal prints with no more digits than its currency has', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.constantFrom('EUR', 'JPY', 'KWD', 'CLF'),
      (amount, currency) => {
        const decimals = String(toDecimal(amount, currency)).split('.')[1] ?? '';
        expect(decimals.length).toBeLessThanOrEqual(minorUnits(currency));
        expect(Math.round(toDecimal(amount, currency) * 10 ** minorUnits(currency))).toBe(amount);
      },
    ),
  );
});
