/**
 * `npm run bench`: verify, ingest, end to end, fixed rate. Starts everything itself, prints one table, ends everything.
 * `--save` also writes bench/results/<date>-<commit>.json; `--only <word>` runs the benches whose name has the word.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runNode } from '../server/test/step.ts';
import { openBench, type PhaseResult } from './src/phases.ts';
import { number, table } from './src/table.ts';

const { values: flags } = parseArgs({ options: { save: { type: 'boolean' }, only: { type: 'string' } } });
const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '..');
const isWanted = (name: string) => name.includes(flags.only ?? '');

/** A bench that takes longer than this is broken. */
const LIMIT_MS = 90_000;
/** Notifications sent and not yet out at the other end, at most. */
const WINDOW = 1_000;

interface Line {
  name: string;
  perSecond: number;
  cpuPerThousand: Partial<Record<'server' | 'postgres' | 'collector' | 'load', number | null>>;
  detail?: PhaseResult;
}
const lines: Line[] = [];

if (isWanted('verify')) {
  const child = await runNode([join(here, 'src/verify.ts')], { cwd: root, timeoutMs: LIMIT_MS });
  if (child.code !== 0) throw new Error(child.output);
  const { perSecond, cpuPerThousand } = JSON.parse(child.output.trim().split('\n').at(-1) ?? '') as Record<
    string,
    number
  >;
  lines.push({
    name: 'verify (one core)',
    perSecond: perSecond ?? 0,
    cpuPerThousand: { server: cpuPerThousand ?? null },
  });
}

const phases = [
  { name: 'ingest (ack)', run: (bench) => bench.ingest(2_000) },
  { name: 'end to end', run: (bench) => bench.endToEnd(3_500, WINDOW) },
  { name: 'end to end at 500/s', run: (bench) => bench.fixedRate(900, 500) },
] satisfies { name: string; run(bench: Awaited<ReturnType<typeof openBench>>): Promise<PhaseResult> }[];

let idleMemory: number | null = null;
if (phases.some((phase) => isWanted(phase.name))) {
  const bench = await openBench();
  try {
    idleMemory = bench.idleMemory();
    for (const { name, run } of phases.filter((phase) => isWanted(phase.name))) {
      const detail = await within(LIMIT_MS, name, run(bench));
      lines.push({ name, perSecond: detail.perSecond, cpuPerThousand: detail.cpu, detail });
    }
  } finally {
    await bench.close();
  }
}

console.log(
  `\n${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, Node ${process.versions.node}; all processes on this machine\n`,
);
console.log(
  table(
    [
      '',
      'per second',
      'server',
      'PostgreSQL',
      'collector',
      'load',
      'ack p50',
      'p99',
      'in to out p50',
      'p99',
      'server MB',
      'refused',
    ],
    lines.map(({ name, perSecond, cpuPerThousand: cpu, detail }) => [
      name,
      number(perSecond),
      number(cpu.server, 2),
      number(cpu.postgres, 2),
      number(cpu.collector, 2),
      number(cpu.load, 2),
      number(detail?.ack?.p50, 1),
      number(detail?.ack?.p99, 1),
      number(detail?.inToOut?.p50, 1),
      number(detail?.inToOut?.p99, 1),
      number(detail?.memory),
      number(detail?.refused),
    ]),
  ),
);
console.log(
  `\nserver … load: CPU seconds per 1,000 notifications. Latency in ms. End to end keeps at most ${number(WINDOW)} notifications under way.` +
    ` Server memory before any load: ${number(idleMemory)} MB.`,
);

if (flags.save) {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const folder = join(here, 'results');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${new Date().toISOString().slice(0, 10)}-${commit}.json`);
  const machine = {
    processors: cpus().length,
    model: cpus()[0]?.model,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
  writeFileSync(
    path,
    `${JSON.stringify({ commit, at: new Date().toISOString(), machine, idleMemory, lines }, null, 2)}\n`,
  );
  console.log(`\nsaved as ${path.slice(root.length)}`);
}

async function within<T>(limitMs: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took longer than ${limitMs / 1000} s`)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
