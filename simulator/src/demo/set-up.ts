/** Sets everything up as a team would: the app, its store account, plans and integration in Pianola; the other half at Apple and AT Internet. */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Caller, caller, DemoProblem } from './ask.ts';
import { type Life, MAIN_EVENTS, PRODUCT, TRIAL } from './lives.ts';
import { DATA_MODEL } from './model.ts';

export const SLUG = 'demo';
const BUNDLE_ID = 'com.example.pianola.demo';
const APPLE_APP_ID = 1_234_567_890;
const SITE_ID = '640001';
const COLLECT_PATH = 'subscription';

export interface Addresses {
  server: string;
  collector: string;
  stores: string;
  /** Pianola's data folder, where the simulator's API key is. */
  data: string;
}

/** Everything the demo talks to. */
export interface World {
  /** `/api/v1` */
  api: Caller;
  /** `/sdk/v1`, as the demo's app. */
  sdk: Caller;
  collector: Caller;
  stores: Caller;
}

export interface Visitor {
  life: Life;
  /** Of the simulated App Store. */
  subscriberId: string;
  anonymousUserId: string;
  userId: string;
  /** The client id AT Internet's own SDK gave on this device. */
  clientId: string;
}

function readKey(data: string): string {
  const path = join(data, 'simulator-api-key');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new DemoProblem(`There is no API key at ${path}.`, 'Start Pianola with its simulator first: npm start');
  }
}

export async function setUp({ server, collector, stores, data }: Addresses): Promise<World> {
  const health = await caller('Pianola', server).get<{ simulator?: boolean }>('/healthz');
  if (health.simulator !== true)
    throw new DemoProblem(
      `Pianola at ${server} runs without its simulator.`,
      'The demo never touches such an installation. Use: npm start',
    );
  const api = caller('Pianola', `${server}/api/v1`, { authorization: `Bearer ${readKey(data)}` });
  const world = { api, collector: caller('The collector', collector), stores: caller('The App Store', stores) };
  await world.collector.get('/__health');
  const { publicKey } = await api.put<{ publicKey: string }>(`/apps/${SLUG}`, {
    name: 'Demo',
    currency: 'EUR',
    sendUnknownUsers: false,
  });
  await joinAppStore(world.api, world.stores, server, stores);
  await world.api.put(`/apps/${SLUG}/plans`, {
    plans: [{ id: 'premium_monthly', product: 'premium', level: 1, storeProducts: { apple: [PRODUCT] } }],
  });
  await world.collector.put('/__model', DATA_MODEL);
  await joinAtInternet(world.api, collector);
  return { ...world, sdk: caller('Pianola', `${server}/sdk/v1`, { 'x-api-key': publicKey }) };
}

/** A fresh In-App Purchase key: its private half goes to Pianola, its public half to Apple. */
async function joinAppStore(api: Caller, store: Caller, server: string, stores: string): Promise<void> {
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = { issuerId: randomUUID(), keyId: `DEMO${randomBytes(3).toString('hex').toUpperCase()}` };
  await store.put(`/apple/apps/${BUNDLE_ID}`, {
    appAppleId: APPLE_APP_ID,
    notificationUrl: `${server}/stores/apple/${SLUG}`,
    key: { ...key, publicKey: pair.publicKey.export({ type: 'spki', format: 'pem' }) },
    products: [
      {
        id: PRODUCT,
        group: 'premium',
        rank: 1,
        period: 'P1M',
        price: 9_990,
        currency: 'EUR',
        offers: [{ id: TRIAL, kind: 'introductory', mode: 'FREE_TRIAL', period: 'P1W' }],
      },
    ],
  });
  await api.put(`/apps/${SLUG}/stores/apple`, {
    bundleId: BUNDLE_ID,
    appAppleId: String(APPLE_APP_ID),
    ...key,
    privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    productionHost: `${stores}/apple/production`,
    sandboxHost: `${stores}/apple/sandbox`,
  });
}

async function joinAtInternet(api: Caller, collector: string): Promise<void> {
  const integration = `/apps/${SLUG}/integrations/at-internet`;
  await api.put(integration, {
    enabled: true,
    collectionDomain: collector,
    collectPath: COLLECT_PATH,
    siteId: SITE_ID,
    sandboxEvents: 'same-site',
    defaultPrivacyMode: 'optin',
  });
  const events = Object.fromEntries(MAIN_EVENTS.map((code) => [code, { enabled: true }]));
  await api.put(`${integration}/events`, { events });
}

/** What a team would press next: Apple sends a test notification to each environment's URL. */
export async function checkAppStore(world: World): Promise<void> {
  const path = `/apps/${SLUG}/stores/apple/check`;
  const { steps } = await world.api.post<{ steps: { name: string; ok: boolean; message: string; fix?: string }[] }>(
    path,
    {},
  );
  const failed = steps.find((step) => !step.ok);
  if (failed)
    throw new DemoProblem(
      `The App Store check failed (${failed.name}): ${failed.message}`,
      failed.fix ?? 'See the log of Pianola.',
    );
}

/** A person opens the app: it tells Pianola who is there and under which id AT Internet knows the device; then there is a customer. */
export async function welcome(world: World, life: Life, clientId: string): Promise<Visitor> {
  const anonymousUserId = randomUUID();
  const userId = `${life.name.toLowerCase()}-${anonymousUserId.slice(0, 8)}`;
  await world.sdk.post('/identify', { anonymous_user_id: anonymousUserId, user_id: userId });
  await world.sdk.post('/attributes', {
    anonymous_user_id: anonymousUserId,
    attributes: { at_internet_id_client: clientId },
  });
  const { id } = await world.stores.post<{ id: string }>('/apple/subscribers', {
    bundleId: BUNDLE_ID,
    environment: 'Production',
    storefront: 'FRA',
    appAccountToken: anonymousUserId,
  });
  return { life, subscriberId: id, anonymousUserId, userId, clientId };
}
