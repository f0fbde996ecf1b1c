/**
 * Who an installation is: created at first sight, and tied to the user who logs in on it.
 *
 *   unknown ──identify──▶ installation ──identify with user──▶ logged in ──another user──▶ logged in (other)
 *                              ▲                                   │
 *                              └────────── user null ──────────────┘
 *
 * Purchases made before the login stay with the installation; moving them belongs where the login is noticed (`login` below).
 */
import { uuidv7 } from '../lib/ids.ts';
import type { Sql } from '../storage/pool.ts';
import {
  type AppUser,
  insertInstallation,
  insertKnownUser,
  lockAppUsers,
  readNamed,
  saveAppUser,
} from '../storage/queries/app-user.ts';
import { lock } from '../storage/queries/chain.ts';
import { releaseHeld } from '../storage/queries/delivery.ts';
import { insertIntegrationIds } from '../storage/queries/integration-id.ts';
import { releaseIdentityWait } from '../storage/queries/signal.ts';
import { accountKeyOf, accountLockKey } from './account-key.ts';

/** `seen_at` is told in hours; writing it at every call would turn each app start into a row update. */
const SEEN_RESOLUTION_MS = 3_600_000;

export interface Identity {
  installationOwnerId: string;
  /** The logged-in user, else the installation. */
  ownerId: string;
  /** Something was written, so that what waits may go on. */
  changed: boolean;
}

/**
 * Creates what is missing and sets who is logged in. Idempotent: a repeated call writes nothing.
 * @param who `userId` undefined = leave the login as it is; null = logged out
 */
export async function identify(
  sql: Sql,
  app: { id: number },
  who: { anonymousUserId: string; userId?: string | null | undefined },
  now: number,
): Promise<Identity> {
  const anonymousKey = accountKeyOf(who.anonymousUserId);
  const userId = who.userId ?? null;
  let found = await readNamed(sql, app.id, anonymousKey, userId);
  const isNew = found.installation === undefined;
  if (isNew || (userId !== null && found.user === undefined)) {
    await lock(sql, [accountLockKey(app.id, anonymousKey)]);
    await insertInstallation(
      sql,
      { appId: app.id, id: uuidv7(now), anonymousUserId: who.anonymousUserId, anonymousKey },
      now,
    );
    if (userId !== null) await insertKnownUser(sql, { appId: app.id, id: uuidv7(now), userId }, now);
    found = await readNamed(sql, app.id, anonymousKey, userId);
  }
  const installationOwnerId = found.installation!.id;
  const target = who.userId === undefined ? found.installation!.loggedInUser : (found.user?.id ?? null);
  let changed = isNew;
  if (target !== found.installation!.loggedInUser) {
    await login(sql, app.id, installationOwnerId, target, now);
    changed = true;
  } else if (now - found.installation!.seenAt >= SEEN_RESOLUTION_MS) {
    await touch(sql, app.id, installationOwnerId, target, now);
  }
  if (isNew) await releaseIdentityWait(sql, app.id, anonymousKey, now);
  return { installationOwnerId, ownerId: target ?? installationOwnerId, changed };
}

async function lockBoth(
  sql: Sql,
  appId: number,
  installationOwnerId: string,
  userOwnerId: string | null,
): Promise<{ installation: AppUser; user: AppUser | undefined }> {
  const ids = userOwnerId === null ? [installationOwnerId] : [installationOwnerId, userOwnerId];
  const owners = await lockAppUsers(sql, appId, ids);
  return {
    installation: owners.find((owner) => owner.id === installationOwnerId)!,
    user: owners.find((owner) => owner.id === userOwnerId),
  };
}

/** The seam for transfers: earlier purchases of the installation would move to the user here. */
async function login(
  sql: Sql,
  appId: number,
  installationOwnerId: string,
  userOwnerId: string | null,
  now: number,
): Promise<void> {
  const { installation, user } = await lockBoth(sql, appId, installationOwnerId, userOwnerId);
  await saveAppUser(sql, appId, { ...installation, loggedInUser: userOwnerId, seenAt: now });
  if (user !== undefined) await adoptDevice(sql, appId, installation, user, now);
  // Its events held for a client id resolve through the user from now on.
  await releaseHeld(sql, appId, installationOwnerId, now);
}

/** The user is now on this device: the ids it is known by there become the user's newest, and so does its privacy if the user has none. */
async function adoptDevice(sql: Sql, appId: number, installation: AppUser, user: AppUser, now: number): Promise<void> {
  const news = Object.entries(installation.integrationIds).filter(
    ([name, value]) => user.integrationIds[name] !== value,
  );
  for (const [name, value] of news) await insertIntegrationIds(sql, appId, [user.id], name, value, now);
  await saveAppUser(sql, appId, {
    ...user,
    integrationIds: { ...user.integrationIds, ...installation.integrationIds },
    privacyMode: user.privacyMode ?? installation.privacyMode,
    privacyConsent: user.privacyMode === null ? installation.privacyConsent : user.privacyConsent,
    seenAt: now,
  });
  if (news.length > 0) await releaseHeld(sql, appId, user.id, now);
}

/** Locks the user too, although only the installation is written: whoever locks both takes them in the same order. */
async function touch(
  sql: Sql,
  appId: number,
  installationOwnerId: string,
  userOwnerId: string | null,
  now: number,
): Promise<void> {
  const { installation } = await lockBoth(sql, appId, installationOwnerId, userOwnerId);
  await saveAppUser(sql, appId, { ...installation, seenAt: now });
}
