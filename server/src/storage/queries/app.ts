import type { App } from '../settings.ts';
import { iso, type Sql, statement } from '../pool.ts';

interface AppRow {
  id: number;
  slug: string;
  name: string;
  currency: string;
  send_unknown_users: boolean;
  public_key: string;
}

const COLUMNS = 'id, slug, name, currency, send_unknown_users, public_key';

function toApp(row: AppRow): App {
  return {
    id: row.id,
    slug: row.slug,
    name: row.name,
    currency: row.currency,
    sendUnknownUsers: row.send_unknown_users,
    publicKey: row.public_key,
  };
}

const PAGE = statement(
  'app_page',
  `select ${COLUMNS} from app where slug > $1 and ($2::int is null or id = $2) order by slug limit $3`,
);
/** By slug. `only` = the one app that an app-bound key sees. */
export async function pageApps(sql: Sql, after: string, only: number | null, limit: number): Promise<App[]> {
  return (await sql.query<AppRow>(PAGE, [after, only, limit])).map(toApp);
}

const BY_SLUG = statement('app_by_slug', `select ${COLUMNS} from app where slug = $1`);
export async function appBySlug(sql: Sql, slug: string): Promise<App | undefined> {
  const [row] = await sql.query<AppRow>(BY_SLUG, [slug]);
  return row && toApp(row);
}

const SAVE = statement(
  'app_save',
  `insert into app (slug, name, currency, send_unknown_users, public_key, created_at) values ($1, $2, $3, $4, $5, $6)
   on conflict (slug) do update set name = excluded.name, currency = excluded.currency, send_unknown_users = excluded.send_unknown_users
     where (app.name, app.currency, app.send_unknown_users) is distinct from (excluded.name, excluded.currency, excluded.send_unknown_users)
   returning ${COLUMNS}, public_key = $5 as created`,
);
/**
 * Creates or changes an app by its slug; a new one gets `publicKey`.
 * @returns null when nothing had to change
 */
export async function saveApp(
  sql: Sql,
  app: Omit<App, 'id'>,
  now: number,
): Promise<{ app: App; created: boolean } | null> {
  const [row] = await sql.query<AppRow & { created: boolean }>(SAVE, [
    app.slug,
    app.name,
    app.currency,
    app.sendUnknownUsers,
    app.publicKey,
    iso(now),
  ]);
  return row === undefined ? null : { app: toApp(row), created: row.created };
}

const LOCK = statement('app_lock', 'select id from app where id = $1 for update');
/** Holds back other changes of the app's settings until the transaction ends. */
export async function lockApp(sql: Sql, appId: number): Promise<void> {
  await sql.query(LOCK, [appId]);
}

const HAS_EVENTS = statement('app_has_events', 'select exists (select 1 from event where app_id = $1) as some');
export async function appHasEvents(sql: Sql, appId: number): Promise<boolean> {
  const [row] = await sql.query<{ some: boolean }>(HAS_EVENTS, [appId]);
  return row!.some;
}

const BUMP = statement('installation_bump_settings', 'update installation set settings_epoch = settings_epoch + 1');
/** Tells every process that settings changed; in the transaction that changed them. */
export async function bumpSettingsEpoch(sql: Sql): Promise<void> {
  await sql.query(BUMP, []);
}
