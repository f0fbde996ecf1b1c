import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putApp, START, testHttp, type TestHttp } from '../fixtures/test-http.ts';

const TOKEN = '7C9E6679-7425-40DE-944B-E07FC1F90AE7';

let server: TestHttp;
beforeEach(async () => {
  server = await testHttp();
  await putApp(server);
});
afterEach(() => server.close());

const put = (token: string, body: unknown) => server.call('PUT', `/api/v1/apps/news/account-tokens/${token}`, { body });
const list = async (query = '') => (await server.call('GET', `/api/v1/apps/news/users${query}`)).body;

describe('account tokens', () => {
  it('name a known user, whatever the case of the token', async () => {
    const first = await put(TOKEN, { userId: 'anna' });
    expect(first).toMatchObject({ status: 200, body: { token: TOKEN.toLowerCase() } });
    expect((await put(TOKEN.toLowerCase(), { userId: 'anna' })).body).toEqual(first.body);
    const anna = (await server.call('GET', `/api/v1/apps/news/users/${first.body.ownerId}`)).body;
    expect(anna).toMatchObject({
      userId: 'anna',
      accountTokens: [{ token: TOKEN.toLowerCase(), createdAt: new Date(START).toISOString() }],
    });
    expect((await server.database.sql("select 1 from audit where action = 'account_token.save'")).length).toBe(1);
    expect(server.wakes()).toBeGreaterThan(0);
  });

  it('stay with their first user', async () => {
    await put(TOKEN, { userId: 'anna' });
    const taken = await put(TOKEN, { userId: 'ben' });
    expect([taken.status, taken.body.code]).toEqual([409, 'account_token_taken']);
    expect((await list()).items).toHaveLength(1);
  });

  it('are UUIDs', async () => {
    expect(await put('anna', { userId: 'anna' })).toMatchObject({ status: 400, body: { code: 'request_invalid' } });
  });
});

describe('users', () => {
  it('are found by their names and listed in pages', async () => {
    for (const [index, userId] of ['a', 'b', 'c'].entries()) {
      server.time.now = START + index;
      await put(TOKEN.replace('7C', `0${index}`), { userId });
    }
    expect((await list('?userId=b')).items).toMatchObject([
      { userId: 'b', anonymousUserId: null, createdAt: new Date(START + 1).toISOString() },
    ]);
    expect((await list('?userId=none')).items).toEqual([]);
    const first = await list('?limit=2');
    expect(first.items.map((user: { userId: string }) => user.userId)).toEqual(['a', 'b']);
    expect((await list(`?limit=2&cursor=${first.next}`)).items).toMatchObject([{ userId: 'c' }]);
  });

  it('unknown are said to be so', async () => {
    const answer = await server.call('GET', `/api/v1/apps/news/users/${TOKEN}`);
    expect([answer.status, answer.body.code]).toEqual([404, 'not_found']);
  });
});
