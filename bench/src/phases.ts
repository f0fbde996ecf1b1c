/** The benches that need a running server. Each sends a load that was signed before and answers what it saw. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, connectApi } from '../../server/test/harness/api.ts';
import { createInstallation, type Installation } from '../../server/test/harness/installation.ts';
import { clearJournal, countJournal, declareEvents, readJournal } from '../../server/test/harness/journal.ts';
import { LIFE_EVENTS, LIFE_STEPS } from '../../server/test/harness/lives.ts';
import { AUTHORITY_FILE, connectCollector, provisionApp, SLUG } from '../../server/test/harness/provision.ts';
import { inToOut } from './collected.ts';
import { type Generator, startGenerator } from './generator.ts';
import type { Pace } from './load.ts';
import { type Spread, spread } from './percentile.ts';
import { childOf, cpuOf, cpuOfTree, memoryOf } from './processes.ts';

export interface PhaseResult {
  notifications: number;
  /** Answered with something else than 200. */
  refused: number;
  /** Notifications per second, from the first request to the last answer or, end to end, to the last event at the collector. */
  perSecond: number;
  /** CPU seconds per 1,000 notifications, by process; null = not known on this system. */
  cpu: { server: number | null; postgres: number | null; collector: number | null; load: number };
  /** Milliseconds. */
  ack: Spread | null;
  /** Milliseconds from a notification to its last event at the collector; null = nothing was forwarded. */
  inToOut: Spread | null;
  /** Largest resident memory of the server, MB. */
  memory: number | null;
}

export interface Bench {
  /** Stored and answered; no integration is set up yet. */
  ingest(lives: number): Promise<PhaseResult>;
  /** To the collector, never more than `window` notifications ahead of it. */
  endToEnd(lives: number, window: number): Promise<PhaseResult>;
  /** To the collector, at a fixed rate. */
  fixedRate(lives: number, perSecond: number): Promise<PhaseResult>;
  idleMemory(): number | null;
  close(): Promise<void>;
}

const UNBOUNDED = Number.MAX_SAFE_INTEGER;
const EVENTS_PER_STEP = LIFE_STEPS.map((step) => step.events.length);
const EVENTS_PER_LIFE = EVENTS_PER_STEP.reduce((sum, n) => sum + n, 0);
/** Without any progress at the collector. */
const STANDSTILL_MS = 20_000;

export async function openBench(): Promise<Bench> {
  const installation = await createInstallation({
    env: { PIANOLA_SDK_REQUESTS_PER_MINUTE: '1000000', PIANOLA_LOG_LEVEL: 'error' },
  });
  const generator = startGenerator();
  const close = async () => {
    generator.close();
    await installation.destroy();
  };
  try {
    await installation.start();
    const api = connectApi(installation.url, installation.dataDir);
    const { publicKey } = await provisionApp(api);
    return bench(installation, generator, api, publicKey, close);
  } catch (error) {
    await close();
    throw error;
  }
}

function bench(
  installation: Installation,
  generator: Generator,
  api: Api,
  publicKey: string,
  close: () => Promise<void>,
): Bench {
  let nextLife = 0;
  let isConnected = false;

  const prepare = async (lives: number) => {
    const firstLife = nextLife;
    nextLife += lives;
    return generator.prepare({
      authorityFile: join(installation.dataDir, AUTHORITY_FILE),
      firstLife,
      lives,
      url: installation.url,
      publicKey,
    });
  };

  async function phase(lives: number, pace: Pace, forwards: boolean): Promise<PhaseResult> {
    if (forwards && !isConnected) {
      await declareEvents(installation.collector, LIFE_EVENTS);
      await connectCollector(api, installation.collector);
      isConnected = true;
    }
    const load = await prepare(lives);
    await clearJournal(installation.collector, lives * EVENTS_PER_LIFE * 2);
    const watch = watchProcesses(installation);
    const startedAt = performance.now();
    const out = forwards ? followCollector(installation.collector, lives, generator.completed) : null;
    const answer = await generator.send({ url: installation.url, path: `/stores/apple/${SLUG}`, pace });
    await out;
    const seconds = out ? (performance.now() - startedAt) / 1000 : answer.seconds;
    const used = watch.stop();
    const perThousand = (cpuSeconds: number | null) =>
      cpuSeconds === null ? null : (cpuSeconds / load.notifications) * 1000;
    const collected = out ? await readJournal(installation.collector) : [];
    return {
      notifications: load.notifications,
      refused: answer.sent.refused,
      perSecond: load.notifications / seconds,
      cpu: {
        server: perThousand(used.server),
        postgres: perThousand(used.postgres),
        collector: perThousand(used.collector),
        load: (answer.cpuSeconds / load.notifications) * 1000,
      },
      ack: spread(answer.sent.ackMs),
      inToOut: out ? spread(inToOut(answer.sent.at, load.clientIds, EVENTS_PER_STEP, collected)) : null,
      memory: used.memory,
    };
  }

  return {
    ingest: (lives) => phase(lives, { kind: 'closed', parallel: 64, window: UNBOUNDED }, false),
    endToEnd: (lives, window) => phase(lives, { kind: 'closed', parallel: 64, window }, true),
    fixedRate: (lives, perSecond) => phase(lives, { kind: 'rate', perSecond }, true),
    idleMemory: () => memoryOf(installation.serverPid() ?? 0),
    close,
  };
}

/** Tells how many notifications have come out, until all events of the load have. */
async function followCollector(collector: string, lives: number, tell: (completed: number) => void): Promise<void> {
  const total = lives * EVENTS_PER_LIFE;
  let last = { collected: 0, at: performance.now() };
  for (;;) {
    const collected = await countJournal(collector);
    tell(completedNotifications(collected, lives));
    if (collected >= total) return;
    if (collected !== last.collected) last = { collected, at: performance.now() };
    if (performance.now() - last.at > STANDSTILL_MS) throw new Error(`only ${collected} of ${total} events came out`);
    await sleep(50);
  }
}

/** The load runs step by step over all lives, so the number of events tells how far it has come. */
export function completedNotifications(events: number, lives: number): number {
  let left = events;
  let done = 0;
  for (const perNotification of EVENTS_PER_STEP) {
    const here = Math.min(lives, Math.floor(left / perNotification));
    done += here;
    left -= here * perNotification;
    if (here < lives) break;
  }
  return done;
}

/** Counts CPU from now on, and looks at the server's memory four times a second. */
function watchProcesses(installation: Installation) {
  const server = installation.serverPid() ?? 0;
  const postgres = installation.postmasterPid() ?? 0;
  const collector = childOf(server, 'simulator/src/main.ts') ?? 0;
  const read = () => ({ server: cpuOf(server), postgres: cpuOfTree(postgres), collector: cpuOf(collector) });
  const before = read();
  let memory = memoryOf(server);
  const timer = setInterval(() => {
    memory = Math.max(memory ?? 0, memoryOf(server) ?? 0) || null;
  }, 250);
  return {
    stop: () => {
      clearInterval(timer);
      const after = read();
      const used = (name: keyof typeof before) =>
        after[name] === null || before[name] === null ? null : after[name] - before[name];
      return { server: used('server'), postgres: used('postgres'), collector: used('collector'), memory };
    },
  };
}
