import { afterEach, beforeEach, expect, test } from 'vitest';
import { Collector, type Reply } from './fixtures/collector.ts';
import { createStage, type Stage, until, visitorId } from './fixtures/stage.ts';

let collector: Collector;
let stage: Stage;

beforeEach(async () => {
  collector = await Collector.listen();
  stage = await createStage(collector.origin, { size: 16 });
});
afterEach(async () => {
  collector.script = () => 204;
  await stage.close();
  await collector.close();
});

/** Small and seeded (mulberry32), so that a failure can be seen again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test.each([1, 2, 3])(
  'whatever the collector does, every event arrives, in order, and repeats are marked (seed %i)',
  async (seed) => {
    const random = seeded(seed);
    const replies: Reply[] = [500, 503, 'reset', 502, { status: 429, headers: { 'retry-after': '1' } }];
    collector.script = async () => {
      await new Promise((resolve) => setTimeout(resolve, random() * 4));
      return random() < 0.6 ? 204 : replies[Math.floor(random() * replies.length)]!;
    };
    const owners = await Promise.all(Array.from({ length: 8 }, (_, n) => stage.addOwner(visitorId(n))));
    const sent = owners.map((): string[] => []);
    const workers = [await stage.startWorker({ random }), await stage.startWorker({ random })];
    for (let round = 0; round < 12; round++) {
      const n = Math.floor(random() * owners.length);
      sent[n]!.push(...(await stage.commit(owners[n]!, ['ACTIVATE', 'RENEWAL_ENABLED'])));
      for (const worker of workers) worker.wake();
      if (random() < 0.5) stage.clock.advance(random() * 20_000);
    }
    const all = sent.flat();
    await until(async () => {
      stage.clock.advance(60_000);
      await new Promise((resolve) => setTimeout(resolve, 15));
      return (await stage.deliveries(all)).every((row) => row.state === 'delivered');
    });

    const arrivals = new Map<string, number>();
    const order = new Map<string, string[]>();
    for (const { reply, visitor, eventIds, overlap } of collector.hits) {
      expect(overlap).toBe(0);
      // A gateway's 502 may stand before a collector that has recorded the request; ours has not.
      if (reply !== 204 && reply !== 'reset') continue;
      for (const eventId of eventIds) {
        const count = arrivals.get(eventId) ?? 0;
        arrivals.set(eventId, count + 1);
        if (count === 0) order.set(visitor, [...(order.get(visitor) ?? []), eventId]);
      }
    }
    for (const [n, events] of sent.entries()) expect(order.get(visitorId(n)) ?? []).toEqual(events);
    const marked = new Set((await stage.deliveries(all)).filter((row) => row.ambiguous).map((row) => row.event_id));
    expect([...arrivals].filter(([eventId, count]) => count > 1 && !marked.has(eventId))).toEqual([]);
    expect(await stage.leftovers()).toEqual([]);
  },
);

test('an outcome that cannot be stored keeps no other from being written', async () => {
  const owners = await Promise.all(Array.from({ length: 6 }, (_, n) => stage.addOwner(visitorId(n))));
  const events = (await Promise.all(owners.map((owner) => stage.commit(owner, ['ACTIVATE'])))).flat();
  // Written through a database that chokes on one visitor's attempts, until it is mended.
  let isBroken = true;
  const choking = {
    ...stage.db,
    query: ((statement, values) => {
      const isItsAttempt =
        statement.text.includes('insert into attempt') && JSON.stringify(values).includes(visitorId(2));
      if (isBroken && isItsAttempt)
        return Promise.reject(Object.assign(new Error('no such column'), { code: '42703' }));
      return stage.db.query(statement, values);
    }) as typeof stage.db.query,
  };
  const worker = await stage.startWorker({ db: choking });
  worker.wake();
  const others = events.filter((_, n) => n !== 2);
  await until(async () => (await stage.deliveries(others)).every((row) => row.state === 'delivered'));
  expect(await stage.deliveries([events[2]!])).toMatchObject([{ state: 'queued' }]);
  isBroken = false;
  await until(async () => (await stage.deliveries(events)).every((row) => row.state === 'delivered'));
  expect(collector.hits).toHaveLength(6);
});

test('a database that is away for a while loses no outcome', async () => {
  const owners = await Promise.all(Array.from({ length: 10 }, (_, n) => stage.addOwner(visitorId(n))));
  const events = (await Promise.all(owners.map((owner) => stage.commit(owner)))).flat();
  let isAway = false;
  const flaky = {
    ...stage.db,
    query: ((statement, values) =>
      isAway
        ? Promise.reject(Object.assign(new Error('connection terminated'), { code: 'ECONNRESET' }))
        : stage.db.query(statement, values)) as typeof stage.db.query,
  };
  collector.script = () => {
    isAway = true;
    return 204;
  };
  const worker = await stage.startWorker({ db: flaky });
  worker.wake();
  await until(() => collector.hits.length === 10);
  await new Promise((resolve) => setTimeout(resolve, 300));
  collector.script = () => 204;
  isAway = false;
  await until(async () => (await stage.deliveries(events)).every((row) => row.state === 'delivered'));
  expect(collector.hits).toHaveLength(10);
  expect((await stage.deliveries(events)).every((row) => row.tries === 1 && !row.ambiguous)).toBe(true);
});
