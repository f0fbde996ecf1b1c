/**
 * The real processes from end to end, as a stranger would start them: server, embedded PostgreSQL, simulator, demo. The tests
 * build on one another and run in order.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Authority, createAuthority } from '../../../simulator/src/stores/apple/authority.ts';
import { createSigner, type Signer } from '../../../simulator/src/stores/apple/sign.ts';
import { type Api, connectApi } from '../harness/api.ts';
import { createInstallation, type Installation, root } from '../harness/installation.ts';
import { readJournal } from '../harness/journal.ts';
import { AUTHORITY_FILE } from '../harness/provision.ts';
import { runNode } from '../step.ts';

/** The main events of the demo's two lives, each at its first appearance: together the ten most teams enable first. */
const FIRST_LIFE = [
  'SUBSCRIPTION_STARTED',
  'TRIAL_STARTED',
  'SUBSCRIPTION_RENEWED',
  'TRIAL_CONVERTED',
  'RENEWAL_DISABLED',
  'RENEWAL_ENABLED',
  'SUBSCRIPTION_EXPIRED',
  'SUBSCRIPTION_REACTIVATED',
  'SUBSCRIPTION_REFUNDED_REVOKED',
];
const SECOND_LIFE = [
  'SUBSCRIPTION_STARTED',
  'TRIAL_STARTED',
  'RENEWAL_DISABLED',
  'SUBSCRIPTION_EXPIRED',
  'TRIAL_NOT_CONVERTED',
];
const MAIN_TEN = new Set([...FIRST_LIFE, ...SECOND_LIFE]);

interface EventItem {
  eventId: string;
  code: string;
  recordId: string;
  sequence: number;
  ownerId: string | null;
}
interface DeliveryItem {
  eventId: string;
  state: string;
  reason: string | null;
  clientId: string | null;
}
let installation: Installation;
let api: Api;
/** The demo's app. */
const slug = 'demo';

beforeAll(async () => {
  installation = await createInstallation();
  await installation.start();
  api = connectApi(installation.url, installation.dataDir);
});
afterAll(() => installation.destroy());

const events = () => api.list<EventItem>(`/apps/${slug}/events?order=asc`);
const deliveries = () => api.list<DeliveryItem>(`/apps/${slug}/deliveries`);
const signals = () => api.list<{ id: string }>(`/apps/${slug}/signals`);

const journal = () => readJournal(installation.collector);

async function refusals(): Promise<Map<string, number>> {
  const text = await (await fetch(`${installation.url}/metrics`)).text();
  return new Map(
    [...text.matchAll(/^pianola_signals_refused_total\{.*code="(\w+)".*\} (\d+)$/gm)].map(([, code = '', n]) => [
      code,
      Number(n),
    ]),
  );
}

describe('the demo', () => {
  test('plays two lives and says that all is well', async () => {
    const { url, collector, stores, dataDir } = installation;
    const addresses = ['--server', url, '--collector', collector, '--stores', stores, '--data', dataDir];
    const demo = await runNode([join(root, 'simulator/src/demo.ts'), ...addresses], { cwd: root, timeoutMs: 80_000 });
    expect(demo.code, demo.output).toBe(0);
    for (const code of MAIN_TEN) expect(demo.output).toContain(code);
  });

  test('every event is numbered without gaps and has exactly one delivery', async () => {
    const all = await events();
    for (const own of Map.groupBy(all, (event) => event.recordId).values()) {
      expect(own.map((event) => event.sequence).toSorted((a, b) => a - b)).toEqual(own.map((_, index) => index + 1));
    }
    const ids = (await deliveries()).map((delivery) => delivery.eventId);
    expect(new Set(ids).size).toBe(ids.length);
    const known = new Set(all.map((event) => event.eventId));
    expect(ids.filter((id) => !known.has(id))).toEqual([]);
  });

  test('the ten main events reached AT Internet, accepted, in order, on the right visitor', async () => {
    const all = await events();
    const arrived = await journal();
    expect(arrived.length).toBeGreaterThanOrEqual(MAIN_TEN.size);
    expect(arrived.filter((entry) => entry.outcome !== 'accepted')).toEqual([]);
    const sent = (await deliveries()).filter((delivery) => delivery.state === 'delivered');
    expect(sent).toHaveLength(arrived.length);

    const byId = new Map(all.map((event) => [event.eventId, event]));
    const visitorOf = new Map<string, Set<string>>();
    for (const entry of arrived) {
      const event = byId.get(entry.eventId);
      expect(event, entry.eventId).toBeDefined();
      const visitors = visitorOf.get(event!.ownerId ?? '') ?? new Set();
      visitorOf.set(event!.ownerId ?? '', visitors.add(entry.visitor));
    }
    // One visitor per owner, and no visitor shared.
    const visitors = [...visitorOf.values()].map((set) => [...set]);
    expect(visitors).toHaveLength(2);
    expect(visitors.every((ids) => ids.length === 1)).toBe(true);
    expect(new Set(visitors.flat()).size).toBe(2);

    const lives = [
      ...Map.groupBy(
        arrived.map((entry) => byId.get(entry.eventId)!),
        (event) => event.ownerId,
      ).values(),
    ];
    for (const life of lives) {
      expect(life.map((event) => event.sequence)).toEqual(
        life.map((event) => event.sequence).toSorted((a, b) => a - b),
      );
    }
    const codes = lives.map((life) => [
      ...new Set(life.map((event) => event.code).filter((code) => MAIN_TEN.has(code))),
    ]);
    expect(codes.toSorted((a, b) => b.length - a.length)).toEqual([FIRST_LIFE, SECOND_LIFE]);
  });
});

