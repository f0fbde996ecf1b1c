/**
 * All set-up, in memory: no query on the hot path. A write bumps `installation.settings_epoch`; the process that wrote reloads
 * at once, the others notice within half a second.
 */
import type { IntegrationDefinition, IntegrationSettings } from '../integrations/integration.ts';
import type { Plan } from '../lifecycle/record.ts';
import type { StoreAccount, StoreDefinition } from '../stores/store.ts';
import type { Database } from './pool.ts';
import { readSettings, readSettingsEpoch, type SettingsRows } from './queries/settings.ts';
import { integrationPlace, openSecrets, type Sealer, storeAccountPlace } from './seal.ts';

export interface App {
  id: number;
  slug: string;
  name: string;
  /** Integration currency, ISO 4217. */
  currency: string;
  sendUnknownUsers: boolean;
  publicKey: string;
}

export interface AccountInForce {
  account: StoreAccount;
  version: number;
}

export interface Settings {
  appBySlug(slug: string): App | undefined;
  appById(id: number): App | undefined;
  appByPublicKey(key: string): App | undefined;
  /** Secrets opened. */
  storeAccount(appId: number, storeId: string): AccountInForce | undefined;
  /** By store product id. */
  plans(appId: number, storeId: string): ReadonlyMap<string, Plan>;
  integrations(appId: number): readonly IntegrationSettings[];
  integration(appId: number, integrationId: number): IntegrationSettings | undefined;
  /** After a write in this process. */
  reload(): Promise<void>;
}

export interface SettingsCache extends Settings {
  stop(): void;
}

export interface SettingsDeps {
  db: Database;
  sealer: Sealer;
  stores: readonly StoreDefinition[];
  integrations: readonly IntegrationDefinition[];
  /** Told of what cannot be read (an unknown key, settings of a newer version): that account or integration is left out. */
  onProblem(message: string): void;
  onReload?(): void;
  /** Real milliseconds between looks at the epoch. */
  pollMs?: number;
}

interface State {
  epoch: number;
  bySlug: Map<string, App>;
  byId: Map<number, App>;
  byKey: Map<string, App>;
  accounts: Map<string, AccountInForce>;
  plans: Map<string, Map<string, Plan>>;
  integrations: Map<number, IntegrationSettings[]>;
}

const DAY_MS = 86_400_000;
const NO_PLANS: ReadonlyMap<string, Plan> = new Map();

export async function openSettings(deps: SettingsDeps): Promise<SettingsCache> {
  let state = build(await readSettings(deps.db), deps);
  let loading: Promise<void> | null = null;
  const load = async () => {
    state = build(await readSettings(deps.db), deps);
    deps.onReload?.();
  };
  const reload = async () => {
    // A load that began before the caller's write does not count: wait for it, then load again.
    if (loading) await loading.catch(() => {});
    loading ??= load().finally(() => {
      loading = null;
    });
    await loading;
  };
  const poll = setInterval(() => {
    readSettingsEpoch(deps.db)
      .then((epoch) => (epoch === state.epoch ? undefined : reload()))
      .catch(() => {}); // The database is away; health says so, and the settings in memory stay in force.
  }, deps.pollMs ?? 500);
  poll.unref();
  return {
    appBySlug: (slug) => state.bySlug.get(slug),
    appById: (id) => state.byId.get(id),
    appByPublicKey: (key) => state.byKey.get(key),
    storeAccount: (appId, storeId) => state.accounts.get(`${appId}:${storeId}`),
    plans: (appId, storeId) => state.plans.get(`${appId}:${storeId}`) ?? NO_PLANS,
    integrations: (appId) => state.integrations.get(appId) ?? [],
    integration: (appId, integrationId) =>
      state.integrations.get(appId)?.find((entry) => entry.integrationId === integrationId),
    reload,
    stop: () => clearInterval(poll),
  };
}

function build(rows: SettingsRows, { sealer, stores, integrations, onProblem }: SettingsDeps): State {
  const state: State = {
    epoch: rows.epoch,
    bySlug: new Map(),
    byId: new Map(),
    byKey: new Map(),
    accounts: new Map(),
    plans: new Map(),
    integrations: new Map(),
  };
  for (const app of rows.apps) {
    state.bySlug.set(app.slug, app);
    state.byId.set(app.id, app);
    state.byKey.set(app.publicKey, app);
  }
  const guarded = (what: string, read: () => void) => {
    try {
      read();
    } catch (error) {
      onProblem(`${what} cannot be used: ${error instanceof Error ? error.message : String(error)}`);
    }
  };
  for (const row of rows.accounts)
    guarded(`the ${row.store} account of app ${row.appId}`, () => {
      const definition = stores.find((store) => store.id === row.store);
      const app = state.byId.get(row.appId);
      if (!definition || !app) return;
      const settings = definition.settings.parse(
        openSecrets(sealer, storeAccountPlace(row.appId, row.store), row.settings, row.sealed),
      );
      state.accounts.set(`${row.appId}:${row.store}`, {
        account: { appId: row.appId, appSlug: app.slug, settings },
        version: row.version,
      });
    });
  for (const row of rows.plans) {
    const key = `${row.appId}:${row.store}`;
    const plans = state.plans.get(key) ?? new Map<string, Plan>();
    plans.set(row.storeProductId, {
      id: row.planId,
      product: row.product,
      ...(row.level !== null && { level: row.level }),
      ...(row.durationDays !== null && { durationMs: row.durationDays * DAY_MS }),
    });
    state.plans.set(key, plans);
  }
  for (const row of rows.integrations)
    guarded(`integration ${row.kind} of app ${row.appId}`, () => {
      const definition = integrations.find((entry) => entry.kind === row.kind);
      const app = state.byId.get(row.appId);
      if (!definition || !app) return;
      const settings = definition.settings.parse(
        openSecrets(sealer, integrationPlace(row.appId, row.kind), row.settings, row.sealed),
      );
      const { appId, integrationId, kind, version, events } = row;
      const list = state.integrations.get(appId) ?? [];
      list.push({ appId, integrationId, kind, version, settings, events, currency: app.currency });
      state.integrations.set(appId, list);
    });
  return state;
}
