import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, expectTypeOf, it } from 'vitest';
import { type HandIn } from '../../server/src/http/app.ts';
import { putApp, testHttp, type TestHttp } from '../../server/src/http/fixtures/test-http.ts';
import { AT_INTERNET_ID_CLIENT, type AttributeName, type Client, createClient, PianolaError } from './client.ts';

const ANONYMOUS = '3F2504E0-4F89-41D3-9A0C-0305E82C3301';
const CLIENT_ID = '1A2B3C4D-5E6F-7081-92A3-B4C5D6E7F809';

let server: TestHttp;
let baseUrl: string;
let client: Client;
const handedIn: HandIn[] = [];
beforeAll(async () => {
  const handIn = async (purchase: HandIn) => {
    handedIn.push(purchase);
    return { status: 202 };
  };
  server = await testHttp({ handIn });
  baseUrl = await server.http.listen({ host: '127.0.0.1', port: 0 });
  const { publicKey } = await putApp(server);
  client = createClient({ baseUrl: `${baseUrl}/`, apiKey: publicKey, anonymousUserId: ANONYMOUS });
});
afterAll(() => server.close());
beforeEach(() => server.database.sql('truncate app_user, integration_id'));

const users = async () => (await server.call('GET', '/api/v1/apps/news/users')).body.items;
const failure = (promise: Promise<void>): Promise<PianolaError> =>
  promise.then(
    () => Promise.reject(new Error('was accepted')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(PianolaError);
      return error as PianolaError;
    },
  );

describe('createClient', () => {
  it('makes the installation known, and who is logged in there', async () => {
    await client.identify();
    expect(await users()).toMatchObject([{ anonymousUserId: ANONYMOUS, loggedInUser: null }]);
    await client.identify('anna');
    const { body } = await server.call('GET', '/api/v1/apps/news/users?userId=anna');
    const loggedIn = async () =>
      (await server.call('GET', `/api/v1/apps/news/users?anonymousUserId=${ANONYMOUS}`)).body.items[0].loggedInUser;
    expect(await loggedIn()).toBe(body.items[0].id);
    await client.identify();
    expect(await loggedIn()).toBe(body.items[0].id);
    await client.identify(null);
    expect(await loggedIn()).toBeNull();
  });

  it('hands over the client id unchanged', async () => {
    await client.setAttribute(AT_INTERNET_ID_CLIENT, CLIENT_ID);
    await client.setAttribute(AT_INTERNET_ID_CLIENT, CLIENT_ID);
    expect(await users()).toMatchObject([{ integrationIds: { at_internet_id_client: CLIENT_ID } }]);
  });

  it('hands in purchases', async () => {
    await client.handIn('apple', 'a.b.c');
    expect(handedIn).toMatchObject([{ store: 'apple', signed: 'a.b.c', ownerId: (await users())[0].id }]);
  });

  it('passes on what the server says', async () => {
    const refused = await failure(client.setAttribute(AT_INTERNET_ID_CLIENT, 'short'));
    expect(refused).toMatchObject({ code: 'client_id_length', status: 422, isTemporary: false });
    expect(refused.fix).toContain('unchanged');
    const stranger = createClient({ baseUrl, apiKey: 'app_x', anonymousUserId: ANONYMOUS });
    expect(await failure(stranger.identify())).toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it('tells no answer from a refusal', async () => {
    const nowhere = createClient({ baseUrl: 'http://127.0.0.1:1', apiKey: 'app_x', anonymousUserId: ANONYMOUS });
    expect(await failure(nowhere.identify())).toMatchObject({ code: 'unreachable', status: 0, isTemporary: true });
  });

  it('does not wait for ever, and makes sense of answers that are not ours', async () => {
    const odd = createServer((request, response) => {
      if (request.url?.startsWith('/silent')) return;
      response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad gateway</h1>');
    });
    await new Promise<void>((resolve) => odd.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(odd.address() as AddressInfo).port}`;
    const options = { apiKey: 'app_x', anonymousUserId: ANONYMOUS, timeoutMs: 50 };
    expect(await failure(createClient({ ...options, baseUrl: `${url}/silent` }).identify())).toMatchObject({
      code: 'unreachable',
    });
    const gateway = await failure(createClient({ ...options, timeoutMs: 5_000, baseUrl: url }).identify());
    expect(gateway).toMatchObject({ code: 'unexpected', status: 502, isTemporary: true });
    odd.closeAllConnections();
    odd.close();
  });

  it('is typed', () => {
    expectTypeOf(client.setAttribute).parameter(0).toEqualTypeOf<AttributeName>();
    expectTypeOf(client.identify).parameter(0).toEqualTypeOf<string | null | undefined>();
  });
});
