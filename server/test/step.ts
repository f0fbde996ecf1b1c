/** One step of the test run: a child process with a time limit, its output kept for when it fails. */
import { spawn } from 'node:child_process';

export interface ChildResult {
  /** Null when the process was ended by a signal, or by us. */
  code: number | null;
  output: string;
  timedOut: boolean;
  seconds: number;
}

export interface ChildOptions {
  /** Real milliseconds until the whole process group is killed. */
  timeoutMs: number;
  cwd: string;
  env?: NodeJS.ProcessEnv;
  /** Called with each piece of output as it comes. */
  onOutput?: (text: string) => void;
}

/**
 * Runs this very Node with `args` and answers when it has ended, whatever happens. The child leads a process group of its
 * own, so that a time limit also ends what it has started.
 */
export async function runNode(args: readonly string[], options: ChildOptions): Promise<ChildResult> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let output = '';
  let timedOut = false;
  const take = (chunk: Buffer) => {
    const text = chunk.toString('utf8');
    output += text;
    options.onOutput?.(text);
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);

  const killGroup = (signal: NodeJS.Signals) => {
    if (child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // Already gone.
    }
  };
  // A detached child outlives us unless we take it along.
  const onExit = () => killGroup('SIGKILL');
  process.once('exit', onExit);
  const timer = setTimeout(() => {
    timedOut = true;
    killGroup('SIGTERM');
    setTimeout(() => killGroup('SIGKILL'), 5_000).unref();
  }, options.timeoutMs);

  const code = await new Promise<number | null>((resolve) => {
    child.once('error', (error) => {
      output += `${error.message}\n`;
      resolve(null);
    });
    child.once('close', (exitCode) => resolve(exitCode));
  });
  clearTimeout(timer);
  process.off('exit', onExit);
  return { code, output, timedOut, seconds: (performance.now() - startedAt) / 1000 };
}
