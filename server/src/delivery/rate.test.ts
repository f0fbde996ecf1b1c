import { expect, test } from 'vitest';
import { Rate } from './rate.ts';

const second = 1000;

test('without a limit everything passes', () => {
  expect(new Rate().room(null, 0)).toBe(Infinity);
});

test('a limit lets a second’s worth pass at once, then as much as time brings', () => {
  const rate = new Rate();
  expect(rate.room(10, 100 * second)).toBe(10);
  for (let n = 0; n < 10; n++) rate.count(100 * second);
  expect(rate.room(10, 100 * second)).toBe(0);
  expect(rate.room(10, 100 * second + 99)).toBe(0);
  expect(rate.room(10, 100 * second + 300)).toBe(3);
  expect(rate.room(10, 900 * second)).toBe(10);
});

test('less than one a second still passes now and then', () => {
  const rate = new Rate();
  expect(rate.room(0.5, 100 * second)).toBe(1);
  rate.count(100 * second);
  expect(rate.room(0.5, 101 * second)).toBe(0);
  expect(rate.room(0.5, 102 * second)).toBe(1);
});

test('what passed before a limit was set is no debt afterwards', () => {
  const rate = new Rate();
  rate.room(1, 0);
  for (let n = 0; n < 5_000; n++) rate.count(n);
  expect(rate.room(1, 5 * second)).toBe(1);
});

test('the measured rate is that of the busier of two seconds, and forgets', () => {
  const rate = new Rate();
  expect(rate.perSecond()).toBe(1);
  for (let n = 0; n < 7; n++) rate.count(5 * second + n);
  rate.count(6 * second);
  expect(rate.perSecond()).toBe(7);
  rate.count(9 * second);
  expect(rate.perSecond()).toBe(1);
});
