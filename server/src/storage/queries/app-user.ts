/** Owners as identity sees them: installations (by anonymous id) and known users. */
import { iso, type Sql, statement } from '../pool.ts';

export interface AppUser {
  id: string;
  userId: string | null;
  /** As first given. */
  anonymousUserId: string | null;
  /** An installation's logged-in user. */
  loggedInUser: string | null;
  /** Newest id per integration name. */
  integrationIds: Record<string, string>;
  privacyMode: string | null;
  privacyConsent: boolean | null;
  forwardingRevoked: boolean;
  erased: boolean;
  createdAt: number;
  seenAt: number;
}

interface Row {
  id: string;
  user_id: string | null;
  anonymous_user_id: string | null;
  logged_in_user: string | null;
  integration_ids: Record<string, string>;
  privacy_mode: string | null;
  privacy_consent: boolean | null;
  forwarding_revoked: boolean;
  erased: boolean;
  created_at: number;
  seen_at: number;
}

const COLUMNS = `id, user_id, anonymous_user_id, logged_in_user, integration_ids, privacy_mode, privacy_consent,
     forwarding_revoked, erased, created_at, seen_at`;

function toUser(row: Row): AppUser {
  return {
    id: row.id,
    userId: row.user_id,
    anonymousUserId: row.anonymous_user_id,
    loggedInUser: row.logged_in_user,
    integrationIds: row.integration_ids,
    privacyMode: row.privacy_mode,
    privacyConsent: row.privacy_consent,
    forwardingRevoked: row.forwarding_revoked,
    erased: row.erased,
    createdAt: row.created_at,
    seenAt: row.seen_at,
  };
}

const INSERT_INSTALLATION = statement(
  'app_user_insert_installation',
  `insert into app_user (app_id, id, anonymous_user_id, anonymous_key, created_at, seen_at) values ($1, $2, $3, $4, $5, $5)
   on conflict (app_id, anonymous_key) do nothing`,
);
/** Nothing happens when the installation is there: its id stays as first given. */
export async function insertInstallation(
  sql: Sql,
  installation: { appId: number; id: string; anonymousUserId: string; anonymousKey: string },
  now: number,
): Promise<void> {
  await sql.query(INSERT_INSTALLATION, [
    installation.appId,
    installation.id,
    installation.anonymousUserId,
    installation.anonymousKey,
    iso(now),
  ]);
}

const INSERT_KNOWN = statement(
  'app_user_insert_known',
  `insert into app_user (app_id, id, user_id, created_at, seen_at) values ($1, $2, $3, $4, $4)
   on conflict (app_id, user_id) do nothing`,
);
export async function insertKnownUser(
  sql: Sql,
  user: { appId: number; id: string; userId: string },
  now: number,
): Promise<void> {
  await sql.query(INSERT_KNOWN, [user.appId, user.id, user.userId, iso(now)]);
}

const READ_NAMED = statement(
  'app_user_read_named',
  // Two look-ups, not one with `or`: that one reads all users of the app.
  `select ${COLUMNS} from app_user where app_id = $1 and anonymous_key = $2
   union all
   select ${COLUMNS} from app_user where app_id = $1 and user_id = $3`,
);
/** An installation and a known user by the names the app gives them; either may be null, or unknown. */
export async function readNamed(
  sql: Sql,
  appId: number,
  anonymousKey: string | null,
  userId: string | null,
): Promise<{ installation?: AppUser; user?: AppUser }> {
  const rows = (await sql.query<Row>(READ_NAMED, [appId, anonymousKey, userId])).map(toUser);
  const installation = rows.find((row) => row.anonymousUserId !== null);
  const user = rows.find((row) => row.userId !== null);
  return { ...(installation && { installation }), ...(user && { user }) };
}

const LOCK = statement(
  'app_user_lock',
  `select ${COLUMNS} from app_user where app_id = $1 and id = any($2::uuid[]) order by id for update`,
);
/** Locks owners in ascending order and reads them as they are then. */
export async function lockAppUsers(sql: Sql, appId: number, ids: readonly string[]): Promise<AppUser[]> {
  return (await sql.query<Row>(LOCK, [appId, ids])).map(toUser);
}

const SAVE = statement(
  'app_user_save_identity',
  `update app_user set logged_in_user = $3, integration_ids = $4, privacy_mode = $5, privacy_consent = $6, seen_at = $7
   where app_id = $1 and id = $2`,
);
/** What identity may change of an owner; under its lock. */
export async function saveAppUser(sql: Sql, appId: number, user: AppUser): Promise<void> {
  await sql.query(SAVE, [
    appId,
    user.id,
    user.loggedInUser,
    JSON.stringify(user.integrationIds),
    user.privacyMode,
    user.privacyConsent,
    iso(user.seenAt),
  ]);
}

const RESOLVE = statement(
  'app_user_resolve',
  `select k.app_id, k.account_key, coalesce(t.owner_id, u.logged_in_user, u.id) as owner_id
   from unnest($1::int[], $2::text[]) as k (app_id, account_key)
   left join account_token t on t.app_id = k.app_id and t.token_key = k.account_key
   left join app_user u on u.app_id = k.app_id and u.anonymous_key = k.account_key
   where t.owner_id is not null or u.id is not null`,
);
/** By lower-case account key: the user of an account token, else the user logged in on the installation, else the installation. */
export async function resolveAccountKeys(
  sql: Sql,
  keys: readonly { appId: number; accountKey: string }[],
): Promise<{ appId: number; accountKey: string; ownerId: string }[]> {
  const rows = await sql.query<{ app_id: number; account_key: string; owner_id: string }>(RESOLVE, [
    keys.map((key) => key.appId),
    keys.map((key) => key.accountKey),
  ]);
  return rows.map((row) => ({ appId: row.app_id, accountKey: row.account_key, ownerId: row.owner_id }));
}

const READ = statement('app_user_read', `select ${COLUMNS} from app_user where app_id = $1 and id = $2`);
export async function readAppUser(sql: Sql, appId: number, id: string): Promise<AppUser | undefined> {
  const [row] = await sql.query<Row>(READ, [appId, id]);
  return row && toUser(row);
}

const PAGE = statement(
  'app_user_page',
  `select ${COLUMNS} from app_user where app_id = $1 and id > $2 order by id limit $3`,
);
/** In the order of our ids, which is that of creation. */
export async function pageAppUsers(sql: Sql, appId: number, after: string, limit: number): Promise<AppUser[]> {
  return (await sql.query<Row>(PAGE, [appId, after, limit])).map(toUser);
}

const INSTALLATIONS = statement(
  'app_user_installations',
  `select ${COLUMNS} from app_user where app_id = $1 and logged_in_user = $2 order by id limit 100`,
);
/** Where a known user is logged in now; the first hundred. */
export async function installationsOf(sql: Sql, appId: number, userOwnerId: string): Promise<AppUser[]> {
  return (await sql.query<Row>(INSTALLATIONS, [appId, userOwnerId])).map(toUser);
}
