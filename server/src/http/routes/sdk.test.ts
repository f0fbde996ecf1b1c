import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AT_INTERNET, putApp, testHttp, type TestHttp } from '../fixtures/test-http.ts';
import type { HandIn, Receipt } from '../deps.ts';

interface User {
  id: string;
  anonymousUserId: string | null;
  loggedInUser: string | null;
  integrationIds: Record<string, string>;
  seenAt: string;
}

const ANONYMOUS = '3F2504E0-4F89-41D3-9A0C-0305E82C3301';
const CLIENT = '1A2B3C4D-5E6F-7081-92A3-B4C5D6E7F809';

let server: TestHttp;
let publicKey: string;
let appId: number;
let receipt: Receipt;
const handedIn: HandIn[] = [];
beforeEach(async () => {
  handedIn.length = 0;
  receipt = { status: 202 };
  const handIn = async (purchase: HandIn) => {
    handedIn.push(purchase);
    return receipt;
  };
  server = await testHttp({ handIn });
  ({ publicKey, id: appId } = await putApp(server));
});
afterEach(() => server.close());

const sdk = (path: string, body: unknown, key = publicKey) =>
  server.call('POST', `/sdk/v1/${path}`, { key: null, headers: { 'x-api-key': key }, body });
const identify = (body: object) => sdk('identify', { anonymous_user_id: ANONYMOUS, ...body });
const setId = (value: string) =>
  sdk('attributes', { anonymous_user_id: ANONYMOUS, attributes: { at_internet_id_client: value } });
/** Installations first. */
const users = async () => {
  const { items } = (await server.call('GET', '/api/v1/apps/news/users')).body as { items: User[] };
  return items.toSorted((a, b) => Number(a.anonymousUserId === null) - Number(b.anonymousUserId === null));
};
const counts = async () =>
  (
    await server.database.sql(
      'select (select count(*) from app_user) as users, (select count(*) from integration_id) as ids, (select max(seen_at) from app_user) as seen',
    )
  )[0];

describe('identify', () => {
  it('creates the installation once, whatever the case of its id', async () => {
    expect(await identify({})).toMatchObject({ status: 200, body: {} });
    expect(await sdk('identify', { anonymous_user_id: ANONYMOUS.toLowerCase() })).toMatchObject({ status: 200 });
    expect(await users()).toMatchObject([{ userId: null, anonymousUserId: ANONYMOUS, loggedInUser: null }]);
    expect(server.wakes()).toBe(1);
  });

  it('logs in, changes user and logs out', async () => {
    await identify({ user_id: 'anna' });
    const [installation, anna] = (await users()) as [User, User];
    expect(installation.loggedInUser).toBe(anna.id);
    await identify({});
    expect((await users())[0]?.loggedInUser).toBe(anna.id);
    await identify({ user_id: 'ben' });
    const ben = (await server.call('GET', '/api/v1/apps/news/users?userId=ben')).body.items[0];
    expect((await users())[0]?.loggedInUser).toBe(ben.id);
    expect((await server.call('GET', `/api/v1/apps/news/users/${ben.id}`)).body.installations).toEqual([
      installation.id,
    ]);
    await identify({ user_id: null });
    expect((await users())[0]?.loggedInUser).toBeNull();
  });

  it('writes nothing when repeated', async () => {
    await identify({ user_id: 'anna' });
    const before = await counts();
    const wakes = server.wakes();
    server.time.now += 60_000;
    await identify({ user_id: 'anna' });
    expect(await counts()).toEqual(before);
    expect(server.wakes()).toBe(wakes);
    server.time.now += 3_600_000;
    await identify({ user_id: 'anna' });
    expect((await users())[0]?.seenAt).toBe(new Date(server.time.now).toISOString());
  });

  it.each([
    { anonymous_user_id: 'me' },
    { anonymous_user_id: ANONYMOUS, user_id: '' },
    { anonymous_user_id: ANONYMOUS, user_id: 'a\u0000b' },
    { anonymous_user_id: ANONYMOUS, extra: 1 },
  ])('refuses %j', async (body) => {
    expect(await sdk('identify', body)).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
  });
});

