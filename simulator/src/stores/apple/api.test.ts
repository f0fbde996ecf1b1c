import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Listener, listen, Router } from '../../http/router.ts';
import { derOf } from './authority.ts';
import type { RenewalPayload, TransactionPayload } from './notification.ts';
import { DAY_MS } from './period.ts';
import { addAppleRoutes } from './routes.ts';
import { BUNDLE, open, openStage, type Stage } from './stage.ts';
import type { Subscriber } from './state.ts';

const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const key = {
  issuerId: '57246542-96fe-1a63-e053-0824d011072a',
  keyId: 'ABC1234567',
  publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
};

let stage: Stage;
let listener: Listener;
beforeAll(async () => {
  stage = await openStage();
  const router = new Router();
  addAppleRoutes(router, stage.store, derOf(stage.authority.root));
  listener = await listen(router.handle, 0);
});
afterAll(async () => {
  await listener.close();
  await stage.close();
});
beforeEach(() => {
  stage.set({ key });
});

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims: object = {}, header: object = {}, privateKey: KeyObject = pair.privateKey): string {
  const iat = Math.floor(stage.timeline.now() / 1_000);
  const head = part({ alg: 'ES256', kid: key.keyId, typ: 'JWT', ...header });
  const body = part({ iss: key.issuerId, aud: 'appstoreconnect-v1', bid: BUNDLE, iat, exp: iat + 1_200, ...claims });
  const signature = sign('sha256', Buffer.from(`${head}.${body}`), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${head}.${body}.${signature.toString('base64url')}`;
}

async function call(method: string, path: string, body?: object, bearer = token(), environment = 'production') {
  const answer = await fetch(`${listener.url}/apple/${environment}/inApps${path}`, {
    method,
    headers: { authorization: `Bearer ${bearer}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, json: text.startsWith('{') ? JSON.parse(text) : null, text };
}

const opened = (jws: string): TransactionPayload => open(jws, stage.root) as TransactionPayload;

async function subscriber(renewals: number): Promise<Subscriber> {
  const who = stage.subscriber();
  await stage.act(who, 'buy', { product: 'monthly' });
  for (let count = 0; count < renewals; count++) await stage.act(who, 'renew', { now: true });
  return who;
}

const firstId = (who: Subscriber): string => who.chains[0]?.originalTransactionId ?? '';

describe('token', () => {
  const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const expired = { iat: 1_000, exp: 2_200 };
  it.each<[string, () => string]>([
    ['none', () => ''],
    ['signed by another key', () => token({}, {}, stranger)],
    ['of another audience', () => token({ aud: 'other' })],
    ['of another issuer', () => token({ iss: 'other' })],
    ['for an unknown app', () => token({ bid: 'com.example.other' })],
    ['with another key id', () => token({}, { kid: 'ZZZ1234567' })],
    ['of another algorithm', () => token({}, { alg: 'none' })],
    ['expired', () => token(expired)],
    ['valid for too long', () => token({ exp: Math.floor(stage.timeline.now() / 1_000) + 7_200 })],
    ['without expiry', () => token({ exp: undefined })],
    ['with a fourth part', () => `${token()}.x`],
  ])('%s is refused without a reason', async (_, make) => {
    const answer = await call('GET', '/v1/transactions/1', undefined, make());
    expect([answer.status, answer.json]).toEqual([401, null]);
    expect(answer.text).toContain('Unauthenticated');
  });

  it('is refused while the app has no key', async () => {
    stage.set({});
    expect((await call('GET', '/v1/transactions/1')).status).toBe(401);
  });
});

describe('transaction history', () => {
  it('pages by 20, oldest first, every transaction once', async () => {
    const who = await subscriber(44);
    const ids: string[] = [];
    const sizes: number[] = [];
    let query = '?sort=ASCENDING';
    for (;;) {
      const { json } = await call('GET', `/v2/history/${firstId(who)}${query}`);
      expect(json).toMatchObject({ bundleId: BUNDLE, appAppleId: 123_456_789, environment: 'Production' });
      ids.push(...json.signedTransactions.map((jws: string) => opened(jws).transactionId));
      sizes.push(json.signedTransactions.length);
      if (!json.hasMore) break;
      query = `?sort=ASCENDING&revision=${json.revision}`;
    }
    expect(sizes).toEqual([20, 20, 5]);
    expect(ids).toEqual(who.chains[0]?.transactions.map((one) => one.transactionId));
  });

  it('is found by any transaction of the customer, and shows what an upgrade replaced', async () => {
    const who = await subscriber(0);
    await stage.act(who, 'upgrade', { product: 'family' });
    const newest = who.chains[0]?.transactions.at(-1)?.transactionId;
    const { json } = await call('GET', `/v2/history/${newest}?sort=DESCENDING`);
    const history = json.signedTransactions.map((jws: string) => opened(jws));
    expect(history.map((one: TransactionPayload) => [one.productId, one.isUpgraded])).toEqual([
      ['family', undefined],
      ['monthly', true],
    ]);
  });

  it('knows no transaction of another environment or app', async () => {
    const who = await subscriber(0);
    expect(await call('GET', `/v2/history/${firstId(who)}`, undefined, token(), 'sandbox')).toMatchObject({
      status: 404,
      json: { errorCode: 4040010 },
    });
    expect((await call('GET', '/v2/history/999')).json.errorCode).toBe(4040010);
    expect(await call('GET', '/v2/history/abc')).toMatchObject({ status: 400, json: { errorCode: 4000006 } });
    expect((await call('GET', `/v2/history/${firstId(who)}?revision=nonsense`)).json.errorCode).toBe(4000014);
  });
});

