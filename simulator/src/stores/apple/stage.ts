/** For tests: an App Store on a stepped clock, an app with one of everything, and a door that takes notifications and remembers them. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createPublicKey, verify, X509Certificate } from 'node:crypto';
import { SimulatedClock } from '../../clock/clock.ts';
import { Timeline } from '../../clock/timeline.ts';
import { AppStore } from './app-store.ts';
import { type Authority, createAuthority, derOf } from './authority.ts';
import { type App, readApp } from './catalogue.ts';
import type { AppleEnvironment, RenewalPayload, TransactionPayload } from './notification.ts';
import { createSigner } from './sign.ts';
import type { Subscriber } from './state.ts';

export const BUNDLE = 'com.example.stage';

const monthly = { group: 'g1', period: 'P1M', price: 9_990, currency: 'EUR' };
export const PRODUCTS = [
  {
    ...monthly,
    id: 'monthly',
    rank: 2,
    prices: { JPN: { price: 1_500_000, currency: 'JPY' } },
    offers: [
      { id: 'trial', kind: 'introductory', mode: 'FREE_TRIAL', period: 'P1W' },
      { id: 'half', kind: 'introductory', mode: 'PAY_AS_YOU_GO', price: 4_990, period: 'P1M', periods: 3 },
      { id: 'upfront', kind: 'introductory', mode: 'PAY_UP_FRONT', price: 19_990, period: 'P3M' },
      { id: 'SUMMER', kind: 'promotional', mode: 'PAY_AS_YOU_GO', price: 1_990, period: 'P1M' },
      { id: 'CODE-1', kind: 'code', mode: 'FREE_TRIAL', period: 'P1M' },
      { id: 'BACK', kind: 'win-back', mode: 'PAY_UP_FRONT', price: 990, period: 'P1M' },
    ],
  },
  { ...monthly, id: 'yearly', rank: 2, period: 'P1Y', price: 99_990 },
  {
    ...monthly,
    id: 'family',
    rank: 1,
    price: 14_990,
    offers: [{ id: 'UP', kind: 'code', mode: 'FREE_TRIAL', period: 'P1M' }],
  },
  { ...monthly, id: 'family-eur', rank: 1, price: 14_990 },
  {
    ...monthly,
    id: 'basic',
    rank: 3,
    price: 4_990,
    offers: [{ id: 'DOWN', kind: 'code', mode: 'FREE_TRIAL', period: 'P1M' }],
  },
  { id: 'coins', type: 'Consumable', price: 990, currency: 'EUR' },
  { id: 'skin', type: 'Non-Consumable', price: 2_990, currency: 'EUR' },
  { id: 'season', type: 'Non-Renewing Subscription', price: 29_990, currency: 'EUR' },
];

export interface Received {
  notificationType: string;
  subtype?: string;
  notificationUUID: string;
  signedDate: number;
  data: Record<string, unknown> & { status?: number };
  transaction?: TransactionPayload;
  renewal?: RenewalPayload;
}

/** Verifies a JWS down to the root and gives its payload; throws if anything does not hold. */
export function open(jws: string, root: X509Certificate): unknown {
  const [header, payload, signature] = jws.split('.') as [string, string, string];
  const { alg, x5c } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string; x5c: string[] };
  const [leaf, intermediate, top] = x5c.map((der) => new X509Certificate(Buffer.from(der, 'base64'))) as [
    X509Certificate,
    X509Certificate,
    X509Certificate,
  ];
  const chained =
    leaf.verify(intermediate.publicKey) && intermediate.verify(root.publicKey) && top.raw.equals(root.raw);
  const key = {
    key: createPublicKey(leaf.publicKey.export({ type: 'spki', format: 'pem' })),
    dsaEncoding: 'ieee-p1363' as const,
  };
  const holds = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
  if (alg !== 'ES256' || !chained || !holds) throw new Error('The signature does not hold.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString());
}

export interface Stage {
  timeline: Timeline;
  store: AppStore;
  authority: Authority;
  root: X509Certificate;
  /** What the app's URL received, verified and opened, in order. */
  received: Received[];
  /** Bodies as received. */
  bodies: string[];
  /** What the app's URL answers next; 200 when empty. */
  answers: number[];
  set(overrides: Record<string, unknown>): App;
  subscriber(environment?: AppleEnvironment, more?: Record<string, unknown>): Subscriber;
  /** Lets it happen and gives what was said about it. */
  act(subscriber: Subscriber, action: string, options?: Record<string, unknown>): Promise<Received[]>;
  advance(ms: number): Promise<Received[]>;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const authority = await createAuthority();
  const root = new X509Certificate(derOf(authority.root));
  const timeline = new Timeline(new SimulatedClock());
  await timeline.change({ mode: 'stepped' });
  const store = new AppStore(timeline, createSigner(authority));
  const [received, bodies, answers]: [Received[], string[], number[]] = [[], [], []];
  const door = await openDoor((body) => {
    bodies.push(body);
    const outer = open((JSON.parse(body) as { signedPayload: string }).signedPayload, root) as Received;
    const { signedTransactionInfo: tx, signedRenewalInfo: ri } = outer.data as Record<string, string | undefined>;
    received.push({
      ...outer,
      ...(tx && { transaction: open(tx, root) as TransactionPayload }),
      ...(ri && { renewal: open(ri, root) as RenewalPayload }),
    });
    return answers.shift() ?? 200;
  });
  const set = (overrides: Record<string, unknown>): App => {
    const app = readApp(BUNDLE, {
      appAppleId: 123_456_789,
      notificationUrl: door.url,
      products: PRODUCTS,
      ...overrides,
    });
    store.putApp(app);
    return app;
  };
  set({});
  const since = async (work: Promise<unknown>): Promise<Received[]> => {
    const before = received.length;
    await work;
    return received.slice(before);
  };
  return {
    timeline,
    store,
    authority,
    root,
    received,
    bodies,
    answers,
    set,
    subscriber: (environment = 'Production', more = {}) =>
      store.createSubscriber({ bundleId: BUNDLE, environment, ...more }),
    act: (subscriber, action, options = {}) => since(store.act(subscriber.id, action, options)),
    advance: (ms) => since(timeline.travel(timeline.now() + ms)),
    close: async () => {
      timeline.stop();
      await store.close();
      await door.close();
    },
  };
}

async function openDoor(take: (body: string) => number): Promise<{ url: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => response.writeHead(take(Buffer.concat(chunks).toString())).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/stores/apple/stage`, close };
}

/** `TYPE/SUBTYPE status`, the short form in which tests tell a story. */
export const line = (one: Received): string =>
  `${one.notificationType}${one.subtype === undefined ? '' : `/${one.subtype}`} ${one.data.status ?? '-'}`;
