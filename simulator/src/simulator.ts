/** The world outside in one process: the collector and the stores, each on its own port, under one clock. */
import { join } from 'node:path';
import { Collector } from './at-internet/collector.ts';
import { type CollectorConfig, DEFAULT_CONFIG, readConfig } from './at-internet/config.ts';
import { type ModelDocument, readModel } from './at-internet/model.ts';
import { addCollectorRoutes } from './at-internet/routes.ts';
import { type ClockState, SimulatedClock } from './clock/clock.ts';
import { addClockRoutes } from './clock/routes.ts';
import { Timeline } from './clock/timeline.ts';
import { listen, Router } from './http/router.ts';
import { createSaver, loadJson, saveJson } from './saved.ts';
import { AppStore, type SavedStore } from './stores/apple/app-store.ts';
import { type Authority, createAuthority, derOf } from './stores/apple/authority.ts';
import { addAppleRoutes } from './stores/apple/routes.ts';
import { createSigner } from './stores/apple/sign.ts';

export interface SimulatorOptions {
  /** 0 = a free one. */
  collectorPort: number;
  storesPort: number;
  /** Keys, clock, subscribers, data model. */
  dataFolder: string;
}

export interface Simulator {
  /** `http://127.0.0.1:<port>` */
  collectorUrl: string;
  storesUrl: string;
  timeline: Timeline;
  store: AppStore;
  collector: Collector;
  stop(): Promise<void>;
}

interface SavedCollector {
  config: CollectorConfig;
  model: ModelDocument;
}

/** Made at the first start; the same afterwards, because servers remember the root they trust. */
async function loadAuthority(path: string): Promise<Authority> {
  const known = loadJson(path) as Authority | undefined;
  if (known) return known;
  const made = await createAuthority();
  saveJson(path, made);
  return made;
}

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const file = (name: string): string => join(options.dataFolder, name);
  const authority = await loadAuthority(file('apple-authority.json'));

  const clock = new SimulatedClock(loadJson(file('clock.json')) as ClockState | undefined);
  const timeline = new Timeline(clock);
  // Written at once, not soon: a clock that comes back earlier than it was would break every promise about time.
  const saveClock = (): void => saveJson(file('clock.json'), clock.state());
  saveClock();
  clock.onChange(saveClock);

  const saveStore = createSaver(file('apple.json'), () => store.saved());
  const saved = loadJson(file('apple.json')) as SavedStore | undefined;
  const store = new AppStore(timeline, createSigner(authority), saveStore.soon, saved);

  const collector = new Collector(() => timeline.now());
  const known = loadJson(file('collector.json')) as SavedCollector | undefined;
  if (known) {
    collector.configure(readConfig(known.config, DEFAULT_CONFIG));
    collector.declare(readModel(known.model, timeline.now()));
  }
  const saveCollector = createSaver(file('collector.json'), () => ({
    config: collector.config,
    model: collector.model.document(),
  }));

  const collectorRoutes = new Router();
  addClockRoutes(collectorRoutes, timeline);
  addCollectorRoutes(collectorRoutes, collector, () => timeline.now(), saveCollector.soon);
  const storeRoutes = new Router();
  addClockRoutes(storeRoutes, timeline);
  storeRoutes.add('GET', '/__health', () => ({ json: { status: 'ok', simulator: 'stores' } }));
  addAppleRoutes(storeRoutes, store, derOf(authority.root));

  const collecting = await listen((request, response) => {
    if (request.url?.startsWith('/__')) collectorRoutes.handle(request, response);
    else collector.handle(request, response);
  }, options.collectorPort);
  const selling = await listen(storeRoutes.handle, options.storesPort).catch(async (error: unknown) => {
    await collecting.close();
    throw error;
  });

  const stop = async (): Promise<void> => {
    timeline.stop();
    await Promise.all([collecting.close(), selling.close()]);
    await store.close();
    saveStore.now();
    saveCollector.now();
    saveClock();
  };
  return { collectorUrl: collecting.url, storesUrl: selling.url, timeline, store, collector, stop };
}
