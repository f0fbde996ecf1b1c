import { PianolaError } from '../../errors.ts';
import { iso, type Sql, statement } from '../pool.ts';

/** As stored: secret fields are sealed, apart from the rest (`openSecrets` joins them). */
export interface StoredStoreAccount {
  appId: number;
  store: string;
  bundleId: string;
  settings: Record<string, unknown>;
  sealed: Record<string, string>;
  version: number;
}

interface Row {
  app_id: number;
  store: string;
  bundle_id: string;
  settings: Record<string, unknown>;
  sealed: Record<string, string>;
  version: number;
}

const COLUMNS = 'app_id, store, bundle_id, settings, sealed, version';

function toAccount(row: Row): StoredStoreAccount {
  return {
    appId: row.app_id,
    store: row.store,
    bundleId: row.bundle_id,
    settings: row.settings,
    sealed: row.sealed,
    version: row.version,
  };
}

const READ = statement('store_account_read', `select ${COLUMNS} from store_account where app_id = $1 and store = $2`);
export async function readStoreAccount(
  sql: Sql,
  appId: number,
  store: string,
): Promise<StoredStoreAccount | undefined> {
  const [row] = await sql.query<Row>(READ, [appId, store]);
  return row && toAccount(row);
}

const SAVE = statement(
  'store_account_save',
  `insert into store_account (app_id, store, bundle_id, settings, sealed, version, updated_at) values ($1, $2, $3, $4, $5, 1, $6)
   on conflict (app_id, store) do update set bundle_id = excluded.bundle_id, settings = excluded.settings, sealed = excluded.sealed,
     version = store_account.version + 1, updated_at = excluded.updated_at
   returning version`,
);
/**
 * @returns the new version
 * @throws PianolaError bundle_id_taken when another app has this bundle id at this store
 */
export async function saveStoreAccount(
  sql: Sql,
  account: Omit<StoredStoreAccount, 'version'>,
  now: number,
): Promise<number> {
  try {
    const [row] = await sql.query<{ version: number }>(SAVE, [
      account.appId,
      account.store,
      account.bundleId,
      JSON.stringify(account.settings),
      JSON.stringify(account.sealed),
      iso(now),
    ]);
    return row!.version;
  } catch (error) {
    const { code, constraint } = error as { code?: string; constraint?: string };
    if (code === '23505' && constraint === 'store_account_store_bundle_id_key') {
      throw new PianolaError('bundle_id_taken', `Bundle id: ${account.bundleId}.`, { cause: error });
    }
    throw error;
  }
}
