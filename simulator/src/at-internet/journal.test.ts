import { beforeEach, describe, expect, it } from 'vitest';
import { DEFAULT_CONFIG } from './config.ts';
import { Journal, type Received } from './journal.ts';
import { Model } from './model.ts';

const never = new AbortController().signal;
const received = (idclient = 'v1', at = 0): Received => ({
  method: 'POST',
  url: '/c',
  rawHeaders: [],
  body: '',
  status: 204,
  site: '1',
  idclient,
  at,
  model: new Model({ events: [], properties: [] }),
  config: DEFAULT_CONFIG,
  flags: [],
});

let journal: Journal;
const add = (name: string, eventId: string | null = null, from = received()) =>
  journal.add({ received: from, index: 0, name, eventId, outcome: 'accepted', exclusion: null });

beforeEach(() => {
  journal = new Journal(5, 100);
});

describe('journal', () => {
  it('keeps the newest and counts all', () => {
    for (let index = 0; index < 12; index++) add(index % 2 ? 'odd' : 'even');
    expect([...journal.between(0, Infinity)].map((entry) => entry.id)).toEqual([8, 9, 10, 11, 12]);
    expect(journal.get(7)).toBeNull();
    expect(journal.stats()).toMatchObject({
      total: 12,
      counts: [
        { name: 'even', count: 6 },
        { name: 'odd', count: 6 },
      ],
    });
  });

  it('points repeats to the first, also when that has left the journal', () => {
    add('a', 'id-1');
    for (let index = 0; index < 9; index++) add('b', `other-${index}`);
    expect(add('a', 'id-1').repeatOf).toBe(1);
    expect(add('a', 'id-1').repeatOf).toBe(1);
    expect(journal.stats()).toMatchObject({ repeats: 2, repeated: { 'id-1': 2 } });
  });

  it('bounds the memory of ids', () => {
    journal = new Journal(5, 2);
    for (const id of ['a', 'b', 'c']) add('x', id);
    expect(add('x', 'c').repeatOf).toBe(3);
    expect(add('x', 'a').repeatOf).toBeNull();
  });

  it('pages in both directions', () => {
    for (let index = 0; index < 5; index++) add('a');
    const ids = (page: { items: { id: number }[] }) => page.items.map((entry) => entry.id);
    const newest = journal.page({}, 'desc', null, 2);
    expect([ids(newest), newest.next]).toEqual([[5, 4], 4]);
    expect(ids(journal.page({}, 'desc', 4, 9))).toEqual([3, 2, 1]);
    const oldest = journal.page({}, 'asc', null, 3);
    expect([ids(oldest), oldest.next]).toEqual([[1, 2, 3], 3]);
    const rest = journal.page({}, 'asc', 3, 2);
    expect([ids(rest), rest.next]).toEqual([[4, 5], null]);
  });

  it('filters', () => {
    add('a', 'id-1', received('v1', 10));
    add('b', 'id-2', received('v2', 20));
    const names = (filter: object) => journal.page(filter, 'asc', null, 9).items.map((entry) => entry.name);
    expect(names({ idclient: 'v2' })).toEqual(['b']);
    expect(names({ eventId: 'id-1' })).toEqual(['a']);
    expect(names({ since: 15 })).toEqual(['b']);
    expect(names({ outcome: 'excluded' })).toEqual([]);
    expect(names({ name: 'a', site: '1' })).toEqual(['a']);
  });

  it('waits for matching entries, those already there included', async () => {
    add('a');
    const met = journal.wait({ name: 'a' }, 2, 60_000, never);
    add('b');
    add('a');
    expect(await met).toBe(true);
    expect(await journal.wait({ name: 'a' }, 3, 5, never)).toBe(false);
  });

  it('keeps what fits when resized', () => {
    for (let index = 0; index < 5; index++) add('a');
    journal.resize(2, 100);
    expect([...journal.between(0, Infinity)].map((entry) => entry.id)).toEqual([4, 5]);
    journal.resize(10, 100);
    expect(add('b').id).toBe(6);
    expect([...journal.between(0, Infinity)].map((entry) => entry.id)).toEqual([4, 5, 6]);
  });

  it('forgets when cleared, but never uses an id again', () => {
    add('a', 'id-1');
    journal.clear();
    expect(journal.stats()).toEqual({ total: 0, requests: 0, counts: [], repeats: 0, repeated: {} });
    expect(add('a', 'id-1')).toMatchObject({ id: 2, repeatOf: null });
  });
});