describe('attributes', () => {
  it('note the client id as it is, for the installation and its user, with history', async () => {
    await identify({ user_id: 'anna' });
    expect(await setId(CLIENT)).toMatchObject({ status: 200, body: {} });
    await setId('0123456789abcdef');
    const [installation, anna] = (await users()) as [User, User];
    for (const owner of [installation, anna]) {
      const { body } = await server.call('GET', `/api/v1/apps/news/users/${owner.id}`);
      expect(body.integrationIds).toEqual({ at_internet_id_client: '0123456789abcdef' });
      expect(body.integrationIdHistory.map((entry: { value: string }) => entry.value)).toEqual([
        '0123456789abcdef',
        CLIENT,
      ]);
    }
  });

  it('create the installation if need be, and write nothing when repeated', async () => {
    await setId(CLIENT);
    const before = await counts();
    const wakes = server.wakes();
    await setId(CLIENT);
    expect(await counts()).toEqual(before);
    expect(server.wakes()).toBe(wakes);
  });

  it('refuse other lengths and keep the last valid id', async () => {
    await setId(CLIENT);
    for (const wrong of ['short', `${CLIENT}0`, 'has a blank in it']) {
      expect(await setId(wrong)).toMatchObject({ status: 422, body: { code: 'client_id_length' } });
    }
    expect((await users())[0]?.integrationIds).toEqual({ at_internet_id_client: CLIENT });
  });

  it('take sentinels as privacy, never as an id, until a real id comes', async () => {
    await setId(CLIENT);
    await setId('OPT-OUT');
    expect(await users()).toMatchObject([
      { privacyMode: 'optout', privacyConsent: false, integrationIds: { at_internet_id_client: CLIENT } },
    ]);
    expect((await counts())?.['ids']).toBe(1);
    await setId(CLIENT);
    expect(await users()).toMatchObject([{ privacyMode: null, privacyConsent: null }]);
  });

  it('pass to the user who logs in', async () => {
    await setId(CLIENT);
    await identify({ user_id: 'anna' });
    expect((await users())[1]).toMatchObject({ userId: 'anna', integrationIds: { at_internet_id_client: CLIENT } });
  });

  it('release what was held for want of an id', async () => {
    await server.call('PUT', '/api/v1/apps/news/integrations/at-internet', { body: AT_INTERNET });
    await identify({ user_id: 'anna' });
    const [installation, anna] = (await users()) as [User, User];
    for (const [index, owner] of [installation, anna].entries()) await hold(owner.id, index);
    await setId(CLIENT);
    const states = await server.database.sql('select state, due_at from delivery order by id');
    expect(states).toEqual([
      { state: 'queued', due_at: server.time.now },
      { state: 'queued', due_at: server.time.now },
    ]);
  });
});

async function hold(ownerId: string, shard: number): Promise<void> {
  await server.database.sql(
    `insert into delivery (app_id, integration_id, environment, event_id, lane, shard, owner_id, state, reason, due_at, hold_until, created_at)
     select $1, id, 'SANDBOX', gen_random_uuid(), $3::int, $3::int, $2, 'held', 'no_client_id', $4, $4, $4 from integration`,
    [appId, ownerId, shard, new Date(server.time.now + 1_000_000)],
  );
}

describe('transactions', () => {
  const purchase = { anonymous_user_id: ANONYMOUS, store: 'apple', signed: 'a.b.c' };

  it('are handed in for the installation, or its user', async () => {
    expect(await sdk('transactions', purchase)).toMatchObject({ status: 202, body: {} });
    await identify({ user_id: 'anna' });
    await sdk('transactions', purchase);
    const [installation, anna] = (await users()) as [User, User];
    expect(handedIn).toMatchObject([
      { app: { slug: 'news' }, store: 'apple', signed: 'a.b.c', ownerId: installation.id },
      { ownerId: anna.id },
    ]);
  });

  it('are refused as ingest says', async () => {
    receipt = { status: 401, code: 'store_signature_invalid' };
    expect(await sdk('transactions', purchase)).toMatchObject({
      status: 401,
      body: { code: 'store_signature_invalid' },
    });
  });
});

describe('the way in', () => {
  it('is the app key, which reads nothing', async () => {
    expect(await sdk('identify', { anonymous_user_id: ANONYMOUS }, 'app_wrong')).toMatchObject({
      status: 401,
      body: { code: 'unauthorized' },
    });
    const asApi = await server.call('GET', '/api/v1/apps', { key: publicKey });
    expect(asApi.status).toBe(401);
  });

  it('is open to browsers of any origin', async () => {
    const headers = {
      origin: 'https://example.com',
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key',
    };
    const preflight = await server.call('OPTIONS', '/sdk/v1/identify', { key: null, headers });
    expect(preflight.status).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'POST',
    });
    expect(preflight.headers['access-control-allow-headers']).toContain('x-api-key');
    expect((await identify({})).headers['access-control-allow-origin']).toBe('*');
  });

  it('is limited per key and address', async () => {
    const limited = await testHttp({ config: { trustedProxies: ['loopback'], sdkRequestsPerMinute: 2 } });
    const apps = [await putApp(limited), await putApp(limited, 'other')];
    const from = (app: { publicKey: string }, address: string) =>
      limited.call('POST', '/sdk/v1/identify', {
        key: null,
        headers: { 'x-api-key': app.publicKey, 'x-forwarded-for': address },
        body: { anonymous_user_id: ANONYMOUS },
      });
    for (const status of [200, 200]) expect((await from(apps[0]!, '203.0.113.1')).status).toBe(status);
    const refused = await from(apps[0]!, '203.0.113.1');
    expect(refused).toMatchObject({ status: 429, body: { code: 'rate_limited' } });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await from(apps[0]!, '203.0.113.2')).status).toBe(200);
    expect((await from(apps[1]!, '203.0.113.1')).status).toBe(200);
    await limited.close();
  });
});
