import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { settleDelivered } from '../storage/queries/attempt.ts';
import { setAside } from '../storage/queries/delivery.ts';
import { insertSending, takeOver, withdrawUnflown } from '../storage/queries/sending.ts';
import { acquire, beat } from '../storage/queries/shard-lease.ts';
import { laneOf, SHARDS } from './enqueue.ts';
import { Collector } from './fixtures/collector.ts';
import { createStage, type Stage, until, visitorId } from './fixtures/stage.ts';

let collector: Collector;
let stage: Stage;

beforeEach(async () => {
  collector = await Collector.listen();
  stage = await createStage(collector.origin, { size: 20 });
});
afterEach(async () => {
  collector.script = () => 204;
  await stage.close();
  await collector.close();
});

const allAre = (eventIds: readonly string[], state: string) => async () =>
  (await stage.deliveries(eventIds)).every((row) => row.state === state);

/** A process that took all shards, wrote that it sends these events, and was killed. */
async function leaveBehind(owner: string, eventIds: readonly string[]) {
  const holder = randomUUID();
  await beat(stage.db, 'deliver', holder, 1);
  const leases = await acquire(stage.db, 'deliver', holder, SHARDS, false);
  const lane = laneOf(stage.appId, stage.integrationId, 'PRODUCTION', owner);
  const lease = leases.find(({ shard }) => shard === lane % SHARDS)!;
  const ids = await stage.sql<{ id: number }>(`select id from delivery where event_id = any($1) order by id`, [
    eventIds,
  ]);
  const row = {
    appId: stage.appId,
    integrationId: stage.integrationId,
    environment: 'PRODUCTION' as const,
    clientId: visitorId(1),
    ...lease,
    lane,
    deliveryIds: ids.map(({ id }) => id),
    eventIds,
    settingsVersion: 1,
  };
  expect(await insertSending(stage.db, [lease], [row])).toEqual(new Set([lane]));
  return { lease, row };
}

function attemptFor({ lease, row }: Awaited<ReturnType<typeof leaveBehind>>) {
  return {
    id: randomUUID(),
    at: stage.clock.now(),
    appId: row.appId,
    integrationId: row.integrationId,
    environment: row.environment,
    clientId: row.clientId,
    ...lease,
    settingsVersion: 1,
    userAgent: null,
    address: null,
    privacyMode: null,
    privacyConsent: null,
    bodyHash: Buffer.alloc(32),
    status: 204,
    durationMs: 1,
  };
}

test('what a killed process left in flight is ambiguous, and sent once more before anything else of that visitor', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  await leaveBehind(owner, events);
  const later = await stage.commit(owner, ['ACTIVATE']);
  await stage.startWorker();
  await until(allAre([...events, ...later], 'delivered'));
  expect(collector.eventsOf(visitorId(1))).toEqual([...events, ...later]);
  expect(await stage.deliveries(events)).toMatchObject(events.map(() => ({ ambiguous: true, tries: 2 })));
  expect(await stage.deliveries(later)).toMatchObject([{ ambiguous: false, tries: 1 }]);
  expect((await stage.attempts()).filter((attempt) => attempt.trigger === 'takeover')).toMatchObject([
    { class: 'transient', ambiguous: true, bytes_written: true, event_ids: events },
  ]);
  expect(await stage.leftovers()).toEqual([]);
});

test('the visitor of the lost request is kept for the repeat', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  await leaveBehind(owner, events);
  await stage.sql(`update app_user set integration_ids = $2 where id = $1`, [
    owner,
    { at_internet_id_client: visitorId(2) },
  ]);
  await stage.startWorker();
  await until(allAre(events, 'delivered'));
  expect(collector.hits.map((hit) => hit.visitor)).toEqual([visitorId(1)]);
});

test('an answer that comes after the shard was lost changes nothing', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  const left = await leaveBehind(owner, events);
  // Somebody else takes the shards; the row of the first is still there.
  const other = randomUUID();
  await beat(stage.db, 'deliver', other, 60_000);
  await stage.sql(`update shard_member set until = '-infinity' where holder <> $1`, [other]);
  await acquire(stage.db, 'deliver', other, SHARDS, false);
  expect(await settleDelivered(stage.db, [attemptFor(left)], '1.0.0', stage.clock.now())).toEqual(new Set());
  expect(await stage.deliveries(events)).toMatchObject(events.map(() => ({ state: 'queued', tries: 0 })));
  expect(await stage.attempts()).toEqual([]);
  expect(await stage.sql(`select count(*)::int as n from sending`)).toEqual([{ n: 1 }]);
  // Nor can the first process begin anything, or put anything aside.
  expect(await insertSending(stage.db, [left.lease], [{ ...left.row, clientId: visitorId(5) }])).toEqual(new Set());
  const aside = {
    appId: stage.appId,
    lane: left.row.lane,
    id: left.row.deliveryIds[0]!,
    state: 'suppressed',
    reason: 'erased',
  } as const;
  const rest = { holdUntil: null, idName: 'at_internet_id_client', clientId: null, note: null };
  expect(await setAside(stage.db, [left.lease], [{ ...aside, ...rest }], stage.clock.now())).toEqual([]);
});

