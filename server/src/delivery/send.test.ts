import { createServer, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import type { Answer, OutgoingRequest } from '../integrations/integration.ts';
import { createSender, type SenderOptions } from './send.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** A server that answers raw bytes, or does what it likes with the socket, once it has read a whole request. */
async function server(
  answer: string | ((socket: Socket, request: string) => void),
): Promise<{ url: string; requests: string[] }> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const listening = createServer((socket) => {
    sockets.add(socket);
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const [head, body = ''] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(head!)?.[1] ?? 0);
      if (!text.includes('\r\n\r\n') || body.length < length) return;
      requests.push(text);
      const whole = text;
      text = '';
      if (typeof answer === 'string') socket.write(answer);
      else answer(socket, whole);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => listening.close(resolve));
  });
  return { url: `http://127.0.0.1:${(listening.address() as AddressInfo).port}`, requests };
}

function request(url: string): OutgoingRequest {
  return {
    method: 'POST',
    url: `${url}/subscription?s=1&idclient=a%2Bb%27%28`,
    headers: { 'Content-Type': 'text/plain;charset=UTF-8', 'User-Agent': 'Pianola/1.0.0', Accept: '*/*' },
    body: '{"events":["é"]}',
    notes: {},
  };
}

async function send(url: string, options: Partial<SenderOptions> = {}): Promise<Answer> {
  const sender = createSender({ allowPrivateTargets: true, ...options });
  closers.push(() => sender.close());
  return sender.send(request(url));
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nSet-Cookie: atid=1\r\n\r\nok';

test('the bytes on the wire: request line, our headers in order, the body', async () => {
  const { url, requests } = await server(OK);
  expect(await send(url)).toEqual({
    kind: 'status',
    status: 200,
    headers: { 'content-length': '2', 'set-cookie': 'atid=1' },
  });
  expect(requests).toEqual([
    `POST /subscription?s=1&idclient=a%2Bb%27%28 HTTP/1.1\r\nhost: ${url.slice(7)}\r\nconnection: keep-alive\r\n` +
      `Content-Type: text/plain;charset=UTF-8\r\nUser-Agent: Pianola/1.0.0\r\nAccept: */*\r\ncontent-length: 17\r\n\r\n` +
      Buffer.from('{"events":["é"]}').toString('latin1'),
  ]);
});

test('cookies are not kept, connections are', async () => {
  const { url, requests } = await server(OK);
  const sender = createSender({ allowPrivateTargets: true });
  closers.push(() => sender.close());
  await sender.send(request(url));
  await sender.send(request(url));
  expect(requests).toHaveLength(2);
  expect(requests[1]).not.toMatch(/cookie/i);
});

test('redirects are answers, not followed', async () => {
  const { url, requests } = await server('HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n');
  expect(await send(url)).toMatchObject({ kind: 'status', status: 302 });
  expect(requests).toHaveLength(1);
});

test('a status counts even if the body breaks off, never ends, or is endless', async () => {
  const broken = await server((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx'));
  expect(await send(broken.url)).toMatchObject({ kind: 'status', status: 200 });
  const hanging = await server('HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nx');
  expect(await send(hanging.url, { totalMs: 100 })).toMatchObject({ kind: 'status', status: 200 });
  const endless = await server(`HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n${'x'.repeat(70_000)}`);
  expect(await send(endless.url)).toMatchObject({ kind: 'status', status: 200 });
});

test('no answer after the bytes were written', async () => {
  const cut = await server((socket) => socket.resetAndDestroy());
  expect(await send(cut.url)).toMatchObject({ kind: 'failure', bytesWritten: true });
  const silent = await server(() => {});
  expect(await send(silent.url, { totalMs: 100 })).toEqual({
    kind: 'failure',
    code: 'TOTAL_TIMEOUT',
    bytesWritten: true,
  });
  const garbage = await server('NONSENSE\r\n\r\n');
  expect(await send(garbage.url)).toMatchObject({ kind: 'failure', bytesWritten: true });
});

test('no connection, no bytes', async () => {
  expect(await send('http://127.0.0.1:1')).toEqual({ kind: 'failure', code: 'ECONNREFUSED', bytesWritten: false });
});

type Lookup = NonNullable<SenderOptions['lookup']>;
const failing = (code: string) =>
  ((_: string, __: object, callback: (error: Error) => void) =>
    callback(Object.assign(new Error(code), { code }))) as unknown as Lookup;
const resolving = (...addresses: string[]) =>
  ((_: string, __: object, callback: (error: null, found: { address: string; family: number }[]) => void) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )) as unknown as Lookup;

test.each(['ENOTFOUND', 'EAI_AGAIN'])('%s while resolving', async (code) => {
  for (const allowPrivateTargets of [true, false]) {
    expect(await send('http://collector.example', { allowPrivateTargets, lookup: failing(code) })).toEqual({
      kind: 'failure',
      code,
      bytesWritten: false,
    });
  }
});

test.each([['127.0.0.1'], ['10.0.0.8'], ['::1'], ['169.254.169.254'], ['8.8.8.8', '192.168.0.1']])(
  'a name that leads to %s is not connected to',
  async (...addresses) => {
    const { url, requests } = await server(OK);
    const target = url.replace('127.0.0.1', 'collector.example');
    expect(await send(target, { allowPrivateTargets: false, lookup: resolving(...addresses) })).toEqual({
      kind: 'failure',
      code: 'PRIVATE_TARGET',
      bytesWritten: false,
    });
    expect(requests).toEqual([]);
  },
);

test('with private targets allowed it is', async () => {
  const { url } = await server(OK);
  expect(await send(url.replace('127.0.0.1', 'collector.example'), { lookup: resolving('127.0.0.1') })).toMatchObject({
    status: 200,
  });
});
