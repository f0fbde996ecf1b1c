import { describe, expect, test } from 'vitest';
import { inToOut } from './collected.ts';
import { sendLoad } from './load.ts';
import { spread } from './percentile.ts';
import { completedNotifications } from './phases.ts';
import { parseStat } from './processes.ts';
import { number, table } from './table.ts';

test('percentiles by nearest rank', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(spread(hundred)).toEqual({ n: 100, p50: 50, p99: 99, max: 100 });
  expect(spread([7])).toEqual({ n: 1, p50: 7, p99: 7, max: 7 });
  expect(spread([])).toBeNull();
});

test('the table aligns, and unknown numbers show as a dash', () => {
  expect(
    table(
      ['', 'n'],
      [
        ['a', number(1234)],
        ['longer', number(null)],
      ],
    ),
  ).toBe('            n\n──────  ─────\na       1,234\nlonger      –');
});

test('reads a stat line whose command has spaces and parentheses', () => {
  const text = '42 (post (gres) x) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 100 1 1';
  expect(parseStat(text)).toEqual({ pid: 42, parent: 7, own: 2, ended: 0.5 });
});

test('counts what has come out, step by step', () => {
  // Steps of 3, 4, 1, 1, 3 and 3 events; 10 lives.
  expect(completedNotifications(0, 10)).toBe(0);
  expect(completedNotifications(29, 10)).toBe(9);
  expect(completedNotifications(30, 10)).toBe(10);
  expect(completedNotifications(30 + 8, 10)).toBe(12);
  expect(completedNotifications(150, 10)).toBe(60);
});

test('in to out: the last event of a step, second copies ignored', () => {
  const at = (visitor: string, eventId: string, receivedAt: number) => ({
    visitor,
    name: 'X',
    eventId,
    outcome: 'accepted' as const,
    receivedAt,
  });
  const collected = [at('v', 'e1', 10), at('v', 'e2', 12), at('v', 'e1', 13), at('w', 'f1', 20), at('v', 'e3', 35)];
  // Two lives, two steps of 2 and 1 events; sent: step 0 at 5 and 6, step 1 at 30 and 31.
  expect(inToOut([5, 6, 30, 31], ['v', 'w'], [2, 1], collected)).toEqual([7, 5]);
});

describe('the load', () => {
  const bodies = Array.from({ length: 40 }, (_, index) => String(index));

  test('closed: everything is sent once, never further ahead than the window', async () => {
    const posted: string[] = [];
    let ahead = 0;
    const sent = await sendLoad({
      bodies,
      pace: { kind: 'closed', parallel: 8, window: 4 },
      completed: () => posted.length,
      post: async (body) => {
        ahead = Math.max(ahead, Number(body) - posted.length);
        await new Promise((resolve) => setImmediate(resolve));
        posted.push(body);
        return 200;
      },
    });
    expect(posted.toSorted((a, b) => Number(a) - Number(b))).toEqual(bodies);
    expect(ahead).toBeLessThan(4);
    expect(sent.ackMs).toHaveLength(40);
    expect(sent.refused).toBe(0);
  });

  test('rate: due times are even, whatever the answers do; failures are counted', async () => {
    const sent = await sendLoad({
      bodies,
      pace: { kind: 'rate', perSecond: 4_000 },
      completed: () => 0,
      post: (body) => (body === '3' ? Promise.reject(new Error('reset')) : Promise.resolve(body === '4' ? 503 : 200)),
    });
    expect(sent.refused).toBe(2);
    const gaps = sent.at.slice(1).map((at, index) => at - sent.at[index]!);
    for (const gap of gaps) expect(gap).toBeCloseTo(0.25, 2);
  });
});
