import { expect, test } from 'vitest';
import { seeded } from './random.ts';

test('the same seed gives the same numbers, all in [0, 1)', () => {
  const [one, two, other] = [seeded(7), seeded(7), seeded(8)];
  const numbers = Array.from({ length: 1000 }, one);
  expect(Array.from({ length: 1000 }, two)).toEqual(numbers);
  expect(Array.from({ length: 1000 }, other)).not.toEqual(numbers);
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true);
  const mean = numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(0.05);
});
