/**
 * Sends what is queued.
 *
 * One process works the shards it holds (shards.ts). A lane, that is one owner's deliveries to one target, is in one of these states
 * here, and in none when it has nothing due:
 *
 *   claimed   read from the queue in a round (rounds.ts) and planned (lanes.ts): what may not be sent is set aside, the rest is one
 *             encoded batch
 *   in flight its batch is in `sending`, committed before a byte leaves, and the request is under way (send.ts)
 *   settling  the answer is here; one statement writes attempt and fates and deletes the `sending` row (settle.ts)
 *   resting   its visitor is in flight for another lane, here or in another process: claimed again when that ends, or a little later
 *
 * Lanes in flight, settling or resting are left out of the next claim, so that order needs no lock per delivery: the next batch of
 * a lane is read after the one before has been settled. A lane whose first event must wait is put off as a whole in the queue.
 *
 * Rounds follow each other as long as they find something; `wake` and the poll start them. If the process dies, its `sending` rows
 * stay; whoever takes the shard over marks them ambiguous and sends them again first.
 */
import type { Answer, IntegrationDefinition, Outcome } from '../integrations/integration.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../storage/pool.ts';
import { expireHolds } from '../storage/queries/delivery.ts';
import type { Settings } from '../storage/settings.ts';
import { SHARDS } from './enqueue.ts';
import { Gates, roomOf } from './gates.ts';
import { Rounds } from './rounds.ts';
import { createSender, type Sender } from './send.ts';
import { createSettler, type Flight } from './settle.ts';
import { BEAT_MS, createShards } from './shards.ts';

/** Finds what no wake told of: other processes' work, due times, new settings. Real time. */
const POLL_MS = 250;
/** Between two rounds that found something, so that under load each carries more. */
const ROUND_GAP_MS = 10;
const HOLD_SWEEP_MS = 1_000;
const HOLD_SWEEP_ROWS = 1_000;
/** A request ends within 30 s; what cannot be settled shortly after is left to whoever takes over. */
const STOP_MS = 35_000;

export interface DeliveryWorkerDeps {
  db: Database;
  clock: Clock;
  settings: Pick<Settings, 'integration'>;
  integrations: readonly IntegrationDefinition[];
  version: string;
  allowPrivateTargets: boolean;
  log: Log;
  metrics?: Metrics;
  /** No other process can be alive (embedded database): work left behind is taken over at once. */
  exclusive?: boolean;
  /** For tests: from 0 up to, not including, 1. */
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

export function createDeliveryWorker(deps: DeliveryWorkerDeps): DeliveryWorker {
  const { db, clock, settings, version, log, metrics, random = Math.random } = deps;
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
  const rounds = new Rounds({ db, gates, shards, version, now, metrics, fly: (flight) => void fly(flight) });
  const onSettled = (flights: readonly Flight[]) => {
    rounds.settled(flights);
    wake();
  };
  const settler = createSettler({ db, log, gates, version, now, random, metrics, onSettled });

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
      const done = () => {
        clearTimeout(timer);
        rouse = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      if (wakeable) rouse = done;
    });

  async function run(): Promise<void> {
    while (!isStopping) {
      isWoken = false;
      let found = false;
      try {
        found = await rounds.run();
      } catch (error) {
        log.error({ err: error }, 'A round of deliveries failed');
        await pause(POLL_MS, false);
      }
      if (found) await pause(ROUND_GAP_MS, false);
      else if (!isWoken && !isStopping) await pause(POLL_MS, true);
    }
  }

  async function fly(flight: Flight): Promise<void> {
    const { batch, gate } = flight;
    await gates.takeOff(gate);
    const began = performance.now();
    const answer = await sender.send(batch.request);
    const outcome = judge(batch.definition, answer);
    const wasFull = roomOf(gate) <= 0;
    gates.answered(gate, outcome);
    settler.add({ flight, answer, outcome, durationMs: performance.now() - began });
    if (wasFull) wake();
  }

  function judge(definition: IntegrationDefinition, answer: Answer): Outcome {
    try {
      return definition.read(answer, { now: now() });
    } catch (error) {
      log.error({ err: error }, 'An answer could not be read');
      return { class: 'transient', ambiguous: true, retryAfterMs: null, message: 'the answer could not be read' };
    }
  }

  function tend(): Promise<void> {
    tending ??= (async () => {
      try {
        const lanes = [...rounds.busy.keys()];
        const inUse = new Set(lanes.map((lane) => lane % SHARDS));
        await shards.tend({ isBusy: (shard) => inUse.has(shard), lanesInFlight: () => [...rounds.busy.keys()] });
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
        .finally(() => {
          isRunning = false;
        });
    }, ms);
    timers.push(timer);
  }

  async function endHolds(): Promise<void> {
    const ended = await expireHolds(db, now(), HOLD_SWEEP_ROWS);
    if (ended > 0) metrics?.deliverySettled('suppressed', ended);
  }

  return {
    async start() {
      await tend();
      await gates.refresh();
      loop = run();
      every(BEAT_MS, 'Tending shards', tend);
      every(POLL_MS, 'Reading destinations', () => gates.refresh());
      every(HOLD_SWEEP_MS, 'Ending holds', endHolds);
      unsubscribe = clock.onJump(wake);
    },
    wake,
    async stop() {
      isStopping = true;
      unsubscribe?.();
      rouse?.();
      await loop;
      const deadline = performance.now() + STOP_MS;
      while (rounds.busy.size > 0 && performance.now() < deadline) await pause(10, false);
      settler.abandon();
      for (const timer of timers) clearInterval(timer);
      await tending;
      await shards.leave();
      await sender.close();
    },
  };
}
