import { expect, test } from 'vitest';
import { createHealth } from './health.ts';

const base = { version: '0.0.0', simulator: true };

test('live says what runs and asks nobody', () => {
  const health = createHealth({ ...base, checks: { database: () => Promise.reject(new Error('down')) } });
  expect(health.live()).toMatchObject({ status: 'ok', version: '0.0.0', simulator: true });
});

test('ready when every check passes', async () => {
  const health = createHealth({ ...base, checks: { database: async () => {}, migrations: async () => true } });
  expect(await health.ready()).toEqual({ ready: true, checks: { database: 'ok', migrations: 'ok' } });
});

test('one failed check makes it not ready, and says why', async () => {
  const health = createHealth({
    ...base,
    checks: { database: () => Promise.reject(new Error('refused')), migrations: async () => {} },
  });
  expect(await health.ready()).toEqual({ ready: false, checks: { database: 'refused', migrations: 'ok' } });
});

test('a check that hangs counts as failed', async () => {
  const health = createHealth({ ...base, timeoutMs: 5, checks: { database: () => new Promise(() => {}) } });
  expect(await health.ready()).toMatchObject({ ready: false, checks: { database: 'no answer within 5 ms' } });
});

test('a stopping process is not ready', async () => {
  const health = createHealth({ ...base, checks: {} });
  health.stopping();
  expect(await health.ready()).toEqual({ ready: false, checks: { process: 'stopping' } });
});
