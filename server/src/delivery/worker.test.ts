import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { releaseHeld } from '../storage/queries/delivery.ts';
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

const states = async (eventIds: readonly string[]) =>
  (await stage.deliveries(eventIds)).map(({ state, reason }) => (reason ? `${state}/${reason}` : state));
const allAre = (eventIds: readonly string[], state: string) => async () =>
  (await states(eventIds)).every((entry) => entry === state);

describe('the ordinary way', () => {
  test('events of one commit travel together, exactly as encoded, and are delivered', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(visitorId(1));
    const events = await stage.commit(owner);
    worker.wake();
    await until(allAre(events, 'delivered'));
    expect(collector.hits).toMatchObject([
      {
        visitor: visitorId(1),
        site: '640001',
        eventIds: events,
        names: ['ACTIVATE', 'SUBSCRIPTION_RENEWED', 'TRANSACTION_PROCESSED'],
      },
    ]);
    const told = collector.hits[0]!.headers.map(([name]) => name.toLowerCase());
    expect(told.toSorted()).toEqual(['accept', 'connection', 'content-length', 'content-type', 'host', 'user-agent']);
    expect(told.filter((name) => ['content-type', 'user-agent', 'accept'].includes(name))).toEqual([
      'content-type',
      'user-agent',
      'accept',
    ]);
    expect(Object.fromEntries(collector.hits[0]!.headers)).toMatchObject({
      'User-Agent': 'Pianola/1.0.0',
      'Content-Type': 'text/plain;charset=UTF-8',
      Accept: '*/*',
    });
    expect(await stage.deliveries(events)).toMatchObject(
      events.map(() => ({ tries: 1, client_id: visitorId(1), ambiguous: false })),
    );
    expect(await stage.attempts()).toEqual([
      {
        trigger: 'automatic',
        class: 'success',
        status: 204,
        ambiguous: false,
        bytes_written: true,
        event_ids: events,
        error: null,
        request_body: null,
      },
    ]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('many visitors, many commits: each visitor in order, never two requests at once, nothing twice', async () => {
    const owners = await Promise.all(Array.from({ length: 12 }, (_, n) => stage.addOwner(visitorId(n))));
    const sent = owners.map((): string[] => []);
    const before = await Promise.all(owners.map((owner) => stage.commit(owner)));
    before.forEach((events, n) => sent[n]!.push(...events));
    const worker = await stage.startWorker();
    for (let round = 0; round < 8; round++) {
      for (const [n, owner] of owners.entries())
        sent[n]!.push(...(await stage.commit(owner, ['RENEWAL_DISABLED', 'RENEWAL_ENABLED'])));
      worker.wake();
    }
    await until(allAre(sent.flat(), 'delivered'));
    for (const [n, events] of sent.entries()) expect(collector.eventsOf(visitorId(n))).toEqual(events);
    expect(collector.hits.filter((hit) => hit.overlap > 0)).toEqual([]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('a visitor’s backlog goes in batches of at most fifty', async () => {
    const owner = await stage.addOwner(visitorId(1));
    const events: string[] = [];
    for (let n = 0; n < 12; n++)
      events.push(
        ...(await stage.commit(
          owner,
          Array.from({ length: 10 }, () => 'ACTIVATE' as const),
        )),
      );
    await stage.startWorker();
    await until(allAre(events, 'delivered'));
    expect(collector.hits.map((hit) => hit.eventIds.length)).toEqual([50, 50, 20]);
    expect(collector.eventsOf(visitorId(1))).toEqual(events);
  });

  test('two lanes with one client id are never in flight together', async () => {
    const owners = [
      await stage.addOwner(visitorId(1)),
      await stage.addOwner(visitorId(1)),
      await stage.addOwner(visitorId(1)),
    ];
    collector.script = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return 204;
    };
    const events = (await Promise.all(owners.flatMap((owner) => [stage.commit(owner), stage.commit(owner)]))).flat();
    await stage.startWorker();
    await until(allAre(events, 'delivered'));
    expect(collector.hits.map((hit) => hit.overlap)).toEqual(collector.hits.map(() => 0));
    expect(collector.eventsOf(visitorId(1)).toSorted()).toEqual(events.toSorted());
  });

  test('sandbox and production of one owner are lanes of their own', async () => {
    stage.changeSettings({ sandboxEvents: 'other-site', sandboxSiteId: '640002' });
    const owner = await stage.addOwner(visitorId(1));
    const events = [
      ...(await stage.commit(owner, ['ACTIVATE'])),
      ...(await stage.commit(owner, ['ACTIVATE'], { environment: 'SANDBOX' })),
    ];
    await stage.startWorker();
    await until(allAre(events, 'delivered'));
    expect(collector.hits.map((hit) => hit.site).toSorted()).toEqual(['640001', '640002']);
  });
});

describe('what is not sent', () => {
  test('held without a client id, released in order when one comes', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(null);
    const first = await stage.commit(owner);
    worker.wake();
    await until(allAre(first, 'held/no_client_id'));
    const second = await stage.commit(owner);
    worker.wake();
    await until(allAre(second, 'held/no_client_id'));
    expect(collector.hits).toEqual([]);
    const released = await stage.db.transaction(async (tx) => {
      await tx.query({ name: 't_id', text: `update app_user set integration_ids = $2 where id = $1` }, [
        owner,
        { at_internet_id_client: visitorId(9) },
      ]);
      return releaseHeld(tx, stage.appId, owner, stage.clock.now());
    });
    expect(released).toBe(6);
    worker.wake();
    await until(allAre([...first, ...second], 'delivered'));
    expect(collector.eventsOf(visitorId(9))).toEqual([...first, ...second]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('an id that comes while the hold is being written is not missed', async () => {
    const worker = await stage.startWorker();
    const owners = await Promise.all(Array.from({ length: 30 }, () => stage.addOwner(null)));
    const events: string[] = [];
    await Promise.all(
      owners.map(async (owner, n) => {
        events.push(...(await stage.commit(owner, ['ACTIVATE'])));
        worker.wake();
        await stage.db.transaction(async (tx) => {
          await tx.query({ name: 't_id', text: `update app_user set integration_ids = $2 where id = $1` }, [
            owner,
            { at_internet_id_client: visitorId(n) },
          ]);
          await releaseHeld(tx, stage.appId, owner, stage.clock.now());
        });
        worker.wake();
      }),
    );
    await until(allAre(events, 'delivered'));
    expect(await stage.leftovers()).toEqual([]);
  });

  test('a hold ends as suppressed', async () => {
    const worker = await stage.startWorker();
    const events = await stage.commit(await stage.addOwner(null));
    worker.wake();
    await until(allAre(events, 'held/no_client_id'));
    stage.clock.advance(72 * 3_600_000 - 1);
    expect(await states(events)).toEqual(events.map(() => 'held/no_client_id'));
    stage.clock.advance(1);
    await until(allAre(events, 'suppressed/no_client_id'));
    expect(collector.hits).toEqual([]);
  });

  test('privacy, erasure, unknown users and dropped sandbox events each have their reason', async () => {
    const worker = await stage.startWorker();
    stage.changeSettings({ sandboxEvents: 'drop' });
    const optedOut = await stage.commit(await stage.addOwner(visitorId(1), { privacy_mode: 'optout' }));
    const erased = await stage.commit(await stage.addOwner(visitorId(2), { erased: true }));
    const unknown = await stage.commit(null);
    const sandbox = await stage.commit(await stage.addOwner(visitorId(3)), ['ACTIVATE'], { environment: 'SANDBOX' });
    worker.wake();
    await until(allAre(optedOut, 'suppressed/privacy_optout'));
    await until(allAre(erased, 'suppressed/erased'));
    await until(allAre(sandbox, 'suppressed/sandbox_dropped'));
    expect(await states(unknown)).toEqual(unknown.map(() => 'suppressed/unknown_user'));
    expect(collector.hits).toEqual([]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('a disabled integration keeps what is queued', async () => {
    stage.changeSettings({ enabled: true });
    const events = await stage.commit(await stage.addOwner(visitorId(1)));
    stage.changeSettings({ enabled: false });
    const worker = await stage.startWorker();
    worker.wake();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await states(events)).toEqual(events.map(() => 'queued'));
    stage.changeSettings({ enabled: true });
    await until(allAre(events, 'delivered'));
  });
});

describe('transient failures', () => {
  test('are tried again by the schedule, in order, and later events wait', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(visitorId(1));
    collector.script = (_, index) => (index < 2 ? 500 : 204);
    const first = await stage.commit(owner);
    worker.wake();
    await until(allAre(first, 'retrying'));
    const second = await stage.commit(owner);
    worker.wake();
    stage.clock.advance(999);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(collector.hits).toHaveLength(1);
    stage.clock.advance(1); // the jitter is 0 here: 1 s after each failure
    await until(() => collector.hits.length === 2);
    await until(async () => (await stage.deliveries(first)).every((row) => row.tries === 2));
    stage.clock.advance(1_000);
    await until(allAre([...first, ...second], 'delivered'));
    // Those that failed together travel with those that waited behind them.
    const retried = collector.hits.flatMap((hit, index) => (index < 2 ? [] : hit.eventIds));
    expect(collector.hits[0]!.eventIds).toEqual(first);
    expect(collector.hits[1]!.eventIds.slice(0, 3)).toEqual(first);
    expect(retried).toEqual([...first, ...second]);
    expect(
      (await stage.attempts()).map((attempt) => [attempt.class, attempt.status, attempt.request_body === null]),
    ).toEqual([
      ['transient', 500, false],
      ['transient', 500, false],
      ['success', 204, true],
    ]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('of one visitor do not delay the others', async () => {
    const worker = await stage.startWorker();
    collector.script = (hit) => (hit.visitor === visitorId(0) ? 500 : 204);
    const failing = await stage.commit(await stage.addOwner(visitorId(0)));
    const others: string[] = [];
    for (let n = 1; n <= 30; n++) others.push(...(await stage.commit(await stage.addOwner(visitorId(n)))));
    worker.wake();
    await until(allAre(others, 'delivered'));
    await until(allAre(failing, 'retrying'));
  });

  test('a request recorded and then cut is ambiguous, and repeated to the same visitor', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(visitorId(1));
    collector.script = (_, index) => (index === 0 ? 'reset' : 204);
    const events = await stage.commit(owner);
    worker.wake();
    await until(allAre(events, 'retrying'));
    // A new device in between: the retry goes to the visitor of the first attempt, later events to the new one.
    await stage.sql(`update app_user set integration_ids = $2 where id = $1`, [
      owner,
      { at_internet_id_client: visitorId(2) },
    ]);
    const later = await stage.commit(owner, ['ACTIVATE']);
    stage.clock.advance(1_000);
    await until(allAre([...events, ...later], 'delivered'));
    expect(collector.hits.map((hit) => [hit.visitor, hit.eventIds])).toEqual([
      [visitorId(1), events],
      [visitorId(1), events],
      [visitorId(2), later],
    ]);
    expect(await stage.deliveries(events)).toMatchObject(events.map(() => ({ ambiguous: true, tries: 2 })));
    expect(await stage.deliveries(later)).toMatchObject([{ ambiguous: false }]);
    expect(await stage.attempts()).toMatchObject([
      { class: 'transient', ambiguous: true, bytes_written: true, status: null },
      { class: 'success', ambiguous: false },
      { class: 'success', ambiguous: false },
    ]);
  });

  test('a refused connection is not ambiguous: no byte was written', async () => {
    const worker = await stage.startWorker();
    stage.changeSettings({ collectionDomain: 'http://127.0.0.1:1' });
    const events = await stage.commit(await stage.addOwner(visitorId(1)));
    worker.wake();
    await until(allAre(events, 'retrying'));
    expect(await stage.attempts()).toMatchObject([
      { class: 'transient', ambiguous: false, bytes_written: false, error: 'ECONNREFUSED' },
    ]);
    expect(await stage.deliveries(events)).toMatchObject(events.map(() => ({ ambiguous: false })));
  });

  test('when the window has passed, events are parked and the lane goes on', async () => {
    stage.changeSettings({ retryWindowHours: 1 });
    const worker = await stage.startWorker({ random: () => 0.999 });
    collector.script = (_, index) => (index < 9 ? 500 : 204);
    const owner = await stage.addOwner(visitorId(1));
    const events = await stage.commit(owner, ['ACTIVATE']);
    worker.wake();
    for (let n = 1; n < 9; n++) {
      await until(async () => (await stage.deliveries(events)).every((row) => row.tries === n));
      stage.clock.advance(Math.min(1_300_000, 1_000 + 5_000 * 2 ** n));
      worker.wake();
    }
    await until(allAre(events, 'parked/retry_window'));
    const next = await stage.commit(owner, ['ACTIVATE']);
    worker.wake();
    await until(allAre(next, 'delivered'));
    expect(await stage.leftovers()).toEqual([]);
  });
});

describe('refused events', () => {
  test('400: each alone; what is refused again is a dead letter, the rest is delivered', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(visitorId(1));
    const events = await stage.commit(owner, [
      'ACTIVATE',
      'SUBSCRIPTION_RENEWED',
      'RENEWAL_DISABLED',
      'RENEWAL_ENABLED',
    ]);
    const bad = events[2]!;
    collector.script = (hit) => (hit.eventIds.includes(bad) ? 400 : 204);
    worker.wake();
    await until(async () =>
      (await states(events)).every((state) => state === 'delivered' || state === 'dead_letter/refused'),
    );
    expect(await states(events)).toEqual(['delivered', 'delivered', 'dead_letter/refused', 'delivered']);
    expect(collector.hits.map((hit) => hit.eventIds)).toEqual([events, ...events.map((event) => [event])]);
    expect(await stage.leftovers()).toEqual([]);
  });

  test('413: halved first, then each alone', async () => {
    const worker = await stage.startWorker();
    const events = await stage.commit(await stage.addOwner(visitorId(1)), [
      'ACTIVATE',
      'SUBSCRIPTION_RENEWED',
      'RENEWAL_DISABLED',
      'RENEWAL_ENABLED',
    ]);
    collector.script = (hit) => (hit.eventIds.length > 1 && hit.eventIds[0] === events[0] ? 413 : 204);
    worker.wake();
    await until(allAre(events, 'delivered'));
    expect(collector.hits.map((hit) => hit.eventIds.length)).toEqual([4, 2, 1, 1, 2]);
  });

  test('an event too large by itself does not hold up its lane', async () => {
    const worker = await stage.startWorker();
    const owner = await stage.addOwner(visitorId(1));
    const [large] = await stage.commit(owner, ['ACTIVATE']);
    const more = Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`more_${n}`, 'x'.repeat(200)]));
    await stage.sql(`update event set attributes = (attributes::jsonb || $2::jsonb)::json where event_id = $1`, [
      large,
      more,
    ]);
    const next = await stage.commit(owner, ['ACTIVATE']);
    worker.wake();
    await until(allAre([large!], 'dead_letter/oversize'));
    await until(allAre(next, 'delivered'));
    expect(await stage.leftovers()).toEqual([]);
  });
});
