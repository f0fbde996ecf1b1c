/**
 * `npm test`: every check and every test, in order of what they cost, each with a time limit; the last line of the output
 * is `N passed, N failed`. `--check` stops after the static checks; `--only <word>` runs the steps whose name has the word.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type ChildResult, runNode } from './step.ts';
import { add, emptyTally, lastLine, type Tally, tallyOfCheck, tallyOfVitest } from './tally.ts';

interface Step {
  name: string;
  /** Arguments for Node. */
  args: string[];
  /** `vitest` steps are counted test by test, the others as one. */
  kind: 'check' | 'vitest';
  timeoutMs: number;
  /** Shown as it comes; the others are silent unless they fail. */
  live?: boolean;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = (name: string) => join(root, 'node_modules', '.bin', name);
const minutes = (n: number) => n * 60_000;

const CHECKS: Step[] = [
  { name: 'format', args: [bin('biome'), 'format', '.'], kind: 'check', timeoutMs: minutes(0.5) },
  { name: 'lint', args: [bin('oxlint'), '--type-aware', '--deny-warnings'], kind: 'check', timeoutMs: minutes(0.5) },
  { name: 'types', args: [bin('tsc'), '--noEmit', '-p', 'tsconfig.json'], kind: 'check', timeoutMs: minutes(0.5) },
  { name: 'generated files', args: ['server/src/generate.ts', '--check'], kind: 'check', timeoutMs: minutes(0.5) },
];

const TESTS: Step[] = [
  { name: 'units, properties, HTTP', args: [], kind: 'vitest', timeoutMs: minutes(4) },
  {
    name: 'end to end',
    args: ['--config', 'server/test/processes.config.ts', 'server/test/e2e'],
    kind: 'vitest',
    timeoutMs: minutes(2),
    live: true,
  },
  {
    name: 'crash',
    args: ['--config', 'server/test/processes.config.ts', 'server/test/crash'],
    kind: 'vitest',
    timeoutMs: minutes(2),
    live: true,
  },
];

const { values: flags } = parseArgs({ options: { check: { type: 'boolean' }, only: { type: 'string' } } });
const steps = (flags.check ? CHECKS : [...CHECKS, ...TESTS]).filter((step) => step.name.includes(flags.only ?? ''));

// Ending this way runs the exit listeners, which take the children along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const scratch = mkdtempSync(join(tmpdir(), 'pianola-test-'));
const total = emptyTally();
try {
  for (const step of steps) {
    const { result, tally } = await run(step);
    add(total, tally);
    const verdict = tally.failed === 0 ? 'ok' : 'FAILED';
    const count =
      step.kind === 'vitest' ? `, ${tally.passed} passed${tally.failed ? `, ${tally.failed} failed` : ''}` : '';
    console.log(
      `   ${verdict}${count} (${result.seconds.toFixed(1)} s)${result.timedOut ? ' – stopped at its time limit' : ''}\n`,
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

if (total.failures.length > 0) {
  console.log('── failures');
  for (const failure of total.failures) console.log(`\n ✗ ${failure.replaceAll(root, '')}`);
  console.log();
}
const last = lastLine(total);
console.log(last.text);
process.exitCode = last.ok ? 0 : 1;

async function run(step: Step): Promise<{ result: ChildResult; tally: Tally }> {
  console.log(`── ${step.name}`);
  const report = join(scratch, 'report.json');
  rmSync(report, { force: true });
  const args =
    step.kind === 'vitest'
      ? [
          bin('vitest'),
          'run',
          ...step.args,
          '--reporter=json',
          `--outputFile.json=${report}`,
          `--reporter=${step.live ? 'verbose' : 'dot'}`,
        ]
      : step.args;
  const result = await runNode(args, {
    cwd: root,
    timeoutMs: step.timeoutMs,
    env: {
      // oxlint looks for its type checker on the path; a bare `node` inside a tool must be this one.
      PATH: [join(root, 'node_modules', '.bin'), process.env['PATH']].join(delimiter),
      NO_COLOR: '1',
      FORCE_COLOR: undefined,
    },
    ...(step.live ? { onOutput: (text: string) => process.stdout.write(text) } : {}),
  });
  const ok = result.code === 0 && !result.timedOut;
  const tally =
    step.kind === 'vitest'
      ? tallyOfVitest(step.name, read(report), result)
      : tallyOfCheck(step.name, ok, result.output);
  if (result.timedOut && tally.failed === 0) add(tally, tallyOfCheck(`${step.name}: time limit`, false, result.output));
  return { result, tally };
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
