import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { jwtVerify } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, createAuthority, derOf } from '../../../../simulator/src/stores/apple/authority.ts';
import { createSigner, type Signer } from '../../../../simulator/src/stores/apple/sign.ts';
import type { CheckStep, ReadContext, ReadResult, StoreAccount } from '../store.ts';
import { closeApi } from './api.ts';
import { check } from './check.ts';
import { type Answer, type ApiServer, startApi } from './fixtures/api-server.ts';
import {
  accountOf,
  BUNDLE_ID,
  MONTH,
  notificationOf,
  renewalOf,
  signalOf,
  T0,
  transactionOf,
} from './fixtures/notification.ts';
import { readHistory } from './history.ts';
import type { Json } from './json.ts';
import type { AppleSettings } from './settings.ts';
import { apiToken } from './token.ts';
import { translate } from './translate.ts';

const NOW = T0 + 3 * MONTH;
const MINUTE = 60_000;
const ISSUER = '69a6de70-03db-47e3-e053-5b8c7c11a4d1';
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const privateKey = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

let authority: Authority;
let sign: Signer;
let api: ApiServer;
let context: ReadContext;
/** Every test is another app: tokens and gates are per app. */
let appId = 100;

beforeAll(async () => {
  authority = await createAuthority();
  sign = createSigner(authority);
  api = await startApi();
  context = { clock: { now: () => NOW }, extraRoots: [derOf(authority.root)], allowPrivateTargets: true };
});
beforeEach(() => {
  appId++;
  api.asked.length = 0;
  api.most = 0;
});
afterAll(async () => {
  await closeApi();
  await api.close();
});

function account(settings: Partial<AppleSettings> = {}): StoreAccount<AppleSettings> {
  const hosts = { productionHost: api.host, sandboxHost: api.host };
  return { ...accountOf({ issuerId: ISSUER, keyId: 'ABCDE12345', privateKey, ...hosts, ...settings }), appId };
}

const sandbox = { environment: 'Sandbox' };
const signal = signalOf('DID_RENEW', {
  transaction: transactionOf({ ...sandbox, transactionId: '1040', purchaseDate: T0 + MONTH }),
  renewal: renewalOf(sandbox),
  data: sandbox,
});

const read = (tries = 0, over: Partial<ReadContext> = {}): Promise<ReadResult> =>
  readHistory(signal, account(), { ...context, ...over, tries });

const signed = (over: Json = {}): string => sign(transactionOf({ ...sandbox, ...over }));
const page = (signedTransactions: string[], more: Json = {}): Answer => ({
  body: { revision: 'r', bundleId: BUNDLE_ID, environment: 'Sandbox', hasMore: false, signedTransactions, ...more },
});
const fault = (status: number, errorCode: number): Answer => ({ status, body: { errorCode, errorMessage: 'no' } });
const answers = (...queue: Answer[]): void => {
  api.answer = () => queue.shift() ?? { status: 500 };
};

describe('the token', () => {
  it('says who asks for which app, and is reused until 5 minutes before its end', async () => {
    const key = { issuerId: ISSUER, keyId: 'ABCDE12345', privateKey };
    const first = await apiToken(appId, BUNDLE_ID, key, NOW);
    const { payload, protectedHeader } = await jwtVerify(first, createPublicKey(privateKey), {
      audience: 'appstoreconnect-v1',
      issuer: ISSUER,
      currentDate: new Date(NOW),
    });
    expect(protectedHeader).toEqual({ alg: 'ES256', kid: 'ABCDE12345', typ: 'JWT' });
    expect(payload).toMatchObject({ bid: BUNDLE_ID, iat: NOW / 1000, exp: NOW / 1000 + 20 * 60 });
    expect(await apiToken(appId, BUNDLE_ID, key, NOW + 15 * MINUTE - 1)).toBe(first);
    expect(await apiToken(appId, BUNDLE_ID, key, NOW + 15 * MINUTE)).not.toBe(first);
    const second = await apiToken(appId, BUNDLE_ID, key, NOW);
    expect(await apiToken(appId, BUNDLE_ID, { ...key, keyId: 'ZZZZZ12345' }, NOW)).not.toBe(second);
    expect(await apiToken(appId, 'com.other', key, NOW)).not.toBe(second);
    expect(await apiToken(appId, 'com.other', key, NOW, { fresh: true })).not.toBe(
      await apiToken(appId + 1000, 'com.other', key, NOW),
    );
  });
});

