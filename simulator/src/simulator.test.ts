import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startSimulator } from './simulator.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pianola-simulator-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = () => ({ collectorPort: 0, storesPort: 0, dataFolder: join(folder, 'data') });
async function ask(url: string, method = 'GET', body?: object) {
  const answer = await fetch(url, { method, ...(body && { body: JSON.stringify(body) }) });
  return JSON.parse(await answer.text());
}

describe('the world', () => {
  it('shows one clock on both ports, and answers a change only when its followers know', async () => {
    const world = await startSimulator(options());
    const { now, version } = await ask(`${world.storesUrl}/__clock`, 'PUT', { mode: 'stepped' });
    const poll = (after: number) => ask(`${world.collectorUrl}/__clock?after=${after}&follower=server`);
    const told = poll(version).then((state) => {
      // Asking again is what acknowledges; this one stays open until the simulator ends.
      void poll(state.version).catch(() => undefined);
      return state;
    });
    const advanced = await ask(`${world.storesUrl}/__clock/advance`, 'POST', { ms: 86_400_000 });
    expect(advanced).toMatchObject({ mode: 'stepped', now: now + 86_400_000, rate: 0 });
    expect((await told).now).toBe(advanced.now);
    expect((await ask(`${world.collectorUrl}/__clock`)).now).toBe(advanced.now);
    const back = await ask(`${world.storesUrl}/__clock/advance`, 'POST', { to: now });
    expect(back.code).toBe('clock_backwards');
    await world.stop();
  });

  it('is the same after a restart: keys, clock, subscribers, data model', async () => {
    const first = await startSimulator(options());
    const root = await (await fetch(`${first.storesUrl}/apple/root.der`)).bytes();
    await ask(`${first.storesUrl}/__clock`, 'PUT', { mode: 'stepped' });
    const { now } = await ask(`${first.storesUrl}/__clock/advance`, 'POST', { ms: 1_000_000_000 });
    await ask(`${first.collectorUrl}/__model`, 'PUT', { events: ['A'] });
    const product = { id: 'coins', type: 'Consumable', price: 990, currency: 'EUR' };
    await ask(`${first.storesUrl}/apple/apps/com.example`, 'PUT', { appAppleId: 123_456, products: [product] });
    await ask(`${first.storesUrl}/apple/subscribers`, 'POST', {
      id: 'ada',
      bundleId: 'com.example',
      environment: 'Sandbox',
    });
    await ask(`${first.storesUrl}/apple/subscribers/ada/buy`, 'POST', { product: 'coins' });
    await first.stop();

    const second = await startSimulator(options());
    expect(await (await fetch(`${second.storesUrl}/apple/root.der`)).bytes()).toEqual(root);
    expect(await ask(`${second.storesUrl}/__clock`)).toMatchObject({ mode: 'stepped', now });
    expect((await ask(`${second.storesUrl}/apple/subscribers/ada`)).purchases).toHaveLength(1);
    expect((await ask(`${second.collectorUrl}/__model`)).events).toMatchObject([{ name: 'A', status: 'Validated' }]);
    await second.stop();
    expect(statSync(join(folder, 'data', 'apple-authority.json')).mode & 0o077).toBe(0);
  });
});

describe('the process', () => {
  const children = new Set<ChildProcess>();
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children.clear();
  });

  async function start(more: string[], stdin: 'ignore' | 'pipe' = 'ignore') {
    const main = join(import.meta.dirname, 'main.ts');
    const args = [main, '--collector-port', '0', '--stores-port', '0', '--data', join(folder, 'data'), ...more];
    const child = spawn(process.execPath, args, { stdio: [stdin, 'pipe', 'inherit'] });
    children.add(child);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    return { child, ready: JSON.parse(line), exited: once(child, 'exit') };
  }

  it('says where it listens, keeps running, and ends on SIGTERM with everything saved', async () => {
    const { child, ready, exited } = await start(['--parent', String(process.pid)]);
    expect(ready.ready).toBe(true);
    expect((await ask(`${ready.collector}/__health`)).status).toBe('ok');
    expect((await ask(`${ready.stores}/__health`)).status).toBe('ok');
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    expect(existsSync(join(folder, 'data', 'clock.json'))).toBe(true);
  });

  it('ends when the pipe from its parent closes', async () => {
    const { child, exited } = await start(['--parent', String(process.pid)], 'pipe');
    child.stdin?.end();
    expect(await exited).toEqual([0, null]);
  });

  it('ends when its parent is gone', async () => {
    const parent = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
    const { exited } = await start(['--parent', String(parent.pid)]);
    parent.kill('SIGKILL');
    expect(await exited).toEqual([0, null]);
  });
});
