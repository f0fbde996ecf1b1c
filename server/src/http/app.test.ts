import { Writable } from 'node:stream';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../errors.ts';
import { putApp, testHttp, type TestHttp } from './fixtures/test-http.ts';

const PUBLIC = ['/healthz', '/readyz', '/metrics', '/stores/apple/{slug}'];

interface Operation {
  operationId?: string;
  security?: Record<string, string[]>[];
  responses: Record<string, unknown>;
  summary?: string;
}

describe('createHttp', () => {
  let server: TestHttp;
  beforeAll(async () => {
    server = await testHttp();
    await putApp(server);
  });
  afterAll(() => server.close());

  const operations = async () => {
    const { body } = await server.call('GET', '/api/openapi.json', { key: null });
    return Object.entries(body.paths as Record<string, Record<string, Operation>>).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        path,
        method: method.toUpperCase() as 'GET',
        operation,
      })),
    );
  };
  const address = (path: string) =>
    path
      .replace('{slug}', 'news')
      .replace('{id}', '1')
      .replace('{eventId}', 'a3bb189e-8bf9-3888-9912-ace4e6543002')
      .replace('{token}', 'a3bb189e-8bf9-3888-9912-ace4e6543002');

  it('documents every route in OpenAPI 3.1, each under a name of its own', async () => {
    const { body } = await server.call('GET', '/api/openapi.json', { key: null });
    expect(body.openapi).toBe('3.1.0');
    const all = await operations();
    expect(all.length).toBeGreaterThan(25);
    const names = all.map(({ operation }) => operation.operationId);
    expect(new Set(names).size).toBe(all.length);
    for (const { path, operation } of all) {
      expect(operation.operationId, path).toMatch(/^\w+$/);
      expect(operation.summary, path).toBeTruthy();
      expect(Object.keys(operation.responses), path).toContain('default');
    }
  });

  it('lets nobody in without a key, but where the document says so', async () => {
    for (const { path, method, operation } of await operations()) {
      if (PUBLIC.includes(path)) {
        expect(operation.security, path).toBeUndefined();
        continue;
      }
      const needs = operation.security?.[0] ?? {};
      expect(Object.keys(needs), path).toEqual([path.startsWith('/sdk/') ? 'appKey' : 'apiKey']);
      const without = await server.call(method, address(path), { key: null });
      expect([path, without.status, without.body.code]).toEqual([path, 401, 'unauthorized']);
      const wrong = await server.call(method, address(path), {
        key: `pianola_${'x'.repeat(43)}`,
        headers: { 'x-api-key': 'app_x' },
      });
      expect([path, wrong.status]).toEqual([path, 401]);
    }
  });

  it('lets a key do what its scopes say and no more', async () => {
    const keys = {
      read: await server.makeKey({ scopes: ['read'] }),
      write: await server.makeKey({ scopes: ['write'] }),
    };
    for (const { path, method, operation } of await operations()) {
      const [needed] = operation.security?.[0]?.['apiKey'] ?? [];
      if (needed === undefined) continue;
      const other = needed === 'read' ? 'write' : 'read';
      const refused = await server.call(method, address(path), { key: keys[other].key });
      expect([path, refused.status, refused.body.code]).toEqual([path, 403, 'forbidden']);
      expect(refused.body.message).toContain(needed);
      const admitted = await server.call(method, address(path), { key: keys[needed as 'read'].key });
      expect([path, [401, 403].includes(admitted.status)]).toEqual([path, false]);
    }
  });

  it('answers errors in one form', async () => {
    const answer = await server.call('GET', '/nowhere');
    const [status, message, fix] = ERRORS.not_found;
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual({ code: 'not_found', message, fix });
    expect(answer.headers['content-type']).toContain('application/json');
  });

  it('names the field that does not fit', async () => {
    const answer = await server.call('PUT', '/api/v1/apps/news', { body: { name: 'News', currency: 'eur' } });
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('request_invalid');
    expect(answer.body.message).toContain('body.currency: ');
  });

  it('refuses what is not JSON, and what is too large', async () => {
    const broken = await server.call('PUT', '/api/v1/apps/news', {
      body: '{',
      headers: { 'content-type': 'application/json' },
    });
    expect([broken.status, broken.body.code]).toEqual([400, 'request_invalid']);
    const xml = await server.call('PUT', '/api/v1/apps/news', {
      body: '<a/>',
      headers: { 'content-type': 'text/xml' },
    });
    expect([xml.status, xml.body.code]).toEqual([400, 'request_invalid']);
    const large = await server.call('PUT', '/api/v1/apps/news', {
      body: { name: 'x'.repeat(1_100_000), currency: 'EUR' },
    });
    expect([large.status, large.body.code]).toEqual([413, 'request_too_large']);
  });

  it('answers a malformed address in the same form', async () => {
    const answer = await server.call('GET', '/api/v1/apps/%E0%A4%A');
    expect(answer.status).toBe(400);
    expect(answer.body.code).toBe('request_invalid');
  });

  it('gives every answer a request id of its own, and security headers', async () => {
    const first = await server.call('GET', '/healthz');
    const second = await server.call('GET', '/nowhere');
    expect(first.headers['x-request-id']).toMatch(/^[0-9a-f]{8}-\w+$/);
    expect(second.headers['x-request-id']).not.toBe(first.headers['x-request-id']);
    expect(first.headers['x-content-type-options']).toBe('nosniff');
    expect(first.headers['strict-transport-security']).toBeUndefined();
  });

  it('says nothing of a simulator', async () => {
    expect((await server.call('GET', '/healthz')).headers).not.toHaveProperty('x-pianola-simulator');
  });
});

