import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isWithinWindow, probeDelay, retryDelay } from './schedule.ts';

test.each([
  [1, 0, 1_000],
  [1, 0.5, 6_000],
  [2, 0.5, 11_000],
  [9, 0.5, 1_281_000],
  [10, 0.5, 1_801_000],
  [1_000, 0.999, 1_000 + 3_596_400],
])('after %i failures, at %f of the jitter: %i ms', (failures, random, delay) => {
  expect(retryDelay(failures, random)).toBeCloseTo(delay);
});

test('never under a second, never over an hour and a second', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (failures, random) => {
        const delay = retryDelay(failures, random);
        expect(delay).toBeGreaterThanOrEqual(1_000);
        expect(delay).toBeLessThanOrEqual(3_601_000);
      },
    ),
  );
});

test('probes after 1, 5, 15, then every 60 minutes', () => {
  expect([0, 1, 2, 3, 4, 40].map((failed) => probeDelay(failed) / 60_000)).toEqual([1, 5, 15, 60, 60, 60]);
});

test('the window opens with the first attempt, and pauses extend it', () => {
  const tried = { firstTriedAt: 1_000, pausedMsThen: 50, pausedMsNow: 50 };
  expect(isWithinWindow({ ...tried, firstTriedAt: null }, Infinity, 100)).toBe(true);
  expect(isWithinWindow(tried, 1_100, 100)).toBe(true);
  expect(isWithinWindow(tried, 1_101, 100)).toBe(false);
  expect(isWithinWindow({ ...tried, pausedMsNow: 90 }, 1_140, 100)).toBe(true);
  expect(isWithinWindow({ ...tried, pausedMsNow: 90 }, 1_141, 100)).toBe(false);
  expect(isWithinWindow({ ...tried, pausedMsThen: null }, 1_101, 100)).toBe(false);
});