it('gives statuses, single transactions and refunds', async () => {
  const who = await subscriber(1);
  await stage.act(who, 'cancel');
  await stage.act(who, 'refund', { periodsAgo: 1 });
  const { json } = await call('GET', `/v1/subscriptions/${firstId(who)}`);
  const [{ lastTransactions, subscriptionGroupIdentifier }] = json.data;
  expect(subscriptionGroupIdentifier).toBe('g1');
  expect(lastTransactions[0]).toMatchObject({ originalTransactionId: firstId(who), status: 1 });
  const renewal = open(lastTransactions[0].signedRenewalInfo, stage.root) as RenewalPayload;
  expect(renewal.autoRenewStatus).toBe(0);
  expect((await call('GET', `/v1/subscriptions/${firstId(who)}?status=2`)).json.data).toEqual([]);
  const info = await call('GET', `/v1/transactions/${firstId(who)}`);
  expect(opened(info.json.signedTransactionInfo)).toMatchObject({
    transactionId: firstId(who),
    revocationType: 'REFUND_FULL',
  });
  const refunds = await call('GET', `/v2/refund/lookup/${firstId(who)}`);
  expect(refunds.json.signedTransactions.map((jws: string) => opened(jws).transactionId)).toEqual([firstId(who)]);
});

describe('notification history', () => {
  const window = () => ({ startDate: stage.timeline.now() - 10, endDate: stage.timeline.now() + 900 });

  it('carries the payloads as sent, with their attempts, and only the failed ones if asked', async () => {
    await stage.advance(1_000);
    stage.answers.push(500);
    const who = await subscriber(0);
    await stage.act(who, 'cancel');
    const all = await call('POST', '/v1/notifications/history', window());
    const items = all.json.notificationHistory;
    expect(items.map((one: { signedPayload: string }) => one.signedPayload)).toEqual(
      stage.bodies.slice(-2).map((body) => JSON.parse(body).signedPayload),
    );
    expect(items[0].sendAttempts).toEqual([
      { attemptDate: stage.timeline.now(), sendAttemptResult: 'UNSUCCESSFUL_HTTP_RESPONSE_CODE' },
    ]);
    const failed = await call('POST', '/v1/notifications/history', { ...window(), onlyFailures: true });
    expect(failed.json).toEqual({ hasMore: false, notificationHistory: [items[0]] });
  });

  it('pages by 20', async () => {
    await stage.advance(1_000);
    await subscriber(24);
    const first = await call('POST', '/v1/notifications/history', window());
    expect([first.json.notificationHistory.length, first.json.hasMore]).toEqual([20, true]);
    const next = `/v1/notifications/history?paginationToken=${first.json.paginationToken}`;
    expect((await call('POST', next, window())).json).toMatchObject({
      hasMore: false,
      notificationHistory: { length: 5 },
    });
  });

  it('checks the window', async () => {
    const codeOf = async (body: object) => (await call('POST', '/v1/notifications/history', body)).json.errorCode;
    const now = stage.timeline.now();
    expect(await codeOf({ endDate: now })).toBe(4000015);
    expect(await codeOf({ startDate: now })).toBe(4000016);
    expect(await codeOf({ startDate: now, endDate: now })).toBe(4000013);
    expect(await codeOf({ startDate: now - 200 * DAY_MS, endDate: now })).toBe(4000012);
  });
});

describe('test notification', () => {
  it('arrives at the app’s URL, and its fate can be asked for', async () => {
    const requested = await call('POST', '/v1/notifications/test');
    const path = `/v1/notifications/test/${requested.json.testNotificationToken}`;
    await expect.poll(async () => (await call('GET', path)).status).toBe(200);
    const { json } = await call('GET', path);
    expect(json.sendAttempts).toMatchObject([{ sendAttemptResult: 'SUCCESS' }]);
    expect(stage.received.at(-1)).toMatchObject({ notificationType: 'TEST', data: { bundleId: BUNDLE } });
    expect((await call('GET', '/v1/notifications/test/none')).json.errorCode).toBe(4040008);
  });

  it('needs a URL', async () => {
    stage.set({ key, notificationUrl: null });
    expect(await call('POST', '/v1/notifications/test')).toMatchObject({ status: 404, json: { errorCode: 4040007 } });
  });
});

