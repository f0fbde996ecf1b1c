/**
 * The embedded PostgreSQL: real server binaries that came with npm, run by us on a private Unix socket.
 *
 *   stopped ──start──▶ starting ──ready──▶ running ──stop──▶ stopped
 *                                             │ dies by itself (killed, out of memory)
 *                                             └──▶ starting again, for as long as we own the folder
 *
 * Exactly one process owns a data folder. `kill -9` of that process leaves the database running: the next owner sees that
 * the former one is gone, stops what it left behind and starts afresh; PostgreSQL's own recovery does the rest.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Account, binaries, isTraversable, serverAccount } from './embedded-binaries.ts';
import { claimFolder, isAlive, type Ownership } from './embedded-owner.ts';

export interface Embedded {
  /** For `openDatabase`. */
  url: string;
  /** Process id of the running postmaster. */
  pid(): number | undefined;
  /** PostgreSQL's fast shutdown: open transactions roll back, everything committed is flushed. */
  stop(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Our data folder; the cluster lives in `<dataDir>/postgres`. */
  dataDir: string;
  /** Told when the database died and is being started again. */
  onRestart?: (reason: string) => void;
  /** Extra `name=value` settings of the server. */
  settings?: Record<string, string>;
}

const SETTINGS: Record<string, string> = {
  listen_addresses: '',
  max_connections: '60',
  shared_buffers: '256MB',
  wal_buffers: '16MB',
  max_wal_size: '2GB',
  checkpoint_timeout: '15min',
  jit: 'off',
  random_page_cost: '1.1',
  timezone: 'UTC',
  log_timezone: 'UTC',
  autovacuum_naptime: '15s',
  // Queues live on their indexes; a plan that rests on the statistics of an empty table reads whole tables.
  autovacuum_analyze_scale_factor: '0.02',
  log_min_messages: 'fatal',
};
const START_TIMEOUT_MS = 60_000;
const LEFTOVER_PATIENCE_MS = 30_000;
/** `sun_path` holds 108 bytes, and PostgreSQL appends `/.s.PGSQL.5432`. */
const SOCKET_DIR_MAX = 90;

/** @throws PianolaError database_owned if another living process owns the folder. */
export async function startEmbedded({ dataDir, onRestart, settings }: EmbeddedOptions): Promise<Embedded> {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const owned = claimFolder(join(dataDir, 'postgres.owner'));
  try {
    return await launch(resolve(dataDir), owned, onRestart ?? (() => {}), { ...SETTINGS, ...settings });
  } catch (error) {
    owned.release();
    throw error;
  }
}

/**
 * The address of this folder's database while another process runs it, for commands beside a server; null = it does not run.
 * The folder's owner is not asked: a database that outlived its owner serves a command just as well.
 */
export function runningEmbedded(dataDir: string): string | null {
  const folder = resolve(dataDir);
  if (!existsSync(folder)) return null;
  const cluster = join(clusterHome(folder, serverAccount()), 'postgres');
  try {
    const [pid, , , , socketDir, , , status] = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return status?.trim() === 'ready' && socketDir && runsIn(Number(pid), cluster) ? socketUrl(socketDir) : null;
  } catch {
    return null;
  }
}

function socketUrl(socketDir: string): string {
  return `postgresql://pianola@localhost/postgres?host=${encodeURIComponent(socketDir)}`;
}

async function launch(
  dataDir: string,
  owned: Ownership,
  onRestart: (reason: string) => void,
  settings: Record<string, string>,
): Promise<Embedded> {
  const account = serverAccount();
  const home = clusterHome(dataDir, account);
  const bin = binaries(home, account);
  const cluster = join(home, 'postgres');
  const socketDir = privateSocketDir(home, account);
  if (!existsSync(join(cluster, 'PG_VERSION'))) await initCluster(bin, cluster, account);
  const args = [
    '-D',
    cluster,
    '-k',
    socketDir,
    ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  let stopping = false;
  /**
   * What a killed owner or postmaster left behind ends in its own time: orphaned backends hold the shared memory until they
   * notice, and a database that was just being started writes its pid file only now. So a start is tried again.
   */
  const start = async (patienceMs: number, isPassing: (error: unknown) => boolean): Promise<ChildProcess> => {
    const end = Date.now() + patienceMs;
    for (let wait = 50; ; wait = Math.min(wait * 2, 2_000)) {
      try {
        await stopLeftover(cluster);
        return await startServer(bin, args, account, socketDir);
      } catch (error) {
        if (stopping || Date.now() > end || !isPassing(error)) throw error;
      }
      await sleep(wait);
    }
  };
  let child = await start(LEFTOVER_PATIENCE_MS, (error) => /already exists|still in use/.test(String(error)));
  let revival: Promise<void> | undefined;
  const watch = (watched: ChildProcess) => {
    watched.once('exit', (code, signal) => {
      if (stopping) return;
      onRestart(`PostgreSQL ended by itself (${signal ?? `exit ${code}`})`);
      revival = revive();
    });
  };
  const revive = async () => {
    try {
      child = await start(Infinity, (error) => {
        onRestart(error instanceof Error ? error.message : String(error));
        return true;
      });
      watch(child);
    } catch {
      // Only when asked to stop meanwhile.
    }
  };
  watch(child);

  return {
    url: socketUrl(socketDir),
    pid: () => child.pid,
    async stop() {
      stopping = true;
      await revival;
      await terminate(child);
      owned.release();
    },
  };
}

/** As root the server runs as another account, which must reach its files: under a closed home they go to /var/lib. */
function clusterHome(dataDir: string, account: Account | null): string {
  if (!account) return dataDir;
  if (isTraversable(dataDir)) {
    // Walk in, not look around: what lies beside the cluster keeps its own modes.
    chmodSync(dataDir, statSync(dataDir).mode | 0o011);
    return dataDir;
  }
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16);
  const home = join('/var/lib/pianola', name);
  mkdirSync(home, { recursive: true, mode: 0o711 });
  return home;
}

