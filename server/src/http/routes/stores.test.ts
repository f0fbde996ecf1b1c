import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../errors.ts';
import { STORES } from '../../stores/index.ts';
import type { Receipt } from '../deps.ts';
import { testHttp, type TestHttp } from '../fixtures/test-http.ts';

let server: TestHttp;
let base: string;
let receipt: Receipt;
const received: { store: string; slug: string; body: Buffer; from: string }[] = [];
beforeAll(async () => {
  const receive = async (store: string, slug: string, body: Buffer, from: string) => {
    received.push({ store, slug, body, from });
    return receipt;
  };
  server = await testHttp({ receive });
  base = await server.http.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close());
beforeEach(() => {
  received.length = 0;
  receipt = { status: 200 };
});

const post = (
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
  path = '/stores/apple/news',
) => fetch(base + path, { method: 'POST', body, headers });

describe('POST /stores/{store}/{app}', () => {
  it('hands the body on byte for byte, whatever it calls itself, and answers nothing', async () => {
    const bytes = new Uint8Array([0x7b, 0x20, 0xff, 0x00, 0x0d, 0x0a, 0x7d]);
    for (const type of [
      'application/json',
      'application/json; charset=utf-8',
      'text/plain',
      'application/octet-stream',
      'x/y',
    ]) {
      const answer = await post(bytes, { 'content-type': type });
      expect(answer.status).toBe(200);
      expect(await answer.text()).toBe('');
    }
    expect(received).toHaveLength(5);
    for (const call of received)
      expect(call).toEqual({ store: 'apple', slug: 'news', body: Buffer.from(bytes), from: '127.0.0.1' });
  });

  it('takes a body without a type, and no body', async () => {
    const bare = await raw(
      `POST /stores/apple/news HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}`,
    );
    expect(bare).toMatch(/^HTTP\/1.1 200 /);
    const empty = await raw(`POST /stores/apple/news HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(empty).toMatch(/^HTTP\/1.1 200 /);
    expect(received.map((call) => call.body.toString())).toEqual(['{}', '']);
  });

  it('joins a body that comes in pieces', async () => {
    const answer = await raw(
      `POST /stores/apple/news HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(received[0]?.body.toString()).toBe('abcde');
  });

  it('refuses what is too large, announced or not, and takes what just fits', async () => {
    const limit = STORES.find((store) => store.id === 'apple')!.bodyLimit;
    expect((await post('x'.repeat(limit))).status).toBe(200);
    received.length = 0;
    const announced = await raw(`POST /stores/apple/news HTTP/1.1\r\nhost: x\r\ncontent-length: ${limit + 1}\r\n\r\n`);
    expect(announced).toMatch(/^HTTP\/1.1 413 /);
    expect(announced).toContain('store_body_too_large');
    const size = (limit + 1).toString(16);
    const unannounced = await raw(
      `POST /stores/apple/news HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${size}\r\n${'x'.repeat(limit + 1)}`,
    );
    expect(unannounced).toMatch(/^HTTP\/1.1 413 /);
    expect(received).toEqual([]);
  });

  it('does not wait for a body that never ends', async () => {
    const answer = await raw(`POST /stores/apple/news HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc`);
    expect(answer).toMatch(/^HTTP\/1.1 408 /);
    expect(answer).toContain('store_body_slow');
    expect(received).toEqual([]);
  });

  it('answers each refusal of ingest with its own status, and no detail', async () => {
    const codes: ErrorCode[] = [
      'app_unknown',
      'store_unknown',
      'store_body_invalid',
      'store_signature_invalid',
      'store_app_mismatch',
      'store_environment_refused',
      'store_unavailable',
      'overloaded',
    ];
    for (const code of codes) {
      const [status, message, fix] = ERRORS[code];
      receipt = { status, code };
      const answer = await post('{}');
      expect([code, answer.status, await answer.json()]).toEqual([code, status, { code, message, fix }]);
      expect(answer.headers.has('retry-after')).toBe(code === 'overloaded');
    }
  });

  it('knows no other store, and no other address', async () => {
    const unknown = await post('{}', {}, '/stores/nowhere/news');
    expect([unknown.status, ((await unknown.json()) as { code: string }).code]).toEqual([404, 'store_unknown']);
    expect((await fetch(`${base}/stores/apple/news`)).status).toBe(404);
    expect(received).toEqual([]);
  });
});

/** A request as bytes; resolves with all that came back when the connection ended. */
function raw(request: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('close', () => resolve(answer));
    // The server may close before it has read all we send.
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)));
    socket.write(request);
  });
}
