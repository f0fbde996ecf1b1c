import { afterEach, beforeEach, expect, test } from 'vitest';
import { Collector } from './fixtures/collector.ts';
import { createStage, type Stage, until, visitorId } from './fixtures/stage.ts';

let collector: Collector;
let stage: Stage;

beforeEach(async () => {
  collector = await Collector.listen();
  stage = await createStage(collector.origin);
});
afterEach(async () => {
  collector.script = () => 204;
  await stage.close();
  await collector.close();
});

const MINUTE = 60_000;
const allAre = (eventIds: readonly string[], state: string) => async () =>
  (await stage.deliveries(eventIds)).every((row) => row.state === state);
const destination = async () =>
  (
    await stage.sql<Record<string, unknown>>(
      `select state, reason, probes, failures, max_per_second, paused_ms from destination`,
    )
  )[0];
/** Long enough for a poll and several rounds. */
const aWhile = () => new Promise((resolve) => setTimeout(resolve, 400));

test('a redirect pauses; probes come after 1, 5, 15 minutes with the oldest batch; the first success resumes', async () => {
  const worker = await stage.startWorker();
  collector.script = () => ({ status: 302, headers: { location: `${collector.origin}/elsewhere` } });
  const first = await stage.commit(await stage.addOwner(visitorId(1)));
  worker.wake();
  await until(async () => (await destination())?.['state'] === 'paused');
  const second = await stage.commit(await stage.addOwner(visitorId(2)));
  worker.wake();
  await aWhile();
  expect(collector.hits.map((hit) => hit.visitor)).toEqual([visitorId(1)]);
  expect(await destination()).toMatchObject({ reason: 'HTTP 302', probes: 0 });
  expect((await stage.deliveries(first)).map((row) => row.state)).toEqual(first.map(() => 'queued'));

  for (const [probe, minutes] of [1, 5, 15].entries()) {
    stage.clock.advance(minutes * MINUTE - 1);
    await aWhile();
    expect(collector.hits).toHaveLength(probe + 1);
    if (probe === 2) collector.script = () => 204;
    stage.clock.advance(1);
    await until(() => collector.hits.length > probe + 1);
    expect(collector.hits[probe + 1]!.eventIds).toEqual(first);
    if (probe < 2) await until(async () => (await destination())?.['probes'] === probe + 1);
  }
  await until(allAre([...first, ...second], 'delivered'));
  expect(await destination()).toMatchObject({ state: 'active', reason: null, probes: 0, paused_ms: 21 * MINUTE });
  expect(await stage.leftovers()).toEqual([]);
});

test('the time of a pause does not count against the retry window', async () => {
  stage.changeSettings({ retryWindowHours: 1 });
  const worker = await stage.startWorker();
  const events = await stage.commit(await stage.addOwner(visitorId(1)), ['ACTIVATE']);
  collector.script = () => 500;
  worker.wake();
  await until(allAre(events, 'retrying'));
  collector.script = () => 404;
  stage.clock.advance(2_000);
  await until(async () => (await destination())?.['state'] === 'paused');
  collector.script = () => 204;
  stage.clock.advance(5 * 60 * MINUTE);
  await until(allAre(events, 'delivered'));

  // The same, but the attempt that ends the wait fails in passing: an hour of tries is still to come.
  collector.script = () => 500;
  const more = await stage.commit(await stage.addOwner(visitorId(2)), ['ACTIVATE']);
  worker.wake();
  await until(allAre(more, 'retrying'));
  collector.script = () => 404;
  stage.clock.advance(2_000);
  await until(async () => (await destination())?.['state'] === 'paused');
  collector.script = () => 500;
  const tries = (await stage.deliveries(more))[0]!.tries;
  stage.clock.advance(5 * 60 * MINUTE);
  await until(async () => (await stage.deliveries(more))[0]!.tries > tries);
  expect((await stage.deliveries(more)).map((row) => row.state)).toEqual(['retrying']);
});

