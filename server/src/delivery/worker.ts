/**
 * Sends what is queued.
 *
 * One process works the shards it holds (shards.ts). A lane, that is one owner's deliveries to one target, is in one of these states
 * here, and in none when it has nothing due:
 *
 *   claimed   read from the queue in a round, planned (lanes.ts): what may not be sent is set aside, the rest is one encoded batch
 *   in flight its batch is in `sending`, committed before a byte leaves, and the request is under way
 *   settling  the answer is here; one statement writes attempt and fates and deletes the `sending` row (settle.ts)
 *   resting   its visitor is in flight for another lane, here or in another process: claimed again when that ends, or a little later
 *
 * Lanes in flight, settling or resting are left out of the next claim, so that order needs no lock per delivery: the next batch of
 * a lane is read after the one before has been settled. A lane whose first event must wait is put off as a whole in the queue.
 *
 * Rounds follow each other as long as they find something; `wake` and the poll start them. A round never waits for an answer.
 * If the process dies, its `sending` rows stay; whoever takes the shard over marks them ambiguous and sends them again first.
 */
import { randomUUID } from 'node:crypto';
import type { IntegrationDefinition } from '../integrations/integration.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../storage/pool.ts';
import { expireHolds, setAside } from '../storage/queries/delivery.ts';
import { claimLanes, type ClaimedRow, type ClaimTarget, postponeLanes } from '../storage/queries/delivery-queue.ts';
import { insertSending } from '../storage/queries/sending.ts';
import type { Settings } from '../storage/settings.ts';
import { SHARDS } from './enqueue.ts';
import { gateKey, Gates, type Passage } from './gates.ts';
import { type Batch, planLane } from './lanes.ts';
import { createSender, type Sender } from './send.ts';
import { createSettler, type Flight } from './settle.ts';
import { BEAT_MS, createShards } from './shards.ts';

/** Finds what no wake told of: other processes' work, due times, new settings. Real time. */
const POLL_MS = 250;
/** Between two rounds that found something, so that under load each carries more. */
const ROUND_GAP_MS = 6;
/** When the visitor is in flight in another process; and, in ours, in case its end is not noticed. Real time. */
const REST_MS = 100;
const LONG_REST_MS = 1_000;
const HOLD_SWEEP_MS = 1_000;
const HOLD_SWEEP_ROWS = 1_000;
/** A request ends within 30 s; what cannot be settled shortly after is left to whoever takes over. */
const STOP_MS = 35_000;
/** How often the whole queue is looked at; in between only what became due since, so that vacuum's leftovers cost nothing. */
const FULL_LOOK_MS = 2_000;
/** A transaction that commits later than this after its own now is found by the next full look. */
const COMMIT_LAG_MS = 15_000;

export interface DeliveryWorkerDeps {
  db: Database;
  clock: Clock;
  settings: Settings;
  integrations: readonly IntegrationDefinition[];
  version: string;
  allowPrivateTargets: boolean;
  log: Log;
  metrics?: Metrics;
  /** No other process can be alive (embedded database): work left behind is taken over at once. */
  exclusive?: boolean;
  /** For tests. */
  random?: () => number;
  sender?: Sender;
}

export interface DeliveryWorker {
  start(): Promise<void>;
  /** There may be something to send. Cheap; call it after each commit. */
  wake(): void;
  /** Sends nothing new, waits for what is in flight, gives its shards up. */
  stop(): Promise<void>;
}

interface Rest {
  /** Real time. */
  until: number;
  visitor: string;
}

function visitorKey({ appId, integrationId, environment, visitor }: Batch): string {
  return `${gateKey({ appId, integrationId, environment })}:${visitor.clientId}`;
}

