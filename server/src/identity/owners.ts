import type { Sql } from '../storage/pool.ts';
import { resolveAccountKeys } from '../storage/queries/app-user.ts';
import { accountKeyOf } from './account-key.ts';

/**
 * Whose purchases these are, by the account keys the stores told us: an account token's user, else the user logged in on the
 * installation of that id, else the installation. One query.
 * @returns owner ids by `${appId}:${lower-case key}`; unknown keys are absent
 */
export async function resolveOwners(
  sql: Sql,
  pairs: readonly { appId: number; accountKey: string }[],
): Promise<Map<string, string>> {
  if (pairs.length === 0) return new Map();
  const keys = new Map(
    pairs.map(({ appId, accountKey }) => [
      `${appId}:${accountKeyOf(accountKey)}`,
      { appId, accountKey: accountKeyOf(accountKey) },
    ]),
  );
  const rows = await resolveAccountKeys(sql, [...keys.values()]);
  return new Map(rows.map((row) => [`${row.appId}:${row.accountKey}`, row.ownerId]));
}