describe('what is refused leaves nothing but a counter', () => {
  let bundleId: string;
  let appAppleId: number;
  let sign: Signer;
  const stored = async () => ({ signals: (await signals()).length, events: (await events()).length });

  beforeAll(async () => {
    const account = await api.get<{ bundleId: string; appAppleId: string }>(`/apps/${slug}/stores/apple`);
    bundleId = account.bundleId;
    appAppleId = Number(account.appAppleId);
    sign = createSigner(JSON.parse(readFileSync(join(installation.dataDir, AUTHORITY_FILE), 'utf8')) as Authority);
  });

  const notification = (data: object) => ({
    notificationType: 'TEST',
    notificationUUID: '2b9b4d0c-7a60-4f3a-9d0c-1f6f3c1f0001',
    version: '2.0',
    signedDate: Date.now(),
    data: { bundleId, appAppleId, environment: 'Production', ...data },
  });
  const body = (payload: object, signer = sign) => JSON.stringify({ signedPayload: signer(payload) });
  const post = (content: string | Uint8Array<ArrayBuffer>, app = slug) =>
    fetch(`${installation.url}/stores/apple/${app}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: content,
    });

  const cases: [name: string, status: number, code: string, send: () => Promise<Response>][] = [
    ['an app nobody has set up', 404, 'app_unknown', async () => post(body(notification({})), 'nobody')],
    ['a body that is not JSON', 400, 'store_body_invalid', async () => post('{"signedPayload":')],
    ['a body that is not UTF-8', 400, 'store_body_invalid', async () => post(new Uint8Array([0x7b, 0xff, 0x7d]))],
    ['a payload that is not text', 400, 'store_body_invalid', async () => post('{"signedPayload":{}}')],
    [
      'a body over 1 MiB',
      413,
      'store_body_too_large',
      async () => post(`{"signedPayload":"${'x'.repeat(1_100_000)}"}`),
    ],
    [
      'a signature of somebody else',
      401,
      'store_signature_invalid',
      async () => post(body(notification({}), createSigner(await createAuthority()))),
    ],
    [
      'one changed byte',
      401,
      'store_signature_invalid',
      async () =>
        post(
          body(notification({})).replace(/.("\})$/, (end) =>
            end[0] === 'A' ? `B${end.slice(1)}` : `A${end.slice(1)}`,
          ),
        ),
    ],
    [
      'another bundle id',
      403,
      'store_app_mismatch',
      async () => post(body(notification({ bundleId: 'com.example.other' }))),
    ],
    ['another app id', 403, 'store_app_mismatch', async () => post(body(notification({ appAppleId: 999_999_999 })))],
    [
      'an environment of Xcode',
      403,
      'store_environment_refused',
      async () => post(body(notification({ environment: 'Xcode' }))),
    ],
  ];

  test.each(cases)('%s: %i %s', async (_, status, code, send) => {
    const [before, counted] = [await stored(), (await refusals()).get(code) ?? 0];
    const response = await send();
    expect(response.status).toBe(status);
    const answer = (await response.json()) as Record<string, unknown>;
    expect(answer).toEqual({ code, message: expect.any(String), fix: expect.any(String) });
    expect(await stored()).toEqual(before);
    expect((await refusals()).get(code)).toBe(counted + 1);
  });

  test('a genuine test message is answered 200 and stored once, however often it comes', async () => {
    const before = await stored();
    const genuine = body(notification({}));
    for (let time = 0; time < 3; time += 1) {
      const response = await post(genuine);
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('');
    }
    expect(await stored()).toEqual({ signals: before.signals + 1, events: before.events });
  });
});

describe('starting again', () => {
  test('keeps everything and sends nothing twice', async () => {
    const before = { events: await events(), deliveries: await deliveries(), signals: await signals() };
    expect(await installation.stop()).toBe(0);
    await installation.start();
    expect({ events: await events(), deliveries: await deliveries(), signals: await signals() }).toEqual(before);
    const ids = (await journal()).map((entry) => entry.eventId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('says that it is a simulator, in every answer', async () => {
    const response = await fetch(`${installation.url}/healthz`);
    expect(response.headers.get('x-pianola-simulator')).toBe('true');
    expect(await response.json()).toMatchObject({ simulator: true });
  });

  test('without --simulator, a database used with it is refused', async () => {
    expect(await installation.stop()).toBe(0);
    const real = await createInstallation({ simulator: false, dataDir: installation.dataDir });
    try {
      expect(await real.startAndFail(20_000)).not.toBe(0);
      expect(real.output()).toContain('simulator');
      expect(real.postmasterPid()).toBeUndefined();
    } finally {
      await real.destroy();
    }
  });
});