describe('trouble', () => {
  it('throttles by the second, with Retry-After in milliseconds since 1970', async () => {
    stage.set({ key, requestsPerSecond: 2 });
    const who = await subscriber(0);
    const answers = await Promise.all(Array.from({ length: 8 }, () => call('GET', `/v1/transactions/${firstId(who)}`)));
    const refused = answers.filter((answer) => answer.status === 429);
    expect(refused.length).toBeGreaterThanOrEqual(4);
    expect(refused[0]?.json.errorCode).toBe(4290000);
    expect(Number(refused[0]?.headers.get('retry-after'))).toBe(stage.timeline.now() + 1_000);
  });

  it('fails on demand', async () => {
    const who = await subscriber(0);
    const faults = [
      { path: 'transactions', status: 404, errorCode: 4040002, times: 1 },
      { path: 'history', status: 401 },
    ];
    const set = await fetch(`${listener.url}/apple/apps/${BUNDLE}/faults`, {
      method: 'PUT',
      body: JSON.stringify({ faults }),
    });
    expect(set.status).toBe(200);
    expect((await call('GET', `/v1/transactions/${firstId(who)}`)).json.errorCode).toBe(4040002);
    expect((await call('GET', `/v1/transactions/${firstId(who)}`)).status).toBe(200);
    expect((await call('GET', `/v2/history/${firstId(who)}`)).status).toBe(401);
  });
});

describe('control routes', () => {
  const control = async (method: string, path: string, body?: object) => {
    const answer = await fetch(listener.url + path, { method, ...(body && { body: JSON.stringify(body) }) });
    return { status: answer.status, json: JSON.parse(await answer.text()) };
  };

  it('script a life', async () => {
    const made = await control('POST', '/apple/subscribers', { bundleId: BUNDLE, environment: 'Sandbox', id: 'ada' });
    expect(made).toMatchObject({ status: 201, json: { id: 'ada', storefront: 'FRA', chains: [] } });
    const bought = await control('POST', '/apple/subscribers/ada/buy', { product: 'monthly', offer: 'trial' });
    expect(bought.json.subscriber.chains[0].status).toBe(1);
    expect(bought.json.notifications[0]).toMatchObject({
      type: 'SUBSCRIBED',
      subtype: 'INITIAL_BUY',
      state: 'delivered',
      attempts: [{ result: 'SUCCESS', status: 200 }],
    });
    const kept = await control('POST', '/apple/subscribers/ada/cancel', { deliver: { skip: true } });
    const { uuid, state } = kept.json.notifications[0];
    expect(state).toBe('kept');
    expect((await control('POST', `/apple/notifications/${uuid}/deliver`)).json.state).toBe('delivered');
    const { json } = await control('GET', '/apple/notifications?subscriber=ada');
    expect(json.items.map((one: { type: string }) => one.type)).toEqual(['SUBSCRIBED', 'DID_CHANGE_RENEWAL_STATUS']);
    expect((await control('GET', '/apple/subscribers/ada')).json.chains[0].autoRenew).toBe(false);
  });

  it('send whatever Apple may think of next', async () => {
    const path = `/apple/apps/${BUNDLE}/notifications`;
    const sent = await control('POST', path, {
      environment: 'Production',
      notificationType: 'BRAND_NEW',
      subtype: 'X',
    });
    expect(sent.json).toMatchObject({ type: 'BRAND_NEW', state: 'delivered' });
    expect(stage.received.at(-1)).toMatchObject({ notificationType: 'BRAND_NEW', subtype: 'X' });
  });

  it('say what is wrong and what to do', async () => {
    const refused = [
      await control('POST', '/apple/subscribers', { bundleId: 'none', environment: 'Sandbox' }),
      await control('POST', '/apple/subscribers', { bundleId: BUNDLE, environment: 'Xcode' }),
      await control('POST', '/apple/subscribers/nobody/buy', {}),
      await control('PUT', `/apple/apps/${BUNDLE}`, {
        appAppleId: 1,
        products: [{ id: 'x', price: -1, currency: 'EUR' }],
      }),
      await control('GET', '/apple/nothing'),
      await control('DELETE', '/apple/apps'),
    ];
    expect(refused.map(({ status }) => status)).toEqual([404, 400, 404, 400, 404, 405]);
    for (const { json } of refused) expect(Object.keys(json)).toEqual(['code', 'message', 'fix']);
    expect(refused[3]?.json.message).toContain('price');
  });

  it('give the root to trust', async () => {
    const answer = await fetch(`${listener.url}/apple/root.der`);
    expect(Buffer.from(await answer.arrayBuffer()).equals(derOf(stage.authority.root))).toBe(true);
  });
});
