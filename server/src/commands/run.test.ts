import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { MAIN_EVENTS } from '../events/catalogue.ts';
import { APPLE, AT_INTERNET, putApp, testHttp, type TestHttp } from '../http/fixtures/test-http.ts';
import { run } from './run.ts';

let server: TestHttp;
let folder: string;
let errors: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
  server = await testHttp({
    checkStore: async () => [{ name: 'credentials', ok: false, message: 'Refused.', fix: 'Check the key.' }],
  });
  const url = await server.http.listen({ host: '127.0.0.1', port: 0 });
  vi.stubEnv('PIANOLA_URL', url);
  vi.stubEnv('PIANOLA_API_KEY', server.key);
  vi.stubEnv('PIANOLA_DATA_DIR', folder);
  vi.stubEnv('DATABASE_URL', server.database.url);
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await server.close();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  errors = '';
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    errors += String(chunk);
    return true;
  });
});
afterEach(() => vi.restoreAllMocks());

async function pianola(...args: string[]): Promise<{ code: number; out: string }> {
  const lines: string[] = [];
  const code = await run(args, (line) => lines.push(line));
  return { code, out: lines.join('\n') };
}
function file(content: unknown): string {
  const path = join(folder, 'settings.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

describe('help', () => {
  it.each([[], ['help'], ['--help']])('answers %j with every command', async (...args: string[]) => {
    const { code, out } = await pianola(...args);
    expect(code).toBe(0);
    for (const command of ['start', 'migrate', 'key create', 'app create', 'events enable', 'delivery list'])
      expect(out).toContain(command);
  });

  it('tells about one command', async () => {
    expect((await pianola('key', 'create', '--help')).out).toContain('--scopes');
  });

  it('does not guess', async () => {
    expect((await pianola('dance')).code).toBe(2);
    expect(await pianola('app', 'list', '--nonsense')).toMatchObject({ code: 2 });
    expect(errors).toContain('--nonsense');
    expect(await pianola('app', 'create')).toMatchObject({ code: 2 });
  });
});

describe('keys', () => {
  it('are made, work, are listed without themselves, and end', async () => {
    const made = await pianola('key', 'create', '--name', 'ops', '--scopes', 'read,write', '--days', '30');
    expect(made.code).toBe(0);
    const [, id = ''] = /^id +(\S+)$/m.exec(made.out) ?? [];
    const [, key = ''] = /^key +(\S+)$/m.exec(made.out) ?? [];
    // Its days are counted on real time, the test server's clock stands still before that.
    expect((await server.call('GET', '/api/v1/apps', { key })).status).toBe(200);
    const listed = await pianola('key', 'list');
    expect(listed.out).toContain(id);
    expect(listed.out).not.toContain(key.slice(-10));
    expect(await pianola('key', 'revoke', id)).toEqual({ code: 0, out: 'Revoked.' });
    expect((await pianola('key', 'list')).out).toMatch(
      new RegExp(`${id}.*\\d{4}-\\d\\d-\\d\\d\\s+\\d{4}-\\d\\d-\\d\\d\\s+\\d{4}-\\d\\d-\\d\\d`),
    );
    expect((await server.database.sql("select 1 from audit where actor = 'cli'")).length).toBe(2);
  });

  it.each([
    [['key', 'create', '--name', 'x', '--scopes', 'admin'], 2, 'admin'],
    [['key', 'create', '--name', 'x'], 2, '--scopes'],
    [['key', 'create', '--name', 'x', '--scopes', 'read', '--days', '0'], 2, '--days'],
    [['key', 'create', '--name', 'x', '--scopes', 'read', '--app', 'none'], 1, 'no app'],
    [['key', 'revoke', 'nonsense'], 2, 'UUID'],
    [['key', 'revoke', '00000000-0000-0000-0000-000000000000'], 1, 'no such key'],
  ])('refuse %j', async (args, code, message) => {
    expect((await pianola(...args)).code).toBe(code);
    expect(errors).toContain(message);
  });
});

describe('set-up', () => {
  it('creates and lists apps', async () => {
    const created = await pianola('app', 'create', 'daily', '--name', 'Daily', '--currency', 'CHF');
    expect(JSON.parse(created.out)).toMatchObject({ slug: 'daily', currency: 'CHF', sendUnknownUsers: false });
    expect((await pianola('app', 'list')).out).toMatch(/^daily +Daily +CHF +app_/m);
  });

  it('sets and shows stores, plans and integrations', async () => {
    await putApp(server, 'set');
    expect(JSON.parse((await pianola('store', 'set', 'set', 'apple', '--file', file(APPLE))).out)).toMatchObject(APPLE);
    expect(JSON.parse((await pianola('store', 'show', 'set', 'apple')).out)).toMatchObject({
      privateKey: { configured: false },
    });
    const checked = await pianola('store', 'check', 'set', 'apple');
    expect(checked).toEqual({ code: 1, out: 'FAIL  credentials: Refused. Check the key.' });
    const plans = { plans: [{ id: 'gold', product: 'premium', storeProducts: { apple: ['com.example.gold'] } }] };
    await pianola('plans', 'set', 'set', '--file', file(plans));
    expect(JSON.parse((await pianola('plans', 'show', 'set')).out)).toEqual(plans);
    await pianola('integration', 'set', 'set', '--file', file(AT_INTERNET));
    expect(JSON.parse((await pianola('integration', 'show', 'set')).out)).toMatchObject(AT_INTERNET);
  });

  it('switches events on and off, one by one and in presets', async () => {
    await putApp(server, 'events');
    const on = async () => {
      const { body } = await server.call('GET', '/api/v1/apps/events/integrations/at-internet/events');
      return Object.entries(body.events as Record<string, { enabled: boolean }>).flatMap(([code, { enabled }]) =>
        enabled ? [code] : [],
      );
    };
    await pianola('integration', 'set', 'events', '--file', file(AT_INTERNET));
    expect((await pianola('events', 'enable', 'events', 'activate')).out).toMatch(/^on +ACTIVATE/m);
    expect(await on()).toEqual(['ACTIVATE']);
    await pianola('events', 'enable', 'events', '--main-ten');
    expect((await on()).toSorted()).toEqual(['ACTIVATE', ...MAIN_EVENTS].toSorted());
    await pianola('events', 'disable', 'events', 'ACTIVATE', 'TRIAL_STARTED');
    expect(await on()).toHaveLength(9);
    await pianola('events', 'enable', 'events', '--all');
    expect((await pianola('events', 'show', 'events')).out).not.toMatch(/^off/m);
    expect((await pianola('events', 'enable', 'events', 'DANCE')).code).toBe(2);
    expect((await pianola('events', 'enable', 'events')).code).toBe(2);
  });

  it('says what the server says', async () => {
    expect((await pianola('integration', 'show', 'none')).code).toBe(1);
    expect(errors).toContain('There is no app with this slug.');
    expect(errors).toContain('create the app first');
  });

  it('says so when there is no server, or no key', async () => {
    expect((await pianola('app', 'list', '--url', 'http://127.0.0.1:1')).code).toBe(1);
    expect(errors).toContain('does not answer');
    vi.stubEnv('PIANOLA_API_KEY', '');
    expect((await pianola('app', 'list')).code).toBe(2);
    expect(errors).toContain('PIANOLA_API_KEY');
    writeFileSync(join(folder, 'simulator-api-key'), `${server.key}\n`);
    expect((await pianola('app', 'list')).code).toBe(0);
    vi.stubEnv('PIANOLA_API_KEY', server.key);
  });
});

describe('looking', () => {
  it('shows a user by any of the names', async () => {
    await putApp(server, 'look');
    const token = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
    const { body } = await server.call('PUT', `/api/v1/apps/look/account-tokens/${token}`, {
      body: { userId: 'anna' },
    });
    const byName = await pianola('user', 'show', 'look', '--user-id', 'anna');
    expect(JSON.parse(byName.out)).toMatchObject({ userId: 'anna', accountTokens: [{ token }] });
    expect(await pianola('user', 'show', 'look', body.ownerId)).toEqual(byName);
    expect(await pianola('user', 'show', 'look', '--anonymous-id', token)).toMatchObject({ code: 1 });
  });

  it('lists deliveries', async () => {
    await putApp(server, 'list');
    expect((await pianola('delivery', 'list', 'list', '--state', 'held')).out).toMatch(/^id +code/);
    expect((await pianola('delivery', 'list', 'list', '--state', 'lost')).code).toBe(1);
    expect((await pianola('delivery', 'list', 'list', '--limit', 'x')).code).toBe(2);
  });
});

describe('migrate', () => {
  it('has nothing to do on a database that is up to date', async () => {
    expect(await pianola('migrate')).toEqual({ code: 0, out: 'Nothing to do.' });
  });
});
