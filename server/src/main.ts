/**
 * The composition root: the only place that wires the stages together. Reads no environment, holds no rule of its own.
 */
import type { Config, Role } from './config.ts';
import { summary } from './config.ts';
import { createDeliveryWorker } from './delivery/worker.ts';
import { PianolaError } from './errors.ts';
import { createHttp } from './http/app.ts';
import { ensureSimulatorKey } from './http/simulator-key.ts';
import { createProcessor } from './ingest/process.ts';
import { createReceiver } from './ingest/receive.ts';
import { createRejections } from './ingest/rejections.ts';
import { createArrivals } from './ingest/arrivals.ts';
import { createIntegrations } from './integrations/index.ts';
import { type Clock, realClock } from './lib/clock.ts';
import { createHealth } from './observe/health.ts';
import { createLog, type Log } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { startSimulator } from './simulator.ts';
import { startEmbedded } from './storage/embedded.ts';
import { migrate } from './storage/migrate.ts';
import { ensurePartitions, keepPartitions } from './storage/partitions.ts';
import { openDatabase } from './storage/pool.ts';
import { readQueueDepths } from './storage/queries/queue.ts';
import { markSimulator, prepareInstallation, readSettingsEpoch } from './storage/queries/settings.ts';
import { createSealer, loadSealingKeys } from './storage/seal.ts';
import { openSettings } from './storage/settings.ts';
import { STORES } from './stores/index.ts';
import { VERSION } from './version.ts';

export interface Running {
  /** Where the server listens. */
  url: string;
  /** With the simulator: its two addresses. */
  simulator?: { collector: string; stores: string };
  /** Takes nothing new, finishes what is under way, ends the processes it started. */
  stop(): Promise<void>;
}

export interface StartOptions {
  simulator: boolean;
}