test('new settings are tried at once', async () => {
  const worker = await stage.startWorker();
  collector.script = (hit) => (hit.site === '640001' ? 403 : 204);
  const events = await stage.commit(await stage.addOwner(visitorId(1)));
  worker.wake();
  await until(async () => (await destination())?.['state'] === 'paused');
  stage.changeSettings({ siteId: '640002' });
  await until(allAre(events, 'delivered'));
  expect(collector.hits.map((hit) => hit.site)).toEqual(['640001', '640002']);
});

test('ten transient failures in a row open the breaker for a minute; then one batch is tried', async () => {
  stage.changeSettings({ maxParallel: 1 });
  const worker = await stage.startWorker();
  collector.script = () => 503;
  const events: string[] = [];
  for (let n = 0; n < 14; n++) events.push(...(await stage.commit(await stage.addOwner(visitorId(n)), ['ACTIVATE'])));
  worker.wake();
  await until(async () => (await destination())?.['state'] === 'open');
  await aWhile();
  expect(collector.hits).toHaveLength(10);
  stage.clock.advance(MINUTE);
  await until(() => collector.hits.length === 11);
  await aWhile();
  expect(collector.hits).toHaveLength(11);
  collector.script = () => 204;
  stage.clock.advance(MINUTE);
  await until(allAre(events, 'delivered'));
  expect(await destination()).toMatchObject({ state: 'active', failures: 0, paused_ms: 0 });
});

test('a success in between keeps the breaker closed', async () => {
  stage.changeSettings({ maxParallel: 1 });
  const worker = await stage.startWorker();
  collector.script = (_, index) => (index % 9 === 8 ? 204 : 503);
  for (let n = 0; n < 27; n++) await stage.commit(await stage.addOwner(visitorId(n)), ['ACTIVATE']);
  worker.wake();
  await until(() => collector.hits.length === 27);
  await aWhile();
  expect((await destination())?.['state']).toBe('active');
});

test('a request to slow down is heeded, then the rate is halved and grows back', async () => {
  const worker = await stage.startWorker();
  collector.script = (_, index) => (index === 0 ? { status: 429, headers: { 'retry-after': '30' } } : 204);
  const events = await stage.commit(await stage.addOwner(visitorId(1)));
  worker.wake();
  await until(allAre(events, 'retrying'));
  const others = await stage.commit(await stage.addOwner(visitorId(2)));
  worker.wake();
  stage.clock.advance(29_999);
  await aWhile();
  expect(collector.hits).toHaveLength(1);
  expect((await destination())?.['max_per_second']).toBe(1);
  stage.clock.advance(1);
  await until(allAre([...events, ...others], 'delivered'));
  for (let n = 0; n < 12 && (await destination())?.['max_per_second'] !== null; n++) {
    stage.clock.advance(MINUTE);
    await aWhile();
  }
  expect((await destination())?.['max_per_second']).toBeNull();
});

test('one integration’s trouble is not another’s', async () => {
  const other = await Collector.listen();
  try {
    const second = await stage.addIntegration({ collectionDomain: other.origin });
    const worker = await stage.startWorker();
    const hung: (() => void)[] = [];
    collector.script = () => new Promise<number>((resolve) => hung.push(() => resolve(204)));
    const stuck: string[] = [];
    const free: string[] = [];
    for (let n = 0; n < 40; n++) stuck.push(...(await stage.commit(await stage.addOwner(visitorId(n)), ['ACTIVATE'])));
    worker.wake();
    await until(() => hung.length === 32);
    for (let n = 0; n < 10; n++) {
      free.push(
        ...(await stage.commit(await stage.addOwner(visitorId(100 + n)), ['ACTIVATE'], { integrationIds: [second] })),
      );
    }
    worker.wake();
    await until(allAre(free, 'delivered'));
    expect((await stage.deliveries(stuck)).every((row) => row.state === 'queued')).toBe(true);
    const free32 = setInterval(() => hung.splice(0).forEach((answer) => answer()), 5);
    await until(allAre(stuck, 'delivered'));
    clearInterval(free32);
  } finally {
    await other.close();
  }
});
