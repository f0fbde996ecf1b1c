/** The simulated world beside a server started with `--simulator`: a process of its own, spoken to over HTTP only. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type FollowedClock, followClock } from './lib/clock-follow.ts';

export interface Simulator {
  /** Base URL of the simulated AT Internet collector. */
  collector: string;
  /** Base URL of the simulated stores, and of the clock. */
  stores: string;
  /** DER of the root certificates the simulated stores sign with. */
  roots: Uint8Array[];
  clock: FollowedClock;
  stop(): Promise<void>;
}

export interface SimulatorOptions {
  collectorPort: number;
  storesPort: number;
  dataDir: string;
  /** Ids of the stores whose simulated roots are to be fetched. */
  stores: readonly string[];
  onProblem(message: string): void;
  /** The process ended although nobody asked it to. */
  onExit(): void;
}

const READY_TIMEOUT_MS = 20_000;

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const main = join(import.meta.dirname, '../../simulator/src/main.ts');
  const args = [
    main,
    '--collector-port',
    String(options.collectorPort),
    '--stores-port',
    String(options.storesPort),
    '--data',
    join(options.dataDir, 'simulator'),
    '--parent',
    String(process.pid),
  ];
  // Detached for the same reason as the database: Ctrl-C reaches us first, and we end it in order.
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let stopping = false;
  const exited = new Promise<void>((done) => child.once('exit', () => done()));
  const ready = await new Promise<{ collector: string; stores: string }>((done, fail) => {
    const timer = setTimeout(() => fail(new Error('the simulator was not ready in time')), READY_TIMEOUT_MS);
    child.once('error', fail);
    child.once('exit', (code) =>
      fail(new Error(`the simulator ended at its start (exit ${code}); is another one running on its ports?`)),
    );
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{"ready":true')) return;
      clearTimeout(timer);
      done(JSON.parse(line) as { collector: string; stores: string });
    });
  }).catch((error: unknown) => {
    stopping = true;
    child.kill('SIGKILL');
    throw error;
  });
  void exited.then(() => {
    if (!stopping) options.onExit();
  });
  const roots: Uint8Array[] = [];
  for (const store of options.stores) {
    const root = await fetch(`${ready.stores}/${store}/root.der`);
    // A store without certificates has none to give.
    if (root.ok) roots.push(new Uint8Array(await root.arrayBuffer()));
  }
  const clock = await followClock(ready.stores, options.onProblem);
  return {
    ...ready,
    roots,
    clock,
    async stop() {
      stopping = true;
      clock.stop();
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(hard);
    },
  };
}
