import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StoreAccount } from '../../stores/store.ts';
import { APPLE, putApp, testHttp, type TestHttp } from '../fixtures/test-http.ts';

const pem = () =>
  generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    .privateKey.export({ type: 'pkcs8', format: 'pem' })
    .toString();
const API_KEY = { issuerId: '57246542-96fe-1a63-e053-0824d011072a', keyId: 'ABCDE12345' };

let server: TestHttp;
const checked: StoreAccount[] = [];
beforeEach(async () => {
  checked.length = 0;
  const checkStore = async (_store: string, account: StoreAccount) => {
    checked.push(account);
    return [
      { name: 'credentials', ok: true, message: 'Accepted.' },
      { name: 'notification', ok: false, message: 'Did not arrive.', fix: 'Enter the address at the store.' },
    ];
  };
  server = await testHttp({ checkStore });
});
afterEach(() => server.close());

const epoch = async () =>
  (await server.database.sql<{ e: number }>('select settings_epoch as e from installation'))[0]!.e;
const audit = () =>
  server.database.sql<{ action: string; detail: Record<string, unknown> }>(
    'select actor, action, target, detail from audit order by id',
  );

describe('store accounts', () => {
  const url = '/api/v1/apps/news/stores/apple';
  beforeEach(() => putApp(server));

  it('are unknown until saved', async () => {
    const answer = await server.call('GET', url);
    expect([answer.status, answer.body.code]).toEqual([404, 'store_unknown']);
    expect((await server.call('POST', `${url}/check`)).body.code).toBe('store_unknown');
  });

  it('take the definition’s settings and show its defaults', async () => {
    const put = await server.call('PUT', url, { body: APPLE });
    expect(put.status).toBe(200);
    expect(put.body).toMatchObject({
      ...APPLE,
      identityWaitMinutes: 15,
      privateKey: { configured: false },
      version: 1,
    });
    expect((await server.call('GET', url)).body).toEqual(put.body);
    expect(
      server.settings.storeAccount(server.settings.appBySlug('news')!.id, 'apple')?.account.settings,
    ).toMatchObject(APPLE);
  });

  it('never show a secret, keep it sealed, and keep it when it is left out', async () => {
    const privateKey = pem();
    const put = await server.call('PUT', url, { body: { ...APPLE, ...API_KEY, privateKey } });
    expect(put.body).toMatchObject({ ...API_KEY, privateKey: { configured: true }, version: 1 });
    const dump = JSON.stringify(await server.database.sql('select * from store_account, audit'));
    expect(dump).not.toContain(privateKey.split('\n')[1]);

    const renamed = await server.call('PUT', url, { body: { ...APPLE, ...API_KEY, identityWaitMinutes: 5 } });
    expect(renamed.body).toMatchObject({ identityWaitMinutes: 5, privateKey: { configured: true }, version: 2 });
    const inForce = () =>
      server.settings.storeAccount(server.settings.appBySlug('news')!.id, 'apple')!.account.settings;
    expect(inForce()).toMatchObject({ privateKey });

    // What GET shows can be sent back as it is.
    expect((await server.call('PUT', url, { body: renamed.body })).body).toEqual(renamed.body);
    expect(inForce()).toMatchObject({ privateKey });
    const other = pem();
    expect((await server.call('PUT', url, { body: { ...renamed.body, privateKey: other } })).body.version).toBe(3);
    expect(inForce()).toMatchObject({ privateKey: other });
    const removed = await server.call('PUT', url, { body: { ...APPLE, privateKey: null } });
    expect(removed.body).toMatchObject({ privateKey: { configured: false }, version: 4 });
    expect(
      (await audit()).filter(({ action }) => action === 'store_account.save').map(({ detail }) => detail['changed']),
    ).toEqual([
      expect.arrayContaining(['bundleId', 'privateKey']),
      ['identityWaitMinutes'],
      ['privateKey'],
      expect.arrayContaining(['privateKey', 'keyId', 'issuerId']),
    ]);
  });

  it('write nothing at an unchanged PUT, secrets included', async () => {
    const body = { ...APPLE, ...API_KEY, privateKey: pem() };
    await server.call('PUT', url, { body });
    const before = await epoch();
    expect((await server.call('PUT', url, { body })).body.version).toBe(1);
    expect(await epoch()).toBe(before);
  });

  it('refuse settings by field, without quoting secrets', async () => {
    const wrong = await server.call('PUT', url, { body: { ...APPLE, bundleId: 'com example' } });
    expect([wrong.status, wrong.body.code]).toEqual([422, 'settings_invalid']);
    expect(wrong.body.message).toContain('bundleId: ');
    const secret = await server.call('PUT', url, { body: { ...APPLE, ...API_KEY, privateKey: 'hunter2' } });
    expect(secret.body.message).toContain('privateKey: ');
    expect(secret.body.message).not.toContain('hunter2');
    expect((await server.call('GET', url)).status).toBe(404);
  });

  it('give each bundle id to one app', async () => {
    await server.call('PUT', url, { body: APPLE });
    await putApp(server, 'other');
    const taken = await server.call('PUT', '/api/v1/apps/other/stores/apple', { body: APPLE });
    expect([taken.status, taken.body.code]).toEqual([409, 'bundle_id_taken']);
    const free = await server.call('PUT', '/api/v1/apps/other/stores/apple', {
      body: { ...APPLE, bundleId: 'com.example.other' },
    });
    expect(free.status).toBe(200);
  });

  it('stay whole when several save at the same moment', async () => {
    await putApp(server, 'other');
    const minutes = [1, 2, 3, 4, 5];
    const saved = await Promise.all(
      minutes.map((identityWaitMinutes) => server.call('PUT', url, { body: { ...APPLE, identityWaitMinutes } })),
    );
    expect(saved.map((answer) => answer.body.version).toSorted()).toEqual(minutes);
    const newest = saved.find((answer) => answer.body.version === 5);
    expect((await server.call('GET', url)).body).toEqual(newest?.body);
    const body = { ...APPLE, bundleId: 'com.example.contested' };
    const rivals = await Promise.all(
      ['news', 'other'].map((slug) => server.call('PUT', `/api/v1/apps/${slug}/stores/apple`, { body })),
    );
    expect(rivals.map((answer) => answer.status).toSorted()).toEqual([200, 409]);
  });

  it('are checked with the settings in force', async () => {
    await server.call('PUT', url, { body: APPLE });
    const answer = await server.call('POST', `${url}/check`);
    expect(answer).toMatchObject({
      status: 200,
      body: { ok: false, steps: [{ ok: true }, { ok: false, fix: 'Enter the address at the store.' }] },
    });
    expect(checked).toMatchObject([{ appSlug: 'news', settings: APPLE }]);
  });
});
