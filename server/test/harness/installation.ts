/**
 * A whole installation in real processes: `node server/src/cli.ts start` on a data folder and ports of its own, with its
 * embedded PostgreSQL and (unless told otherwise) its simulator. It can be stopped, killed and started again in place.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from './ports.ts';
import { until } from './wait.ts';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** How `npm start` runs the server: tests and benches measure the same thing as people get. */
const runtime = readRuntime(
  (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: { start: string } }).scripts.start,
);

function readRuntime(script: string): { env: Record<string, string>; flags: string[] } {
  const [before = '', after = ''] = script.split(/(?:^|\s)node\s/);
  return {
    env: Object.fromEntries(before.split(' ').flatMap((word) => (word.includes('=') ? [word.split('=', 2)] : []))),
    flags: after.split(' ').filter((word) => /^--.*=/.test(word)),
  };
}

export interface InstallationOptions {
  /** Started with `--simulator`; true unless given. */
  simulator?: boolean;
  /** More environment for the server. */
  env?: Record<string, string>;
  /** An existing data folder; it is then left alone at the end. */
  dataDir?: string;
}

export interface Installation {
  url: string;
  collector: string;
  stores: string;
  dataDir: string;
  /** Everything the processes printed since the last start. */
  output(): string;
  serverPid(): number | undefined;
  /** Of the embedded PostgreSQL, read from its own pid file; undefined = it does not run. */
  postmasterPid(): number | undefined;
  /** Starts and waits until ready; answers the real milliseconds that took. */
  start(): Promise<number>;
  /** Starts without waiting for ready, for starts that must fail; answers the exit code. */
  startAndFail(timeoutMs: number): Promise<number | null>;
  /** Asks the server to end, as an operator would, and waits. Answers its exit code. */
  stop(): Promise<number | null>;
  /** Kills the server without notice and waits until the process is gone; what it started stays behind. */
  kill(): Promise<void>;
  /** Ends everything and removes the data folder. */
  destroy(): Promise<void>;
}

const READY_MS = 45_000;

export async function createInstallation(options: InstallationOptions = {}): Promise<Installation> {
  const simulator = options.simulator ?? true;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'pianola-'));
  const [port = 0, collectorPort = 0, storesPort = 0] = await freePorts(3);
  const url = `http://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;
  let ended: Promise<number | null> = Promise.resolve(null);
  let output = '';

  const env = {
    ...Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('PIANOLA_') && name !== 'DATABASE_URL'),
    ),
    ...runtime.env,
    PIANOLA_HOST: '127.0.0.1',
    PIANOLA_PORT: String(port),
    PIANOLA_DATA_DIR: dataDir,
    PIANOLA_SIMULATOR_COLLECTOR_PORT: String(collectorPort),
    PIANOLA_SIMULATOR_STORES_PORT: String(storesPort),
    PIANOLA_LOG_LEVEL: 'warn',
    ...options.env,
  };

  function launch(): void {
    const args = [...runtime.flags, join(root, 'server/src/cli.ts'), 'start', ...(simulator ? ['--simulator'] : [])];
    const started = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    output = '';
    const take = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    started.stdout.on('data', take);
    started.stderr.on('data', take);
    ended = new Promise((resolve) => started.once('exit', (code) => resolve(code)));
    child = started;
  }

  // Whoever drives it may die of an error of its own; asked to end, the server takes its database and simulator along.
  process.once('exit', () => child?.kill('SIGTERM'));

  const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null;
  const postmasterPid = () => {
    try {
      return Number(readFileSync(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').split('\n')[0]) || undefined;
    } catch {
      return undefined;
    }
  };

  async function isReady(): Promise<true | undefined> {
    if (!isRunning()) return true;
    // Said once everything is wired; before that the port may already answer.
    if (!output.includes('"ready":true')) return undefined;
    const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) });
    await answer.arrayBuffer();
    return answer.ok ? true : undefined;
  }

  async function stop(): Promise<number | null> {
    if (isRunning()) child?.kill('SIGTERM');
    return ended;
  }

  return {
    url,
    collector: `http://127.0.0.1:${collectorPort}`,
    stores: `http://127.0.0.1:${storesPort}`,
    dataDir,
    output: () => output,
    serverPid: () => (isRunning() ? child?.pid : undefined),
    postmasterPid,
    start: async () => {
      const startedAt = performance.now();
      launch();
      try {
        await until('the server is ready', READY_MS, isReady, 20);
      } catch (error) {
        throw new Error(`${String(error)}\n${output}`, { cause: error });
      }
      // `until` also ends when the process has: no use asking on.
      if (!isRunning()) throw new Error(`the server ended while starting:\n${output}`);
      return performance.now() - startedAt;
    },
    startAndFail: async (timeoutMs) => {
      launch();
      const timer = setTimeout(() => child?.kill('SIGKILL'), timeoutMs);
      const code = await ended;
      clearTimeout(timer);
      return code;
    },
    stop,
    kill: async () => {
      if (!isRunning()) throw new Error(`the server had ended by itself:\n${output}`);
      child?.kill('SIGKILL');
      await ended;
    },
    destroy: async () => {
      await stop();
      // A killed server leaves its database running; it must not outlive the test.
      const orphan = postmasterPid();
      if (orphan !== undefined) {
        try {
          process.kill(orphan, 'SIGQUIT');
          await until('the database has ended', 10_000, async () =>
            postmasterPid() === undefined ? true : undefined,
          ).catch(() => {});
        } catch {
          // It had ended already.
        }
      }
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
