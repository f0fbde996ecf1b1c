import type { Sql } from '../storage/pool.ts';
import { type AppUser, lockAppUsers, saveAppUser } from '../storage/queries/app-user.ts';
import { releaseHeld } from '../storage/queries/delivery.ts';
import { insertIntegrationIds } from '../storage/queries/integration-id.ts';
import { type AT_INTERNET_ID_CLIENT, type ClientId, isPrivacySignal, readClientId } from './client-id.ts';

/**
 * Notes the id under which an integration knows these owners (an installation and, when logged in, its user): the newest on the
 * owner, each change in the history. Events held for want of an id are due at once. Idempotent.
 *
 * A privacy sentinel sets the owner's privacy mode and leaves the last id in place, unused; a real id handed over later takes
 * that mode back, since the SDK only has one again after the visitor agreed.
 * @returns whether anything was written
 * @throws PianolaError client_id_length
 */
export async function setIntegrationId(
  sql: Sql,
  app: { id: number },
  ownerIds: readonly string[],
  name: typeof AT_INTERNET_ID_CLIENT,
  value: string,
  now: number,
): Promise<{ changed: boolean }> {
  const given = readClientId(value);
  const owners = await lockAppUsers(sql, app.id, [...new Set(ownerIds)]);
  const changes = owners
    .map((owner) => ({ owner, next: withId(owner, name, given) }))
    .filter(({ next }) => next !== null);
  if (given.kind === 'id') {
    const renamed = changes.filter(({ owner }) => owner.integrationIds[name] !== given.value);
    if (renamed.length > 0) {
      await insertIntegrationIds(
        sql,
        app.id,
        renamed.map(({ owner }) => owner.id),
        name,
        given.value,
        now,
      );
    }
  }
  for (const { next } of changes) {
    await saveAppUser(sql, app.id, { ...next!, seenAt: now });
    await releaseHeld(sql, app.id, next!.id, now);
  }
  return { changed: changes.length > 0 };
}

/** Pure. Null = nothing to change. */
function withId(owner: AppUser, name: string, given: ClientId): AppUser | null {
  if (given.kind === 'privacy') {
    if (owner.privacyMode === given.mode && owner.privacyConsent === false) return null;
    return { ...owner, privacyMode: given.mode, privacyConsent: false };
  }
  const optedOut = isPrivacySignal(owner.privacyMode);
  if (owner.integrationIds[name] === given.value && !optedOut) return null;
  const integrationIds = { ...owner.integrationIds, [name]: given.value };
  return optedOut
    ? { ...owner, integrationIds, privacyMode: null, privacyConsent: null }
    : { ...owner, integrationIds };
}