function privateSocketDir(home: string, account: Account | null): string {
  let dir = join(home, 'run');
  if (Buffer.byteLength(dir) > SOCKET_DIR_MAX) dir = mkdtempSync(join(tmpdir(), 'pianola-'));
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  chmodSync(dir, 0o700);
  if (account) chownSync(dir, account.uid, account.gid);
  return dir;
}

async function initCluster(bin: string, cluster: string, account: Account | null): Promise<void> {
  // A half-made cluster (killed during initdb) has no PG_VERSION worth keeping: nothing was ever stored in it.
  rmSync(cluster, { recursive: true, force: true });
  mkdirSync(cluster, { recursive: true, mode: 0o700 });
  if (account) chownSync(cluster, account.uid, account.gid);
  const args = ['-D', cluster, '-U', 'pianola', '--auth=trust', '--encoding=UTF8', '--locale=C', '--data-checksums'];
  const output = await run(join(bin, 'initdb'), args, account);
  if (output.code !== 0) {
    rmSync(cluster, { recursive: true, force: true });
    throw new Error(`initdb failed: ${output.text.trim()}`);
  }
}

/** A postmaster whose owner is gone: ask it to end, then make it. */
async function stopLeftover(cluster: string): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  if (!Number.isInteger(pid) || pid <= 1 || !runsIn(pid, cluster)) return;
  for (const [signal, patience] of [
    ['SIGINT', 15_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    process.kill(pid, signal);
    for (const end = Date.now() + patience; Date.now() < end; await sleep(20)) if (!isAlive(pid)) return;
  }
  throw new Error(`an earlier database process (${pid}) cannot be stopped`);
}

/** Guards against a process id that now belongs to somebody else. */
function runsIn(pid: number, cluster: string): boolean {
  if (!isAlive(pid)) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(cluster);
  } catch {
    return process.platform !== 'linux';
  }
}

async function startServer(
  bin: string,
  args: string[],
  account: Account | null,
  socketDir: string,
): Promise<ChildProcess> {
  // Detached: Ctrl-C in a terminal must reach us alone, so that we can finish our work before the database ends.
  const child = spawn(join(bin, 'postgres'), args, {
    ...account,
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    cwd: '/',
  });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4_000);
  });
  const socket = join(socketDir, '.s.PGSQL.5432');
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await sleep(10)) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`PostgreSQL did not start: ${said.trim()}`);
    if (child.pid !== undefined && existsSync(socket) && acceptsConnections(args[1]!, child.pid)) return child;
  }
  child.kill('SIGQUIT');
  throw new Error(`PostgreSQL was not ready within ${START_TIMEOUT_MS / 1000} s: ${said.trim()}`);
}

/** The postmaster writes its number into the first line of its pid file, its status into the eighth. A killed one leaves its own behind. */
function acceptsConnections(cluster: string, pid: number): boolean {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid && lines[7]?.trim() === 'ready';
  } catch {
    return false;
  }
}

async function terminate(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGINT');
  const hard = setTimeout(() => child.kill('SIGQUIT'), 20_000);
  await gone;
  clearTimeout(hard);
}

function run(command: string, args: string[], account: Account | null): Promise<{ code: number | null; text: string }> {
  return new Promise((done, fail) => {
    const child = spawn(command, args, {
      ...account,
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: '/',
      env: { ...process.env, LC_ALL: 'C' },
    });
    let text = '';
    child.stdout?.on('data', (part: Buffer) => (text += part.toString()));
    child.stderr?.on('data', (part: Buffer) => (text += part.toString()));
    child.once('error', fail);
    child.once('close', (code) => done({ code, text }));
  });
}
