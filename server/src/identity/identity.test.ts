import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../test/database.ts';
import { setAccountToken } from './account-tokens.ts';
import { identify } from './identify.ts';
import { setIntegrationId } from './integration-ids.ts';
import { resolveOwners } from './owners.ts';

const NOW = Date.UTC(2026, 10, 1);
const APP = { id: 1 };
const A = 'AAAAAAAA-89AB-4CDE-8F01-23456789ABCD';
const B = 'bbbbbbbb-89ab-4cde-8f01-23456789abcd';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ size: 4 });
});
afterAll(() => database.close());
beforeEach(() => database.sql('truncate app_user, account_token, integration_id, signal_pending'));

const inTransaction = <T>(work: Parameters<typeof database.db.transaction<T>>[0]) => database.db.transaction(work);
const who = (anonymousUserId: string, userId?: string | null) =>
  inTransaction((sql) => identify(sql, APP, { anonymousUserId, userId }, NOW));
const resolve = async (...accountKeys: string[]) => {
  const found = await resolveOwners(
    database.db,
    accountKeys.map((accountKey) => ({ appId: APP.id, accountKey })),
  );
  return accountKeys.map((key) => found.get(`${APP.id}:${key.toLowerCase()}`));
};
/** A UUID in any mixture of cases. */
const anyCase = fc.tuple(fc.uuid(), fc.infiniteStream(fc.boolean())).map(([uuid, upper]) => {
  const bits = upper[Symbol.iterator]();
  return uuid.replaceAll(/[a-f]/g, (letter) => (bits.next().value ? letter.toUpperCase() : letter));
});

describe('resolveOwners', () => {
  it('finds an installation by its id in any case, and shows it as first given', async () => {
    await fc.assert(
      fc.asyncProperty(anyCase, async (given) => {
        const { ownerId } = await who(given);
        for (const spelled of [given, given.toLowerCase(), given.toUpperCase()]) {
          expect(await resolve(spelled)).toEqual([ownerId]);
          expect((await who(spelled)).ownerId).toBe(ownerId);
        }
        expect(await database.sql('select anonymous_user_id from app_user where id = $1', [ownerId])).toEqual([
          { anonymous_user_id: given },
        ]);
      }),
      { numRuns: 25 },
    );
  });

  it('prefers the account token, then the logged-in user, then the installation', async () => {
    const { installationOwnerId } = await who(A);
    expect(await resolve(A)).toEqual([installationOwnerId]);
    const { ownerId: anna } = await who(A, 'anna');
    expect(await resolve(A)).toEqual([anna]);
    const ben = await inTransaction((sql) => setAccountToken(sql, APP, A, 'ben', NOW));
    expect(await resolve(A)).toEqual([ben.ownerId]);
    await who(A, null);
    expect(await resolve(A)).toEqual([ben.ownerId]);
  });

  it('answers many at once, and keeps apps apart', async () => {
    const { ownerId } = await who(A);
    expect(await resolve(A, B)).toEqual([ownerId, undefined]);
    expect((await resolveOwners(database.db, [{ appId: 2, accountKey: A }])).size).toBe(0);
    expect((await resolveOwners(database.db, [])).size).toBe(0);
  });
});

describe('identify', () => {
  it('gives one owner to calls that come at the same moment', async () => {
    const all = await Promise.all([who(A, 'anna'), who(A.toLowerCase(), 'anna'), who(B, 'anna'), who(A, 'anna')]);
    expect(new Set(all.map((identity) => identity.ownerId)).size).toBe(1);
    expect(new Set(all.map((identity) => identity.installationOwnerId)).size).toBe(2);
    expect(await database.sql('select count(*) as n from app_user')).toEqual([{ n: 3 }]);
  });

  it('makes signals due that waited for this installation, and no others', async () => {
    const due = NOW + 900_000;
    for (const key of [A, B]) {
      await database.sql(
        `insert into signal_pending (app_id, chain_id, signal_id, received_at, due_at, why, account_key)
         values (1, gen_random_uuid(), gen_random_uuid(), $1, $2, 'identity', $3)`,
        [new Date(NOW), new Date(due), key.toLowerCase()],
      );
    }
    await who(A);
    expect(await database.sql('select due_at from signal_pending order by account_key')).toEqual([
      { due_at: NOW },
      { due_at: due },
    ]);
    await inTransaction((sql) => setAccountToken(sql, APP, B, 'ben', NOW));
    expect(await database.sql('select due_at from signal_pending order by account_key')).toEqual([
      { due_at: NOW },
      { due_at: NOW },
    ]);
  });

  it('carries a privacy signal over to the user who has none', async () => {
    const { installationOwnerId } = await who(A);
    await inTransaction((sql) =>
      setIntegrationId(sql, APP, [installationOwnerId], 'at_internet_id_client', 'no-consent', NOW),
    );
    const { ownerId } = await who(A, 'anna');
    expect(await database.sql('select privacy_mode, privacy_consent from app_user where id = $1', [ownerId])).toEqual([
      { privacy_mode: 'no-consent', privacy_consent: false },
    ]);
  });
});
