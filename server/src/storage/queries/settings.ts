/** Reads all set-up at once, for the settings cache. */
import type { EventTable } from '../../integrations/integration.ts';
import { type Sql, statement } from '../pool.ts';

export interface SettingsRows {
  epoch: number;
  apps: { id: number; slug: string; name: string; currency: string; sendUnknownUsers: boolean; publicKey: string }[];
  accounts: {
    appId: number;
    store: string;
    settings: Record<string, unknown>;
    sealed: Record<string, string>;
    version: number;
  }[];
  plans: {
    appId: number;
    store: string;
    storeProductId: string;
    planId: string;
    product: string;
    level: number | null;
    durationDays: number | null;
  }[];
  integrations: {
    appId: number;
    integrationId: number;
    kind: string;
    version: number;
    settings: Record<string, unknown>;
    sealed: Record<string, string>;
    events: EventTable;
  }[];
}

const EPOCH = statement('settings_epoch', 'select settings_epoch from installation');
/** Moves with every write of settings; 0 before the installation's row is made. */
export async function readSettingsEpoch(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ settings_epoch: number }>(EPOCH, []);
  return row?.settings_epoch ?? 0;
}

// One statement, so that all of it is of one moment.
const ALL = statement(
  'settings_all',
  `select
     (select settings_epoch from installation) as epoch,
     (select coalesce(jsonb_agg(jsonb_build_object('id', id, 'slug', slug, 'name', name, 'currency', currency,
        'sendUnknownUsers', send_unknown_users, 'publicKey', public_key)), '[]') from app) as apps,
     (select coalesce(jsonb_agg(jsonb_build_object('appId', app_id, 'store', store, 'settings', settings, 'sealed', sealed, 'version', version)), '[]')
        from store_account) as accounts,
     (select coalesce(jsonb_agg(jsonb_build_object('appId', s.app_id, 'store', s.store, 'storeProductId', s.store_product_id, 'planId', p.id,
        'product', p.product_id, 'level', p.level, 'durationDays', p.duration_days)), '[]')
        from plan_store_product s join plan p on p.app_id = s.app_id and p.id = s.plan_id) as plans,
     (select coalesce(jsonb_agg(jsonb_build_object('appId', i.app_id, 'integrationId', i.id, 'kind', i.kind, 'version', v.version,
        'settings', v.settings, 'sealed', v.sealed, 'events', v.events)), '[]')
        from integration i join integration_version v on v.app_id = i.app_id and v.integration_id = i.id and v.version = i.version) as integrations`,
);
export async function readSettings(sql: Sql): Promise<SettingsRows> {
  const [row] = await sql.query<{ epoch: number | null } & Omit<SettingsRows, 'epoch'>>(ALL, []);
  return { ...row!, epoch: row!.epoch ?? 0 };
}

const PREPARE = statement(
  'installation_prepare',
  'insert into installation (simulator, created_at) values ($1, $2) on conflict do nothing',
);
const READ = statement('installation_read', 'select simulator from installation');
const MARK = statement('installation_mark_simulator', 'update installation set simulator = true');
/** Makes the installation's row at the first start. @returns whether the database has ever been used with the simulator */
export async function prepareInstallation(sql: Sql, simulator: boolean, at: string): Promise<boolean> {
  await sql.query(PREPARE, [simulator, at]);
  const [row] = await sql.query<{ simulator: boolean }>(READ, []);
  return row!.simulator;
}
/** From now on the database is refused without `--simulator`. */
export async function markSimulator(sql: Sql): Promise<void> {
  await sql.query(MARK, []);
}
