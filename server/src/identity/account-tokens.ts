import { PianolaError } from '../errors.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Sql } from '../storage/pool.ts';
import { registerAccountToken } from '../storage/queries/account-token.ts';
import { insertKnownUser, readNamed } from '../storage/queries/app-user.ts';
import { lock } from '../storage/queries/chain.ts';
import { releaseIdentityWait } from '../storage/queries/signal.ts';
import { accountKeyOf, accountLockKey } from './account-key.ts';

/**
 * An app's back end says which known user a token stands for that it passes to the store in place of the anonymous id. The user
 * is created if need be; signals that waited for that token are due at once. Idempotent.
 * @throws PianolaError account_token_taken when the token is another user's: purchases would change hands without a transfer
 */
export async function setAccountToken(
  sql: Sql,
  app: { id: number },
  token: string,
  userId: string,
  now: number,
): Promise<{ ownerId: string; created: boolean }> {
  const tokenKey = accountKeyOf(token);
  await lock(sql, [accountLockKey(app.id, tokenKey)]);
  await insertKnownUser(sql, { appId: app.id, id: uuidv7(now), userId }, now);
  const ownerId = (await readNamed(sql, app.id, null, userId)).user!.id;
  const registered = await registerAccountToken(sql, { appId: app.id, tokenKey, ownerId }, now);
  if (registered.ownerId !== ownerId) throw new PianolaError('account_token_taken');
  await releaseIdentityWait(sql, app.id, tokenKey, now);
  return registered;
}
