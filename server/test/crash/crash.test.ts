/**
 * Kills the server, its database, or both, without notice and at random moments, while several hundred subscribers' lives are
 * being sent, and counts afterwards. The seed is printed; `CRASH_SEED` runs the same moments again.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Authority } from '../../../simulator/src/stores/apple/authority.ts';
import { createSigner } from '../../../simulator/src/stores/apple/sign.ts';
import { connectApi } from '../harness/api.ts';
import { createInstallation, type Installation } from '../harness/installation.ts';
import { audit, type Findings } from '../harness/ledger.ts';
import { LIFE_EVENTS, makeLife } from '../harness/lives.ts';
import { AUTHORITY_FILE, connectCollector, introduce, provisionApp, SLUG } from '../harness/provision.ts';
import { seeded } from '../harness/random.ts';
import { type Recorder, startRecorder } from '../harness/recorder.ts';
import { startSender } from '../harness/sender.ts';
import { until } from '../harness/wait.ts';
import { openDatabase, readEvidence, underWay } from './evidence.ts';

const LIVES = 400;
const KILLS = 8;
const DRAIN_MS = 45_000;

/** Who is killed, in turn; the server far more often than the others. */
const VICTIMS = ['server', 'server', 'database', 'server', 'both'] as const;

let installation: Installation;
let recorder: Recorder;

beforeAll(async () => {
  recorder = await startRecorder();
  installation = await createInstallation({ env: { PIANOLA_SDK_REQUESTS_PER_MINUTE: '1000000' } });
});

afterAll(async () => {
  await installation.destroy();
  await recorder.close();
});

test('what was acknowledged survives kill -9 at any moment, exactly once and in order', async () => {
  const seed = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 1_000_000));
  const random = seeded(seed);
  console.log(`   seed ${seed}`);

  await installation.start();
  const api = connectApi(installation.url, installation.dataDir);
  const { publicKey } = await provisionApp(api);
  await connectCollector(api, recorder.url);
  const authority = JSON.parse(readFileSync(join(installation.dataDir, AUTHORITY_FILE), 'utf8')) as Authority;
  const sign = createSigner(authority);
  const now = Date.now();
  const lives = Array.from({ length: LIVES }, (_, number) => makeLife(sign, number, now));
  await introduce(installation.url, publicKey, lives);

  // Now and then the collector takes a batch and the answer is lost: a repeat without any crash.
  recorder.loseAnswer = () => random() < 0.005;
  const sender = startSender({
    url: `${installation.url}/stores/apple/${SLUG}`,
    lives,
    parallel: 24,
    pauseMs: () => random() * 300,
  });
  const restarts: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) {
    await sleep(300 + random() * 2_500);
    const victim = VICTIMS[kill % VICTIMS.length]!;
    const database = installation.postmasterPid();
    if (victim !== 'server' && database !== undefined) process.kill(database, 'SIGKILL');
    if (victim !== 'database') {
      await installation.kill();
      restarts.push(await installation.start());
    }
    console.log(`   killed ${victim}, ${sender.acknowledged.size} acknowledged so far`);
  }
  await sender.done;
  recorder.loseAnswer = () => false;

  const client = await until('the database can be read', 20_000, () => openDatabase(installation.dataDir));
  const findings = await (async () => {
    try {
      await until('everything is worked off', DRAIN_MS, async () => {
        const left = await underWay(client);
        if (Object.values(left).every((n) => n === 0)) return true;
        throw new Error(`still under way: ${JSON.stringify(left)}`);
      });
      return audit({
        ...(await readEvidence(client)),
        acknowledged: sender.acknowledged,
        arrivals: recorder.arrivals,
        expected: new Map(lives.map((life) => [life.originalTransactionId, LIFE_EVENTS])),
      });
    } finally {
      await client.end();
    }
  })();

  report(findings, sender.troubles, restarts);
  expect(findings.breaches).toEqual(Object.fromEntries(Object.keys(findings.breaches).map((name) => [name, []])));
  expect(findings.counts.acknowledged).toBe(lives.length * lives[0]!.notices.length);
  expect(findings.counts.events).toBe(lives.length * LIFE_EVENTS.length);
});

function report(
  { counts, breaches }: Findings,
  troubles: ReadonlyMap<string, number>,
  restarts: readonly number[],
): void {
  const tell = (name: string, value: string | number) => console.log(`   ${name.padEnd(28)} ${value}`);
  tell('notifications acknowledged', counts.acknowledged);
  tell('  tries that failed', [...troubles].map(([name, n]) => `${n} ${name}`).join(', ') || 0);
  tell('signals stored', counts.signals);
  tell('records, events', `${counts.records}, ${counts.events}`);
  tell('copies at the collector', `${counts.arrivals}, ${counts.repeats} of them repeats`);
  tell('ambiguous attempts (events)', counts.ambiguousAttempts);
  tell('restarts until ready, ms', restarts.map(Math.round).join(' '));
  for (const [name, lines] of Object.entries(breaches)) tell(`  ${name}`, lines.length);
}