export function createDeliveryWorker(deps: DeliveryWorkerDeps): DeliveryWorker {
  const { db, clock, settings, version, log, random = Math.random } = deps;
  const now = () => clock.now();
  const sender = deps.sender ?? createSender({ allowPrivateTargets: deps.allowPrivateTargets });
  const shards = createShards({ db, log, version, now, exclusive: deps.exclusive ?? false });
  const gates = new Gates({
    db,
    log,
    definitions: deps.integrations,
    settingsOf: (appId, integrationId) => settings.integration(appId, integrationId),
    now,
    share: () => shards.share(),
  });
  /** Lanes in flight or settling, with the earliest due time of what they carry. */
  const busy = new Map<number, number>();
  const resting = new Map<number, Rest>();
  const visitors = new Set<string>();
  const settler = createSettler({ db, log, gates, version, now, random, metrics: deps.metrics, onSettled });

  let isStopping = false;
  let isWoken = false;
  let rouse: (() => void) | null = null;
  let loop: Promise<void> | null = null;
  let tending: Promise<void> | null = null;
  const timers: NodeJS.Timeout[] = [];
  let unsubscribe: (() => void) | null = null;

  function wake(): void {
    isWoken = true;
    rouse?.();
  }

  const pause = (ms: number, wakeable: boolean) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(done, ms);
      function done() {
        clearTimeout(timer);
        rouse = null;
        resolve();
      }
      if (wakeable) rouse = done;
    });

  async function run(): Promise<void> {
    while (!isStopping) {
      isWoken = false;
      let found = false;
      try {
        found = await round();
      } catch (error) {
        log.error({ err: error }, 'A round of deliveries failed');
        await pause(POLL_MS, false);
      }
      if (found) await pause(ROUND_GAP_MS, false);
      else if (!isWoken && !isStopping) await pause(POLL_MS, true);
    }
  }

  /** @returns whether there may be more */
  async function round(): Promise<boolean> {
    const owned = shards.owned();
    const passages = gates.open();
    if (passages.length === 0 || !owned.includes('1')) return false;
    for (const [lane, { until }] of resting) if (until <= performance.now()) resting.delete(lane);
    const at = now();
    const looks = passages.map((passage) => lookFor(passage));
    const lanes = await claimLanes(db, looks, [...busy.keys(), ...resting.keys()], owned, at);
    narrow(passages, looks, lanes, at);
    if (lanes.size === 0) return false;
    return work(passages, lanes, at);
  }

  function lookFor({ gate, room, probe }: Passage): ClaimTarget {
    const isFull = performance.now() - gate.lookedAt >= FULL_LOOK_MS;
    const { appId, integrationId, environment } = gate.row;
    const from = isFull || probe ? -Infinity : gate.from;
    return { appId, integrationId, environment, lanes: room, from, idName: gate.definition.visitorIdName };
  }

  /** After a full look: everything older than what it found first is settled or on its way. */
  function narrow(
    passages: readonly Passage[],
    looks: readonly ClaimTarget[],
    lanes: ReadonlyMap<number, ClaimedRow[]>,
    at: number,
  ): void {
    passages.forEach(({ gate, probe }, index) => {
      if (looks[index]!.from !== -Infinity || probe) return;
      let from = at - COMMIT_LAG_MS;
      for (const due of busy.values()) if (due < from) from = due;
      for (const rows of lanes.values()) for (const row of rows) if (row.dueAt < from) from = row.dueAt;
      if (resting.size > 0) from = Math.min(from, gate.from);
      gate.from = from;
      gate.lookedAt = performance.now();
    });
  }

  async function work(
    passages: readonly Passage[],
    lanes: ReadonlyMap<number, ClaimedRow[]>,
    at: number,
  ): Promise<boolean> {
    const byGate = new Map(passages.map((passage) => [gateKey(passage.gate.row), { ...passage }]));
    const postponed: { appId: number; lane: number; until: number }[] = [];
    const aside: Parameters<typeof setAside>[2][number][] = [];
    const ready: { batch: Batch; passage: Passage }[] = [];
    const taken = new Set<string>();
    for (const rows of lanes.values()) {
      const head = rows[0]!;
      const passage = byGate.get(gateKey(head));
      if (!passage || passage.room <= 0) continue;
      const { gate, probe } = passage;
      const plan = planLane(rows, { definition: gate.definition, settings: gate.settings, now: at, version, probe });
      if (plan.waitUntil !== null) postponed.push({ appId: head.appId, lane: head.lane, until: plan.waitUntil });
      aside.push(...plan.setAside);
      if (!plan.batch) continue;
      const visitor = visitorKey(plan.batch);
      if (visitors.has(visitor) || taken.has(visitor)) {
        rest(plan.batch, visitor, performance.now() + LONG_REST_MS);
        continue;
      }
      taken.add(visitor);
      passage.room--;
      ready.push({ batch: plan.batch, passage });
    }
    await Promise.all([
      postponed.length > 0 && postponeLanes(db, postponed),
      aside.length > 0 && setAside(db, shards.leasesOf(aside.map(({ lane }) => lane % SHARDS)), aside, at),
    ]);
    const going = await probesWon(ready);
    if (going.length > 0) await depart(going, at);
    return postponed.length + aside.length + going.length > 0;
  }

  async function probesWon(
    ready: readonly { batch: Batch; passage: Passage }[],
  ): Promise<{ batch: Batch; passage: Passage }[]> {
    const won: (typeof ready)[number][] = [];
    for (const entry of ready) if (!entry.passage.probe || (await gates.winProbe(entry.passage.gate))) won.push(entry);
    return won;
  }

  async function depart(going: readonly { batch: Batch; passage: Passage }[], at: number): Promise<void> {
    const flights: Flight[] = going.flatMap(({ batch, passage: { gate, probe } }) => {
      const shard = batch.lane % SHARDS;
      const epoch = shards.epochOf(shard);
      return epoch === undefined ? [] : [{ id: randomUUID(), batch, gate, probe, shard, epoch, sentAt: at }];
    });
    const rows = flights.map(({ batch, shard, epoch }) => ({
      appId: batch.appId,
      integrationId: batch.integrationId,
      environment: batch.environment,
      clientId: batch.visitor.clientId,
      shard,
      epoch,
      lane: batch.lane,
      deliveryIds: batch.rows.map((row) => row.id),
      eventIds: batch.rows.map((row) => row.eventId),
      settingsVersion: batch.settings.version,
    }));
    const written = await insertSending(db, shards.leasesOf(flights.map(({ shard }) => shard)), rows);
    for (const flight of flights) {
      const { batch } = flight;
      const visitor = visitorKey(batch);
      if (!written.has(batch.lane)) {
        rest(batch, visitor, performance.now() + REST_MS);
        continue;
      }
      busy.set(batch.lane, Math.min(...batch.rows.map((row) => row.dueAt)));
      visitors.add(visitor);
      gates.passed(flight.gate);
      void fly(flight);
    }
  }

  async function fly(flight: Flight): Promise<void> {
    const { batch, gate } = flight;
    const began = performance.now();
    const answer = await sender.send(batch.request);
    const isFull = gate.inFlight-- >= gate.pace.maxParallel;
    settler.add({
      flight,
      answer,
      outcome: batch.definition.read(answer, { now: now() }),
      durationMs: performance.now() - began,
    });
    if (isFull) wake();
  }

  function rest(batch: Batch, visitor: string, until: number): void {
    resting.set(batch.lane, { until, visitor });
  }

  function onSettled(flights: readonly Flight[]): void {
    for (const { batch } of flights) {
      busy.delete(batch.lane);
      const visitor = visitorKey(batch);
      visitors.delete(visitor);
      // One lane that waited for this visitor moves on: the one that has waited longest.
      const next = [...resting].find(([, waiting]) => waiting.visitor === visitor);
      if (next) resting.delete(next[0]);
    }
    wake();
  }

  const shardsInUse = () => new Set([...busy.keys(), ...resting.keys()].map((lane) => lane % SHARDS));

  function tend(): Promise<void> {
    tending ??= (async () => {
      try {
        const inUse = shardsInUse();
        await shards.tend((shard) => inUse.has(shard));
        wake();
      } catch (error) {
        log.error({ err: error }, 'Shards could not be tended');
      } finally {
        tending = null;
      }
    })();
    return tending;
  }

  function every(ms: number, what: string, act: () => Promise<unknown>): void {
    let isRunning = false;
    const timer = setInterval(() => {
      if (isRunning || isStopping) return;
      isRunning = true;
      act()
        .catch((error: unknown) => log.error({ err: error }, `${what} failed`))
        .finally(() => (isRunning = false));
    }, ms);
    timers.push(timer);
  }

  return {
    async start() {
      await tend();
      await gates.refresh();
      loop = run();
      every(BEAT_MS, 'Tending shards', tend);
      every(POLL_MS, 'Reading destinations', () => gates.refresh());
      every(HOLD_SWEEP_MS, 'Ending holds', () => expireHolds(db, now(), HOLD_SWEEP_ROWS));
      unsubscribe = clock.onJump(wake);
    },
    wake,
    async stop() {
      isStopping = true;
      unsubscribe?.();
      for (const timer of timers) clearInterval(timer);
      rouse?.();
      await loop;
      await tending;
      const deadline = performance.now() + STOP_MS;
      while (busy.size > 0 && performance.now() < deadline) await pause(10, false);
      settler.abandon();
      await shards.leave();
      await sender.close();
    },
  };
}