describe('the transaction history', () => {
  it('is read page by page and holds the chain alone', async () => {
    const all = Array.from({ length: 45 }, (_, index) =>
      signed({ transactionId: String(1001 + index), purchaseDate: T0 + index, expiresDate: T0 + index + 1 }),
    );
    const foreign = signed({ transactionId: '7', originalTransactionId: '7' });
    answers(
      page([foreign, ...all.slice(0, 19)], { revision: 'a/b=', hasMore: true }),
      page(all.slice(19, 39), { revision: 'c', hasMore: true }),
      page(all.slice(39), { revision: 'd' }),
    );
    expect(await read()).toEqual({ ok: true, snapshot: { kind: 'history', items: all, readAt: NOW } });
    expect(api.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(
      Array.from({ length: 3 }, () => 'GET /apple/sandbox/inApps/v2/history/1040'),
    );
    expect(api.asked.map(({ query }) => [query.get('revision'), query.get('sort')])).toEqual([
      [null, 'ASCENDING'],
      ['a/b=', 'ASCENDING'],
      ['c', 'ASCENDING'],
    ]);
    expect(new Set(api.asked.map(({ token }) => token)).size).toBe(1);
  });

  it('lets an upgrade find what it replaced', async () => {
    answers(page([signed({ isUpgraded: true }), signed({ transactionId: '1040', productId: 'yearly' })]));
    const result = await read();
    const { facts } = translate(signal, result.ok ? result.snapshot : null, null);
    expect(facts[0]?.history).toMatchObject([
      { id: '1001', replaced: true },
      { id: '1040', productId: 'yearly' },
    ]);
  });

  it('believes only what Apple signed, for this app and environment', async () => {
    const stranger = createSigner(await createAuthority());
    for (const bad of [
      [stranger(transactionOf(sandbox))],
      [signed(), signed().replace(/.$/, '!')],
      [42],
      [signed({ bundleId: 'com.other' })],
      [sign(transactionOf())],
    ]) {
      answers(page(bad as string[]));
      expect(await read()).toMatchObject({ ok: false, kind: 'again', delayMs: 1_000 });
    }
  });

  it('stops where the pages turn in circles', async () => {
    answers(page([], { revision: 'a', hasMore: true }), page([], { revision: 'a', hasMore: true }));
    expect(await read()).toMatchObject({ ok: false, message: 'the pages of the answer do not end' });
    answers(page([], { revision: undefined, hasMore: true }));
    expect(await read()).toMatchObject({ ok: false });
  });

  it('verifies at the signed date: a leaf that has ended since does not matter', async () => {
    const jws = signed();
    answers(page([jws]));
    expect(await read(0, { clock: { now: () => Date.UTC(2070, 0, 1) } })).toMatchObject({ snapshot: { items: [jws] } });
  });
});

describe('an answer that is no page', () => {
  const delays = async (answer: Answer): Promise<unknown[]> => {
    const seen: unknown[] = [];
    for (let tries = 0; tries < 6; tries++) {
      answers(answer);
      const result = await read(tries);
      seen.push(result.ok ? result.snapshot.kind : result.delayMs);
    }
    return seen;
  };

  it('5xx, or not JSON: again, then without', async () => {
    const expected = [1_000, 5_000, 30_000, 120_000, 'unavailable', 'unavailable'];
    expect(await delays(fault(500, 5000001))).toEqual(expected);
    expect(await delays({ status: 503, body: '<html>' })).toEqual(expected);
    expect(await delays({ status: 200, body: 'oops' })).toEqual(expected);
  });

  it.each([4040002, 4040004, 4040006])('404 with %i: again for half a minute', async (code) => {
    expect(await delays(fault(404, code))).toEqual([1_000, 5_000, 30_000, 'unavailable', 'unavailable', 'unavailable']);
  });

  it.each([4040001, 4040005, 4040010])('404 with %i: unknown here, at once', async (code) => {
    answers(fault(404, code));
    expect(await read()).toEqual({ ok: true, snapshot: { kind: 'not_found', items: [], readAt: NOW } });
    expect(api.asked).toHaveLength(1);
  });

  it('400: asking again will not help', async () => {
    answers(fault(400, 4000006));
    expect(await read()).toMatchObject({ snapshot: { kind: 'unavailable' } });
  });

  it('401: one more try with a new token, then the credentials are wrong', async () => {
    answers(fault(401, 0), page([]));
    expect(await read()).toMatchObject({ ok: true });
    expect(api.asked[0]?.token).not.toBe(api.asked[1]?.token);
    answers(fault(401, 0), fault(401, 0), page([]));
    expect(await read()).toMatchObject({ ok: false, kind: 'credentials', delayMs: 15 * MINUTE });
    expect(api.asked).toHaveLength(4);
  });

  it.each([
    ['a Unix time in milliseconds', String(NOW + 90_000), 90_000],
    ['in the past', String(NOW - 90_000), 1_000],
    ['missing', undefined, 60_000],
    ['in seconds, which Apple never sends', '120', 60_000],
  ])('429 with Retry-After %s', async (_name, value, delayMs) => {
    answers({ ...fault(429, 4290000), headers: value === undefined ? {} : { 'retry-after': value } });
    expect(await read(9)).toMatchObject({ ok: false, kind: 'limited', delayMs });
  });

  it('nobody there: again', async () => {
    const gone = await startApi();
    await gone.close();
    const away = account({ sandboxHost: gone.host });
    expect(await readHistory(signal, away, { ...context, tries: 1 })).toMatchObject({
      ok: false,
      kind: 'again',
      delayMs: 5_000,
    });
  });
});

describe('the host', () => {
  it('on this machine is for the simulator only', async () => {
    expect(await read(0, { allowPrivateTargets: false })).toMatchObject({ snapshot: { kind: 'unavailable' } });
    expect(api.asked).toHaveLength(0);
  });

  it('is that of the environment; without a key nobody is asked', async () => {
    answers(page([]));
    await readHistory(signal, account({ productionHost: 'https://127.0.0.1:1' }), context);
    expect(api.asked).toHaveLength(1);
    const keyless = accountOf({ sandboxHost: api.host });
    expect(await readHistory(signal, keyless, context)).toMatchObject({ snapshot: { kind: 'unavailable' } });
    expect(api.asked).toHaveLength(1);
  });

  it('sees at most four requests of one app at a time, and all of them in the end', async () => {
    api.answer = () => ({ ...page([]), delay: 20 });
    const results = await Promise.all(Array.from({ length: 14 }, () => read()));
    expect(results.every((result) => result.ok)).toBe(true);
    expect(api.asked).toHaveLength(14);
    expect(api.most).toBe(4);
    const other = { ...account(), appId: appId + 1000 };
    api.most = 0;
    await Promise.all([
      ...Array.from({ length: 6 }, () => read()),
      ...Array.from({ length: 6 }, () => readHistory(signal, other, context)),
    ]);
    expect(api.most).toBe(8);
  });

  it('frees its places when requests fail', async () => {
    api.answer = () => ({ status: 500 });
    await Promise.all(Array.from({ length: 9 }, () => read()));
    answers(page([]));
    expect(await read()).toMatchObject({ ok: true });
  });
});

describe('the check', () => {
  const uuid = '5e09dcfc-205e-4ea1-9883-96676f394992';
  const testPayload = (): string =>
    sign(notificationOf('TEST', { transaction: null, renewal: null, payload: { notificationUUID: uuid } }, sign));
  const only = { environments: ['sandbox'] } satisfies Partial<AppleSettings>;
  const press = (settings: Partial<AppleSettings>, arrives: (dedupeKey: string) => boolean): Promise<CheckStep[]> =>
    check(account(settings), { ...context, arrived: (dedupeKey) => Promise.resolve(arrives(dedupeKey)) });

  it('follows the test notification to our own door, in each environment', async () => {
    api.answer = ({ method, path }) => {
      if (method === 'POST') return { body: { testNotificationToken: 'token_1' } };
      return path.endsWith('/token_1')
        ? { body: { signedPayload: testPayload(), sendAttempts: [{ sendAttemptResult: 'SUCCESS' }] } }
        : { status: 404 };
    };
    const asked: string[] = [];
    const steps = await press({}, (dedupeKey) => asked.push(dedupeKey) > 0);
    expect(steps).toEqual([
      { name: 'production', ok: true, message: 'The test notification arrived.' },
      { name: 'sandbox', ok: true, message: 'The test notification arrived.' },
    ]);
    expect(asked.toSorted()).toEqual([`apple:Production:${uuid}`, `apple:Sandbox:${uuid}`]);
  });

  it('shows what Apple says where it does not arrive', async () => {
    api.answer = ({ method }) =>
      method === 'POST'
        ? { body: { testNotificationToken: 't' } }
        : { body: { signedPayload: testPayload(), sendAttempts: [{ sendAttemptResult: 'TLS_ISSUE' }] } };
    const [step] = await press(only, () => false);
    expect(step).toMatchObject({ name: 'sandbox', ok: false });
    expect(step?.message).toContain('TLS_ISSUE');
    expect(step?.fix).toContain('https');
  });

  it.each([
    [fault(404, 4040007), 'no notification URL'],
    [fault(404, 4040003), 'does not know this app'],
    [fault(401, 0), 'refuses the key'],
    [fault(429, 4290000), 'slow down'],
    [fault(500, 5000000), 'could not be asked'],
    [fault(403, 0), '403'],
  ])('explains %j', async (answer, message) => {
    api.answer = () => answer;
    const [step] = await press(only, () => true);
    expect(step).toMatchObject({ name: 'sandbox', ok: false });
    expect(step?.message).toContain(message);
    expect(step?.fix).toBeTruthy();
  });

  it('without a key says what that means', async () => {
    const steps = await check(accountOf(), { ...context, arrived: () => Promise.resolve(true) });
    expect(steps).toMatchObject([{ name: 'key', ok: false }]);
  });
});
