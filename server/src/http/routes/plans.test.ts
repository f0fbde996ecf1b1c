import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putApp, testHttp, type TestHttp } from '../fixtures/test-http.ts';

let server: TestHttp;
beforeEach(async () => {
  server = await testHttp();
});
afterEach(() => server.close());

const epoch = async () =>
  (await server.database.sql<{ e: number }>('select settings_epoch as e from installation'))[0]!.e;

describe('plans', () => {
  const url = '/api/v1/apps/news/plans';
  const gold = {
    id: 'gold',
    product: 'premium',
    level: 2,
    storeProducts: { apple: ['com.example.gold.year', 'com.example.gold'] },
  };
  const pass = { id: 'pass', product: 'pass', durationDays: 30, storeProducts: {} };
  beforeEach(() => putApp(server));

  it('are replaced as a whole, and shown in order', async () => {
    expect((await server.call('GET', url)).body).toEqual({ plans: [] });
    const put = await server.call('PUT', url, { body: { plans: [pass, gold] } });
    expect(put.body.plans).toEqual([
      { ...gold, storeProducts: { apple: ['com.example.gold', 'com.example.gold.year'] } },
      pass,
    ]);
    expect((await server.call('GET', url)).body).toEqual(put.body);
    const { id } = server.settings.appBySlug('news')!;
    expect(server.settings.plans(id, 'apple').get('com.example.gold')).toEqual({
      id: 'gold',
      product: 'premium',
      level: 2,
    });

    await server.call('PUT', url, { body: { plans: [{ ...pass, storeProducts: { apple: ['com.example.gold'] } }] } });
    expect(server.settings.plans(id, 'apple').get('com.example.gold')).toEqual({
      id: 'pass',
      product: 'pass',
      durationMs: 30 * 86_400_000,
    });
    expect(server.settings.plans(id, 'apple').size).toBe(1);
  });

  it('write nothing when nothing differs, in whatever order they come', async () => {
    await server.call('PUT', url, { body: { plans: [gold, pass] } });
    const before = await epoch();
    await server.call('PUT', url, {
      body: { plans: [pass, { ...gold, storeProducts: { apple: gold.storeProducts.apple.toReversed() } }] },
    });
    expect(await epoch()).toBe(before);
  });

  it.each([
    ['a plan twice', [gold, gold], 'gold is listed twice'],
    ['a product of two plans', [gold, { ...gold, id: 'silver' }], 'already belongs to gold'],
    ['a store nobody knows', [{ ...gold, storeProducts: { nowhere: ['x'] } }], 'no store nowhere'],
  ])('refuse %s', async (_what, plans, message) => {
    const answer = await server.call('PUT', url, { body: { plans } });
    expect([answer.status, answer.body.code]).toEqual([422, 'settings_invalid']);
    expect(answer.body.message).toContain(message);
  });
});