/** @throws PianolaError config_invalid, database_owned, schema_newer, simulator_database */
export async function start(config: Config, options: StartOptions): Promise<Running> {
  const log = createLog({ level: config.logLevel, format: process.stdout.isTTY ? 'text' : 'json' });
  // What was started, ended in the opposite order, also when a later step of the start fails.
  const started: { name: string; stop(): unknown }[] = [];
  const stop = async () => {
    for (const part of started.splice(0).toReversed()) {
      try {
        await part.stop();
      } catch (error) {
        log.error({ err: error }, `${part.name} did not stop cleanly`);
      }
    }
  };
  try {
    return await compose(config, options, log, started, stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

async function compose(
  config: Config,
  { simulator: withSimulator }: StartOptions,
  log: Log & ReturnType<typeof createLog>,
  started: { name: string; stop(): unknown }[],
  stop: () => Promise<void>,
): Promise<Running> {
  log.info(summary(config), `Pianola ${VERSION} starts`);
  const keep = <T extends { stop(): unknown }>(name: string, part: T): T => {
    started.push({ name, stop: () => part.stop() });
    return part;
  };
  const has = (role: Role) => config.roles.includes(role);

  const [url, world] = await both(databaseUrl(config, log, keep), withSimulator ? openWorld(config, log, keep) : null);
  const clock: Clock = world?.clock ?? realClock;
  await migrate(url, clock.now());
  const db = openDatabase(url, {
    size: config.databasePool,
    onError: (error) => log.warn({ err: error }, 'Database connection lost'),
  });
  started.push({ name: 'database pool', stop: () => db.close() });

  const usedWithSimulator = await prepareInstallation(db, withSimulator, new Date(clock.now()).toISOString());
  if (usedWithSimulator && !withSimulator) throw new PianolaError('simulator_database');
  if (withSimulator) {
    await markSimulator(db);
    await ensureSimulatorKey(db, clock, config.dataDir);
    log.warn('SIMULATOR: simulated stores and private addresses are trusted. Never use this mode with real customers.');
  }

  const metrics = createMetrics({ version: VERSION });
  metrics.watchQueues(() => readQueueDepths(db));
  const integrations = createIntegrations({ allowPrivateTargets: withSimulator });
  const sealer = createSealer(loadSealingKeys(config.secretKeys, config.dataDir));
  const settings = keep(
    'settings',
    await openSettings({ db, sealer, stores: STORES, integrations, onProblem: (message) => log.error(message) }),
  );
  await ensurePartitions(db, clock.now(), log);
  keep('partitions', keepPartitions(db, clock, log));

  const shared = {
    db,
    clock,
    settings,
    log,
    metrics,
    stores: STORES,
    extraRoots: world?.roots ?? [],
    allowPrivateTargets: withSimulator,
  };
  const worker = createDeliveryWorker({
    ...shared,
    integrations,
    version: VERSION,
    // The embedded database has one owner, so nobody else can be at work on it.
    exclusive: config.databaseUrl === undefined,
  });
  const onCommitted = ({ deliveries, pending }: { deliveries: number; pending: number }) => {
    if (deliveries > 0) worker.wake();
    if (pending > 0) processor.wake();
  };
  const processor = createProcessor({ ...shared, onCommitted });
  started.push({
    name: 'store connections',
    stop: async () => {
      for (const definition of STORES) await definition.close?.();
    },
  });
  const rejections = keep('rejections', createRejections({ db, clock, log }));
  const arrivals = createArrivals();
  const receiver = createReceiver({ ...shared, rejections, onCommitted, onSignal: arrivals.saw });
  started.push({ name: 'receiver', stop: () => receiver.idle() });
  if (has('deliver')) {
    await worker.start();
    keep('delivery', worker);
  }
  if (has('process')) {
    processor.start();
    keep('processor', processor);
  }

  const health = createHealth({
    version: VERSION,
    simulator: withSimulator,
    checks: { database: () => readSettingsEpoch(db) },
  });
  const http = createHttp({
    db,
    clock,
    settings,
    stores: STORES,
    integrations,
    sealer,
    config,
    version: VERSION,
    simulator: withSimulator,
    receive: receiver.receive,
    refused: receiver.refused,
    handIn: ({ app, store, signed, ownerId }) => receiver.handIn({ app, store, signed, ownerId }),
    checkStore: (store, account) => {
      const definition = STORES.find((entry) => entry.id === store);
      if (!definition) throw new PianolaError('store_unknown');
      return definition.check(account, {
        ...shared,
        arrived: (token, timeoutMs) => arrivals.wait(account.appId, token, timeoutMs),
      });
    },
    onWake: () => {
      worker.wake();
      processor.wake();
    },
    health,
    metrics,
    log,
  });
  started.push({
    name: 'http',
    stop: () => {
      health.stopping();
      return http.close();
    },
  });
  const address = await http.listen({ host: config.host, port: config.port });
  return { url: address, ...(world && { simulator: { collector: world.collector, stores: world.stores } }), stop };
}

/** As `Promise.all`, but waits for the other when one fails: what it starts must be known to be stopped. */
async function both<A, B>(first: Promise<A>, second: Promise<B> | B): Promise<[A, B]> {
  await Promise.allSettled([first, second]);
  return Promise.all([first, second]);
}

type Keep = <T extends { stop(): unknown }>(name: string, part: T) => T;

async function databaseUrl(config: Config, log: Log, keep: Keep): Promise<string> {
  if (config.databaseUrl) return config.databaseUrl;
  const onRestart = (reason: string) => log.error(`${reason}; it is being started again`);
  return keep('embedded database', await startEmbedded({ dataDir: config.dataDir, onRestart })).url;
}

async function openWorld(config: Config, log: Log, keep: Keep) {
  const { collectorPort, storesPort } = config.simulator;
  return keep(
    'simulator',
    await startSimulator({
      collectorPort,
      storesPort,
      dataDir: config.dataDir,
      stores: STORES.map((definition) => definition.id),
      onProblem: (message) => log.warn(`The simulator's clock cannot be read: ${message}`),
      onExit: () => log.error('The simulator ended by itself; start again to have it back'),
    }),
  );
}
