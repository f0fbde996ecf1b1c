/**
 * `node simulator/src/main.ts --collector-port 8790 --stores-port 8791 --data <folder> [--parent <pid>]`
 * Prints one line of JSON when it listens. Ends on SIGTERM and SIGINT; with `--parent` also when that process is gone or closes the
 * pipe to our standard input, so that a killed server leaves nothing behind.
 */
import { fstatSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startSimulator } from './simulator.ts';

const PARENT_CHECK_MS = 500;

const { values } = parseArgs({
  options: {
    'collector-port': { type: 'string', default: '8790' },
    'stores-port': { type: 'string', default: '8791' },
    data: { type: 'string', default: '.pianola/simulator' },
    parent: { type: 'string' },
  },
});

function port(text: string, option: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0 || number > 65_535) {
    console.error(`--${option} must be a port from 0 to 65535; ${text} is none.`);
    process.exit(2);
  }
  return number;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

const simulator = await startSimulator({
  collectorPort: port(values['collector-port'], 'collector-port'),
  storesPort: port(values['stores-port'], 'stores-port'),
  dataFolder: values.data,
}).catch((error: unknown) => {
  const { code, message } = error as NodeJS.ErrnoException;
  const reason = code === 'EADDRINUSE' ? 'A port is taken. Stop what uses it, or choose others.' : message;
  console.error(`The simulator cannot start: ${reason}`);
  process.exit(1);
});

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  void simulator.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
if (values.parent !== undefined) {
  const parent = Number(values.parent);
  setInterval(() => !isAlive(parent) && stop(), PARENT_CHECK_MS).unref();
  const input = fstatSync(0);
  // /dev/null ends at once and means nothing.
  if (input.isFIFO() || input.isSocket()) process.stdin.on('end', stop).on('error', stop).resume();
}

console.log(JSON.stringify({ ready: true, collector: simulator.collectorUrl, stores: simulator.storesUrl }));
