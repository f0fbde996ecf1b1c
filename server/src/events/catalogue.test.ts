import { expect, test } from 'vitest';
import { ATTRIBUTES, attributeName, EVENT_CODES, EVENT_RANK, EVENTS, isEventCode, MAIN_EVENTS } from './catalogue.ts';

test('44 codes, each once, ten of them main', () => {
  expect(EVENT_CODES).toHaveLength(44);
  expect(new Set(EVENT_CODES).size).toBe(44);
  expect(
    EVENTS.filter((event) => event.main)
      .map((event) => event.code)
      .toSorted(),
  ).toEqual([...MAIN_EVENTS].toSorted());
  expect(MAIN_EVENTS).toHaveLength(10);
});

test('rank follows the groups: entitlement, lifecycle, offer, transaction', () => {
  const order = ['entitlement', 'lifecycle', 'offer', 'transaction'];
  const groups = EVENTS.map((event) => order.indexOf(event.group));
  expect(groups).toEqual(groups.toSorted((a, b) => a - b));
  expect(EVENTS.map((event) => EVENT_RANK[event.code])).toEqual(EVENTS.map((_, index) => index));
});

test('every meaning is one sentence, every event has a store', () => {
  for (const event of EVENTS) {
    expect(event.meaning).toMatch(/^[A-Z].*\.$/);
    expect(event.stores.length).toBeGreaterThan(0);
  }
});

test('only codes are codes', () => {
  expect(isEventCode('TRIAL_STARTED')).toBe(true);
  expect(isEventCode('toString')).toBe(false);
});

test('attribute names are unique and safe as keys; the currency takes the place of xxx', () => {
  const names = ATTRIBUTES.map((attribute) => attribute.name);
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^[a-z][a-z_]*$/);
  expect(attributeName('amount_in_xxx', 'EUR')).toBe('amount_in_eur');
  expect(attributeName('plan', 'EUR')).toBe('plan');
});
