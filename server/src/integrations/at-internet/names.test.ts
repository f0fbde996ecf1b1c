import { expect, test } from 'vitest';
import { EVENT_CODES } from '../../events/catalogue.ts';
import { checkName, nameOf } from './names.ts';

test('every preset name of every code may be used, and no two are equal', () => {
  const names = EVENT_CODES.flatMap((code) =>
    (['code', 'piano'] as const).flatMap((namePreset) =>
      [true, false].map((offsiteSuffix) => nameOf(code, {}, { namePreset, offsiteSuffix })),
    ),
  );
  expect(names.filter((name) => checkName(name)?.level === 'error')).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ['', 'error'],
  ['1st', 'error'],
  ['a..b', 'error'],
  ['a.', 'error'],
  ['a-b', 'error'],
  ['a b', 'error'],
  ['é', 'error'],
  ['x'.repeat(101), 'error'],
  ['exclusion.a', 'error'],
  ['transaction.confirmation', 'error'],
  ['product.purchased', 'error'],
  ['av.ad.skip', 'error'],
  ['page.display', 'warning'],
  ['Renewed', 'notice'],
  ['x'.repeat(100), undefined],
  ['product.mine', undefined],
  ['subscription.renewed.offsite', undefined],
])('%s: %s', (name, level) => {
  expect(checkName(name)?.level).toBe(level);
});