describe('createHttp with other surroundings', () => {
  it('says on every answer that it is a simulator', async () => {
    const server = await testHttp({ simulator: true });
    const calls = [
      ['GET', '/healthz'],
      ['GET', '/nowhere'],
      ['POST', '/stores/apple/x'],
      ['POST', '/stores/none/x'],
      ['GET', '/api/v1/apps'],
      ['POST', '/sdk/v1/identify'],
    ] as const;
    for (const [method, url] of calls) {
      expect((await server.call(method, url)).headers, url).toMatchObject({ 'x-pianola-simulator': 'true' });
    }
    await server.close();
  });

  it('answers database_unavailable when the database is away, and internal with nothing of the cause for the rest', async () => {
    let failure = Object.assign(new Error('connect ECONNREFUSED /private/socket'), { code: 'ECONNREFUSED' });
    const other = await testHttp({ receive: async () => Promise.reject(failure) });
    const away = await other.call('POST', '/stores/apple/news', { body: {} });
    expect([away.status, away.body.code]).toEqual([503, 'database_unavailable']);
    failure = Object.assign(new Error('password hunter2'), { code: 'XX000' });
    const bug = await other.call('POST', '/stores/apple/news', { body: {} });
    expect([bug.status, bug.body.code]).toEqual([500, 'internal']);
    expect(JSON.stringify(bug.body)).not.toContain('hunter2');
    await other.close();
  });

  it('logs no key, no address of a person and no body', async () => {
    const lines: string[] = [];
    const stream = new Writable({
      write(chunk: Buffer, _encoding, next) {
        lines.push(chunk.toString());
        next();
      },
    });
    const server = await testHttp({ log: pino({ level: 'trace' }, stream) });
    const { publicKey } = await putApp(server);
    const headers = { 'x-api-key': publicKey };
    await server.call('GET', '/api/v1/apps/news/users?userId=anna-4711');
    await server.call('POST', '/sdk/v1/identify', {
      headers,
      body: { anonymous_user_id: 'A3BB189E-8BF9-3888-9912-ACE4E6543002', user_id: 'anna-4711' },
    });
    await server.call('GET', '/api/v1/apps/none', { key: server.key });
    const text = lines.join('');
    expect(lines.length).toBeGreaterThan(2);
    for (const secret of [server.key, publicKey, 'anna-4711', 'A3BB189E']) expect(text).not.toContain(secret);
    await server.close();
  });

  it('believes X-Forwarded-For only from trusted proxies', async () => {
    const seen: string[] = [];
    const receive = async (_store: string, _slug: string, _body: Buffer, from: string) => {
      seen.push(from);
      return { status: 200 };
    };
    for (const trustedProxies of [[], ['loopback']]) {
      const server = await testHttp({ receive, config: { trustedProxies, sdkRequestsPerMinute: 1 } });
      await server.call('POST', '/stores/apple/news', { body: {}, headers: { 'x-forwarded-for': '203.0.113.9' } });
      await server.close();
    }
    expect(seen).toEqual(['127.0.0.1', '203.0.113.9']);
  });

  it('promises HTTPS only where the public address has it', async () => {
    const config = { trustedProxies: [], sdkRequestsPerMinute: 1, publicUrl: 'https://pianola.example.com' };
    const server = await testHttp({ config });
    expect((await server.call('GET', '/healthz')).headers['strict-transport-security']).toContain('max-age');
    await server.close();
  });

  it('tells health, readiness and metrics without a key', async () => {
    const notReady = { ready: false, checks: { database: 'no answer within 2000 ms' } };
    const live = { status: 'ok', version: '1.2.3', simulator: true, uptimeSeconds: 5 } as const;
    const server = await testHttp({
      health: { live: () => live, ready: async () => notReady },
      metrics: { text: async () => 'pianola_up 1\n', contentType: 'text/plain; version=0.0.4; charset=utf-8' },
    });
    expect((await server.call('GET', '/healthz', { key: null })).body).toEqual(live);
    expect(await server.call('GET', '/readyz', { key: null })).toMatchObject({ status: 503, body: notReady });
    const metrics = await server.call('GET', '/metrics', { key: null });
    expect(metrics).toMatchObject({ status: 200, body: 'pianola_up 1\n' });
    expect(metrics.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    await server.close();
  });
});
