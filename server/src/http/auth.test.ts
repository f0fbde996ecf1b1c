import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { revokeApiKey } from '../storage/queries/api-key.ts';
import { START, testHttp, type TestHttp } from './fixtures/test-http.ts';
import { createKeyring } from './keyring.ts';

let server: TestHttp;
beforeAll(async () => {
  server = await testHttp();
});
afterAll(() => server.close());

const status = async (key: string) => (await server.call('GET', '/api/v1/apps', { key })).status;

describe('API keys', () => {
  it('are stored as a hash only', async () => {
    const { key } = await server.makeKey({ scopes: ['read'] });
    expect(key).toMatch(/^pianola_[\w-]{43}$/);
    const dump = JSON.stringify(await server.database.sql("select *, encode(hash, 'escape') from api_key"));
    expect(dump).not.toContain(key.slice('pianola_'.length));
    expect(await status(key)).toBe(200);
  });

  it('end when they expire, by the product’s clock', async () => {
    const { key } = await server.makeKey({ scopes: ['read'], expiresAt: START + 1_000 });
    expect(await status(key)).toBe(200);
    server.time.now = START + 1_000;
    expect(await status(key)).toBe(401);
    server.time.now = START;
  });

  it('end when they are revoked', async () => {
    const { id, key } = await server.makeKey({ scopes: ['read'] });
    expect(await revokeApiKey(server.database.db, id, START)).toBe(true);
    expect(await status(key)).toBe(401);
    expect(await revokeApiKey(server.database.db, '00000000-0000-0000-0000-000000000000', START)).toBe(false);
  });

  it('are taken from the Authorization header alone', async () => {
    const { key } = await server.makeKey({ scopes: ['read'] });
    const asQuery = await server.call('GET', `/api/v1/apps?key=${key}`, { key: null, headers: { 'x-api-key': key } });
    expect(asQuery.status).toBe(401);
    const asBasic = await server.call('GET', '/api/v1/apps', { key: null, headers: { authorization: `Basic ${key}` } });
    expect(asBasic.status).toBe(401);
  });
});

describe('createKeyring', () => {
  it('asks the database once for a key in use, and each time for an unknown one', async () => {
    const { key } = await server.makeKey({ scopes: ['write'] });
    let queries = 0;
    const { db } = server.database;
    const counted: typeof db = {
      ...db,
      query: (statement, values) => {
        queries++;
        return db.query(statement, values);
      },
    };
    const keyring = createKeyring(counted, { now: () => START, onJump: () => () => {}, realDelayUntil: () => 0 });
    for (let i = 0; i < 5; i++) expect((await keyring.principal(key))?.scopes).toEqual(['write']);
    expect(queries).toBe(1);
    for (let i = 0; i < 2; i++) expect(await keyring.principal(`pianola_${'a'.repeat(43)}`)).toBeNull();
    expect(queries).toBe(3);
    expect(await keyring.principal('not a key')).toBeNull();
    expect(queries).toBe(3);
  });
});
