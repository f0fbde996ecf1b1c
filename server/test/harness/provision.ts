/** One app, set up over the API as a team would: store account, plan, integration with every event of the lives enabled. */
import { type Api, sdkCall } from './api.ts';
import { APP_APPLE_ID, BUNDLE_ID, type Life, LIFE_EVENTS, PRODUCT_ID } from './lives.ts';

export const SLUG = 'load';

export interface Provisioned {
  /** For `/sdk/v1`. */
  publicKey: string;
}

/** Where the simulated App Store keeps the keys it signs with, below the data folder. */
export const AUTHORITY_FILE = 'simulator/apple-authority.json';

/** The app alone: what it receives becomes events, nothing is forwarded. */
export async function provisionApp(api: Api): Promise<Provisioned> {
  const app = await api.put<{ publicKey: string }>(`/apps/${SLUG}`, {
    name: 'Load',
    currency: 'EUR',
    sendUnknownUsers: false,
  });
  await api.put(`/apps/${SLUG}/stores/apple`, {
    bundleId: BUNDLE_ID,
    appAppleId: String(APP_APPLE_ID),
    environments: ['production', 'sandbox'],
    identityWaitMinutes: 0,
  });
  await api.put(`/apps/${SLUG}/plans`, {
    plans: [{ id: 'monthly', product: 'premium', level: 1, storeProducts: { apple: [PRODUCT_ID] } }],
  });
  return { publicKey: app.publicKey };
}

/** From now on its events go to AT Internet; `collector` is the base URL. */
export async function connectCollector(api: Api, collector: string): Promise<void> {
  await api.put(`/apps/${SLUG}/integrations/at-internet`, {
    enabled: true,
    collectionDomain: collector,
    collectPath: 'subscription',
    siteId: '640001',
    sandboxEvents: 'same-site',
    defaultPrivacyMode: 'optin',
  });
  await api.put(`/apps/${SLUG}/integrations/at-internet/events`, {
    events: Object.fromEntries(LIFE_EVENTS.map((code) => [code, { enabled: true }])),
  });
}

/** Tells the server who the people of these lives are, as their apps would, a few at a time. */
export async function introduce(url: string, publicKey: string, lives: readonly Life[]): Promise<void> {
  const queue = [...lives];
  const worker = async () => {
    for (let life = queue.shift(); life; life = queue.shift()) {
      await sdkCall(url, publicKey, '/identify', { anonymous_user_id: life.anonymousId });
      await sdkCall(url, publicKey, '/attributes', {
        anonymous_user_id: life.anonymousId,
        attributes: { at_internet_id_client: life.clientId },
      });
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
}
