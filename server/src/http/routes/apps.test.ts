import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { putApp, testHttp, type TestHttp } from '../fixtures/test-http.ts';

let server: TestHttp;
beforeEach(async () => {
  server = await testHttp();
});
afterEach(() => server.close());

const epoch = async () =>
  (await server.database.sql<{ e: number }>('select settings_epoch as e from installation'))[0]!.e;
const audit = () =>
  server.database.sql<{ action: string; detail: Record<string, unknown> }>(
    'select actor, action, target, detail from audit order by id',
  );

describe('apps', () => {
  const body = { name: 'News', currency: 'EUR' };

  it('are created, shown and listed', async () => {
    const put = await server.call('PUT', '/api/v1/apps/news', { body });
    expect(put).toMatchObject({ status: 200, body: { slug: 'news', ...body, sendUnknownUsers: false } });
    expect(put.body.publicKey).toMatch(/^app_[\w-]{22}$/);
    expect((await server.call('GET', '/api/v1/apps/news')).body).toEqual(put.body);
    expect((await server.call('GET', '/api/v1/apps')).body).toEqual({ items: [put.body], next: null });
    expect(server.settings.appBySlug('news')).toMatchObject({ name: 'News', publicKey: put.body.publicKey });
  });

  it('change by another PUT, keep their key, and do nothing at the same one', async () => {
    const first = await server.call('PUT', '/api/v1/apps/news', { body });
    const before = await epoch();
    expect((await server.call('PUT', '/api/v1/apps/news', { body })).body).toEqual(first.body);
    expect(await epoch()).toBe(before);
    const changed = await server.call('PUT', '/api/v1/apps/news', {
      body: { ...body, name: 'Daily', sendUnknownUsers: true },
    });
    expect(changed.body).toEqual({ ...first.body, name: 'Daily', sendUnknownUsers: true });
    expect(await epoch()).toBe(before + 1);
    expect(server.settings.appBySlug('news')?.sendUnknownUsers).toBe(true);
    expect((await audit()).map(({ action, detail }) => [action, detail])).toEqual([
      ['app.save', { created: true }],
      ['app.save', { changed: ['name', 'sendUnknownUsers'] }],
    ]);
  });

  it.each([
    ['/api/v1/apps/News', body, 'params.slug'],
    ['/api/v1/apps/news', { ...body, currency: 'EURO' }, 'body.currency'],
    ['/api/v1/apps/news', { ...body, name: ' ' }, 'body.name'],
    ['/api/v1/apps/news', { ...body, color: 'red' }, 'body'],
  ])('refuse what does not fit: %s %j', async (url, wrong, field) => {
    const answer = await server.call('PUT', url, { body: wrong });
    expect([answer.status, answer.body.code]).toEqual([400, 'request_invalid']);
    expect(answer.body.message).toContain(field);
  });

  it('keep their currency once they have events', async () => {
    const { id } = await putApp(server);
    await server.call('PUT', '/api/v1/apps/news', { body: { ...body, currency: 'USD' } });
    await server.database.sql(
      `insert into event (app_id, event_id, record_id, sequence, group_index, code, store, environment, chain_id, signal_id, occurred_at, created_at, attributes)
       values ($1, gen_random_uuid(), 'subs_1', 1, 0, 'ACTIVATE', 'APPLE_APP_STORE', 'SANDBOX', gen_random_uuid(), gen_random_uuid(), now(), now(), '{}')`,
      [id],
    );
    const refused = await server.call('PUT', '/api/v1/apps/news', { body });
    expect([refused.status, refused.body.code]).toEqual([422, 'settings_invalid']);
    expect((await server.call('GET', '/api/v1/apps/news')).body.currency).toBe('USD');
  });

  it('are listed in pages', async () => {
    for (const slug of ['a', 'b', 'c']) await putApp(server, slug);
    const first = await server.call('GET', '/api/v1/apps?limit=2');
    expect(first.body.items.map((app: { slug: string }) => app.slug)).toEqual(['a', 'b']);
    const second = await server.call('GET', `/api/v1/apps?limit=2&cursor=${first.body.next}`);
    expect(second.body).toMatchObject({ items: [{ slug: 'c' }], next: null });
    const wrong = await server.call('GET', '/api/v1/apps?cursor=x');
    expect([wrong.status, wrong.body.code]).toEqual([400, 'request_invalid']);
  });

  it('of others are closed to a key bound to one', async () => {
    const news = await putApp(server);
    await putApp(server, 'other');
    const { key } = await server.makeKey({ scopes: ['read', 'write'], appId: news.id });
    expect((await server.call('GET', '/api/v1/apps', { key })).body.items).toHaveLength(1);
    expect((await server.call('GET', '/api/v1/apps/news', { key })).status).toBe(200);
    expect((await server.call('PUT', '/api/v1/apps/news', { key, body })).status).toBe(200);
    for (const slug of ['other', 'none']) {
      for (const method of ['GET', 'PUT'] as const) {
        const answer = await server.call(method, `/api/v1/apps/${slug}`, {
          key,
          body: method === 'PUT' ? body : undefined,
        });
        expect([answer.status, answer.body.code]).toEqual([403, 'forbidden']);
      }
    }
  });

  it('unknown are said to be so on every route', async () => {
    const paths = [
      '',
      '/stores/apple',
      '/plans',
      '/integrations/at-internet',
      '/integrations/at-internet/events',
      '/users',
      '/signals',
      '/events',
      '/deliveries',
    ];
    for (const path of paths) {
      const answer = await server.call('GET', `/api/v1/apps/none${path}`);
      expect([path, answer.status, answer.body.code]).toEqual([path, 404, 'app_unknown']);
    }
  });
});