test('an answer is settled once', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  const left = await leaveBehind(owner, events);
  const settle = () => settleDelivered(stage.db, [attemptFor(left)], '1.0.0', stage.clock.now());
  const both = await Promise.all([settle(), settle()]);
  expect(both.map((lanes) => lanes.size).toSorted()).toEqual([0, 1]);
  expect(await stage.deliveries(events)).toMatchObject(events.map(() => ({ state: 'delivered', tries: 1 })));
  expect(await stage.leftovers()).toEqual([]);
});

test('a row that this very process does not know of goes without a trace, once it is old', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  const { lease, row } = await leaveBehind(owner, events);
  expect(await takeOver(stage.db, [lease], '1.0.0', stage.clock.now())).toBe(0);
  expect(await withdrawUnflown(stage.db, [lease], [])).toBe(0);
  await stage.sql(`update sending set started_at = clock_timestamp() - interval '11 s'`);
  expect(await withdrawUnflown(stage.db, [lease], [row.lane])).toBe(0);
  expect(await withdrawUnflown(stage.db, [lease], [])).toBe(1);
  expect(await stage.deliveries(events)).toMatchObject(
    events.map(() => ({ state: 'queued', ambiguous: false, tries: 0 })),
  );
  expect(await stage.attempts()).toEqual([]);
});

test('with an embedded database there is nobody to wait for', async () => {
  const owner = await stage.addOwner(visitorId(1));
  const events = await stage.commit(owner);
  await leaveBehind(owner, events);
  await stage.sql(`update shard_member set until = 'infinity'`);
  await stage.startWorker({ exclusive: true });
  await until(allAre(events, 'delivered'));
  expect(collector.hits).toHaveLength(1);
});

test('two processes share the shards; nothing is sent twice, and each visitor stays in order', async () => {
  const owners = await Promise.all(Array.from({ length: 24 }, (_, n) => stage.addOwner(visitorId(n))));
  const workers = [await stage.startWorker()];
  const sent = owners.map((): string[] => []);
  const holders = async () =>
    (await stage.sql<{ n: number }>(`select count(*)::int as n from shard_lease group by holder order by n`)).map(
      ({ n }) => n,
    );
  const more = async () => {
    for (const [n, owner] of owners.entries())
      sent[n]!.push(...(await stage.commit(owner, ['RENEWAL_DISABLED', 'RENEWAL_ENABLED'])));
    for (const worker of workers) worker.wake();
  };
  await more();
  workers.push(await stage.startWorker());
  // The second gets its half while both are busy.
  await until(async () => {
    await more();
    return (await holders()).join() === '128,128';
  });
  await more();
  await until(allAre(sent.flat(), 'delivered'));
  for (const [n, events] of sent.entries()) expect(collector.eventsOf(visitorId(n))).toEqual(events);
  expect(collector.hits.filter((hit) => hit.overlap > 0)).toEqual([]);
  expect((await stage.attempts()).every((attempt) => attempt.class === 'success' && !attempt.ambiguous)).toBe(true);
  expect(await stage.leftovers()).toEqual([]);
  // One leaves: the other has it all again.
  await workers[0]!.stop();
  await until(async () => (await holders()).join() === '256');
  await more();
  await until(allAre(sent.flat(), 'delivered'));
});

test('stopping waits for what is in flight', async () => {
  const worker = await stage.startWorker();
  let answer = () => {};
  collector.script = () => new Promise<number>((resolve) => (answer = () => resolve(204)));
  const events = await stage.commit(await stage.addOwner(visitorId(1)));
  worker.wake();
  await until(() => collector.hits.length === 1);
  const stopped = worker.stop();
  await stage.commit(await stage.addOwner(visitorId(2)));
  worker.wake();
  setTimeout(() => answer(), 50);
  await stopped;
  expect(collector.hits).toHaveLength(1);
  expect(await allAre(events, 'delivered')()).toBe(true);
  expect(await stage.sql(`select count(*)::int as n from shard_lease where holder is not null`)).toEqual([{ n: 0 }]);
});
