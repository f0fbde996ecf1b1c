import { describe, expect, test } from 'vitest';
import type { Outcome } from '../integrations/integration.ts';
import type { ClaimedRow } from '../storage/queries/delivery-queue.ts';
import { fatesOf } from './fate.ts';

const NOW = 1_000_000;
const CONTEXT = { now: NOW, random: 0.5, retryWindowMs: 3_600_000, pausedMs: 7 };

function rows(...changes: Partial<ClaimedRow>[]): ClaimedRow[] {
  return changes.map(
    (change, index) =>
      ({
        id: index + 1,
        state: 'queued',
        tries: 0,
        firstTriedAt: null,
        pausedMs: null,
        batchMax: null,
        dueAt: 5,
        ...change,
      }) as ClaimedRow,
  );
}
const outcome = (change: Partial<Outcome> & Pick<Outcome, 'class'>): Outcome => ({
  ambiguous: false,
  retryAfterMs: null,
  message: '',
  ...change,
});

describe('transient', () => {
  test('all wait the same time, by the failures of the first', () => {
    const fates = fatesOf(rows({ tries: 2, firstTriedAt: NOW }, {}), outcome({ class: 'transient' }), CONTEXT);
    expect(fates).toMatchObject([
      { id: 1, state: 'retrying', dueAt: NOW + 21_000, pausedMs: 7 },
      { id: 2, state: 'retrying', dueAt: NOW + 21_000 },
    ]);
  });

  test('Retry-After is a floor', () => {
    expect(fatesOf(rows({}), outcome({ class: 'transient', retryAfterMs: 120_000 }), CONTEXT)[0]!.dueAt).toBe(
      NOW + 120_000,
    );
    expect(fatesOf(rows({}), outcome({ class: 'transient', retryAfterMs: 10 }), CONTEXT)[0]!.dueAt).toBe(NOW + 6_000);
  });

  test('the one whose window would have passed is parked, the others go on', () => {
    const fates = fatesOf(
      rows({ tries: 1, firstTriedAt: NOW - 3_600_000, pausedMs: 7 }, {}),
      outcome({ class: 'transient' }),
      CONTEXT,
    );
    expect(fates.map(({ state, reason }) => [state, reason])).toEqual([
      ['parked', 'retry_window'],
      ['retrying', null],
    ]);
  });

  test('unless the destination was paused for long enough since', () => {
    const [fate] = fatesOf(
      rows({ tries: 1, firstTriedAt: NOW - 3_600_000, pausedMs: 7 }),
      outcome({ class: 'transient' }),
      { ...CONTEXT, pausedMs: 100_007 },
    );
    expect(fate!.state).toBe('retrying');
  });
});

test('throttled: exactly as long as asked', () => {
  expect(fatesOf(rows({ tries: 5 }), outcome({ class: 'throttle', retryAfterMs: 30_000 }), CONTEXT)).toMatchObject([
    { state: 'retrying', dueAt: NOW + 30_000 },
  ]);
});

test('set-up: as before, in its old place', () => {
  expect(fatesOf(rows({ state: 'queued' }, { state: 'retrying' }), outcome({ class: 'setup' }), CONTEXT)).toMatchObject(
    [
      { state: 'queued', dueAt: 5, batchMax: null },
      { state: 'retrying', dueAt: 5, batchMax: null },
    ],
  );
});

describe('refused', () => {
  const refused = (split: 'single' | 'halve', ...changes: Partial<ClaimedRow>[]) =>
    fatesOf(rows(...changes), outcome({ class: 'invalid', split }), CONTEXT).map(({ state, batchMax, dueAt }) => [
      state,
      batchMax,
      dueAt,
    ]);

  test('a batch is tried one by one, at once', () => {
    expect(refused('single', {}, {}, {})).toEqual([1, 2, 3].map(() => ['retrying', 1, NOW]));
  });
  test('a lone event is tried once more', () => {
    expect(refused('single', {})).toEqual([['retrying', 1, NOW]]);
    expect(refused('halve', {})).toEqual([['retrying', 1, NOW]]);
  });
  test('and then is a dead letter', () => {
    expect(refused('single', { batchMax: 1 })).toEqual([['dead_letter', null, NOW]]);
    expect(refused('halve', { batchMax: 1 })).toEqual([['dead_letter', null, NOW]]);
  });
  test('a batch too large is halved first', () => {
    expect(refused('halve', {}, {}, {}, {}, {}).map(([, batchMax]) => batchMax)).toEqual([3, 3, 3, 3, 3]);
    expect(refused('halve', { batchMax: 2 }, { batchMax: 2 }).map(([, batchMax]) => batchMax)).toEqual([1, 1]);
  });
});

test('a success is not a matter for fates', () => {
  expect(() => fatesOf(rows({}), outcome({ class: 'success' }), CONTEXT)).toThrow('success');
});
