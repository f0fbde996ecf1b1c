import { fork } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Embedded, startEmbedded } from './embedded.ts';

let dataDir: string;
const running: Embedded[] = [];
const start = async (onRestart?: (reason: string) => void) => {
  const embedded = await startEmbedded({ dataDir, ...(onRestart && { onRestart }) });
  running.push(embedded);
  return embedded;
};
const query = async (url: string, text: string) => {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  return (await client.query(text).finally(() => client.end())).rows;
};

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'pianola-embedded-'));
});
afterEach(async () => {
  for (const embedded of running.splice(0)) await embedded.stop();
  rmSync(dataDir, { recursive: true, force: true });
});

describe('embedded PostgreSQL', () => {
  it('keeps what was committed over a clean stop and start', async () => {
    const first = await start();
    await query(first.url, 'create table kept as select 42 as n');
    await first.stop();
    running.length = 0;
    const second = await start();
    expect(await query(second.url, 'select n from kept')).toEqual([{ n: 42 }]);
  });

  it('flushes every commit to disk and listens on no port', async () => {
    const { url } = await start();
    expect(await query(url, 'show fsync')).toEqual([{ fsync: 'on' }]);
    expect(await query(url, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
    expect(await query(url, 'show listen_addresses')).toEqual([{ listen_addresses: '' }]);
    const dir = decodeURIComponent(url.split('host=')[1]!);
    expect(statSync(dir).mode & 0o077).toBe(0);
  });

  it('refuses a second owner of the folder, and leaves the first one alone', async () => {
    const first = await start();
    await expect(startEmbedded({ dataDir })).rejects.toMatchObject({ code: 'database_owned' });
    expect(await query(first.url, 'select 1 as n')).toEqual([{ n: 1 }]);
  });

  it('starts the database again when it is killed under us', async () => {
    const reasons: string[] = [];
    const embedded = await start((reason) => reasons.push(reason));
    await query(embedded.url, 'create table kept as select 7 as n');
    process.kill(embedded.pid()!, 'SIGKILL');
    for (let tries = 0; tries < 200; tries++) {
      await sleep(50);
      const rows = await query(embedded.url, 'select n from kept').catch(() => null);
      if (rows) {
        expect(rows).toEqual([{ n: 7 }]);
        expect(reasons[0]).toContain('SIGKILL');
        return;
      }
    }
    expect.unreachable(`not back: ${reasons.join('; ')}`);
  });

  it('takes over from an owner that was killed, with its committed work', async () => {
    const owner = fork(join(import.meta.dirname, 'fixtures/owner.ts'), [dataDir], { execArgv: [] });
    const url = await new Promise<string>((done) => owner.once('message', (message) => done(message as string)));
    await query(url, 'create table kept as select 9 as n');
    const gone = new Promise((done) => owner.once('exit', done));
    owner.kill('SIGKILL');
    await gone;
    const successor = await start();
    expect(await query(successor.url, 'select n from kept')).toEqual([{ n: 9 }]);
  });
});
