import { describe, expect, it } from 'vitest';
import { createBatcher } from './batcher.ts';

describe('batcher', () => {
  it('gives every item its own result and groups what arrives meanwhile', async () => {
    const groups: number[][] = [];
    let open!: () => void;
    const gate = new Promise<void>((done) => (open = done));
    const batcher = createBatcher<number, number>({
      maxItems: 3,
      parallel: 1,
      async flush(items) {
        groups.push(items);
        if (groups.length === 1) await gate;
        return items.map((item) => item * 10);
      },
    });
    const first = batcher.submit(1);
    await new Promise((done) => setImmediate(done));
    const rest = [2, 3, 4, 5].map((item) => batcher.submit(item));
    open();
    expect(await Promise.all([first, ...rest])).toEqual([10, 20, 30, 40, 50]);
    expect(groups).toEqual([[1], [2, 3, 4], [5]]);
    await batcher.idle();
    expect(batcher.depth()).toBe(0);
  });

  it('lets a group fill while the gap after the last start lasts; a lone item never waits', async () => {
    const groups: number[][] = [];
    const batcher = createBatcher<number, number>({
      maxItems: 10,
      parallel: 2,
      gapMs: 50,
      async flush(items) {
        groups.push(items);
        return items;
      },
    });
    await batcher.submit(1);
    const later = [2, 3].map((item) => batcher.submit(item));
    await new Promise((done) => setImmediate(done));
    const last = batcher.submit(4);
    await Promise.all([...later, last]);
    expect(groups).toEqual([[1], [2, 3, 4]]);
  });

  it('does not let a full group wait for the gap', async () => {
    const groups: number[][] = [];
    const batcher = createBatcher<number, number>({
      maxItems: 2,
      parallel: 4,
      gapMs: 60_000,
      async flush(items) {
        groups.push(items);
        return items;
      },
    });
    await batcher.submit(1);
    await Promise.all([batcher.submit(2), batcher.submit(3)]);
    expect(groups).toEqual([[1], [2, 3]]);
  });

  it('a failed group fails its own items only', async () => {
    let calls = 0;
    const batcher = createBatcher<number, number>({
      maxItems: 1,
      parallel: 2,
      async flush(items) {
        if (++calls === 1) throw new Error('first');
        return items;
      },
    });
    const [a, b] = await Promise.allSettled([batcher.submit(1), batcher.submit(2)]);
    expect(a).toMatchObject({ status: 'rejected' });
    expect(b).toEqual({ status: 'fulfilled', value: 2 });
  });
});
