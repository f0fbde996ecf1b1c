/**
 * `npm run demo`: two subscribers' lives through real HTTP with real signatures, against a Pianola started with `npm start`.
 * `--server`, `--collector`, `--stores`, `--data` when they are not at their usual places. Exit code 1 when anything is missing.
 */
import { parseArgs } from 'node:util';
import { DemoProblem } from './demo/ask.ts';
import { play, welcomeBoth, withSteppedClock } from './demo/play.ts';
import { checkAppStore, setUp } from './demo/set-up.ts';
import { readReceived } from './demo/story.ts';
import { paintFor, renderStory } from './demo/table.ts';
import { judge } from './demo/verdict.ts';

const { values } = parseArgs({
  options: {
    server: { type: 'string', default: 'http://127.0.0.1:8787' },
    collector: { type: 'string', default: 'http://127.0.0.1:8790' },
    stores: { type: 'string', default: 'http://127.0.0.1:8791' },
    data: { type: 'string', default: '.pianola' },
  },
});

const paint = paintFor(process.stdout);
const print = (text = ''): void => console.log(text);
const progress = (text: string): void => {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
};

async function run(): Promise<boolean> {
  const world = await setUp(values);
  print(
    'App, plans, App Store account and AT Internet integration are set up; ten events are switched on and declared.',
  );
  await checkAppStore(world);
  print('The App Store check passed: its test notifications arrived, from production and from the sandbox.');
  const { chapters, visitors } = await withSteppedClock(world, async () => {
    const people = await welcomeBoth(world);
    for (const { life, userId, clientId } of people)
      print(`${life.name} (${userId}), known to AT Internet as ${clientId}: ${life.story}.`);
    const told = await play(world, people, (so) => progress(paint('dim', `${so.length} notifications so far`)));
    return { chapters: told, visitors: people };
  });
  progress('');
  print();
  print(renderStory(chapters, paint));
  print();
  print(paint('dim', '★ switched on for AT Internet; the other events stay in the dataset.'));
  print();
  const received = new Map(
    await Promise.all(visitors.map(async (one) => [one, await readReceived(world, one)] as const)),
  );
  const checks = judge(chapters, visitors, received);
  for (const { ok, text, problems } of checks) {
    print(ok ? `${paint('green', '✓')} ${text}` : `${paint('red', '✗')} ${text}`);
    for (const problem of problems) print(paint('red', `    ${problem}`));
  }
  return checks.every((one) => one.ok);
}

try {
  if (!(await run())) {
    print();
    print('The demo is not complete: see the lines marked ✗.');
    process.exitCode = 1;
  }
} catch (error) {
  if (!(error instanceof DemoProblem)) throw error;
  progress('');
  console.error(`${error.message}\n${error.fix}`);
  process.exitCode = 1;
}
