import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock } from '../clock/clock.ts';
import { Timeline } from '../clock/timeline.ts';
import { type Listener, listen, Router } from '../http/router.ts';
import { Collector } from './collector.ts';
import { addCollectorRoutes } from './routes.ts';

const VISITOR = '7F3C9A52-4D1E-4B7A-9C0D-2E5B8A6F1D34';
const timeline = new Timeline(new SimulatedClock());
const collector = new Collector(() => timeline.now());
let listener: Listener;

beforeAll(async () => {
  const router = new Router();
  addCollectorRoutes(
    router,
    collector,
    () => timeline.now(),
    () => {},
  );
  listener = await listen((request, response) => {
    if (request.url?.startsWith('/__')) router.handle(request, response);
    else collector.handle(request, response);
  }, 0);
});
afterAll(async () => {
  timeline.stop();
  await listener.close();
});

async function control(method: string, path: string, body?: unknown) {
  const answer = await fetch(listener.url + path, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, json: text === '' ? null : JSON.parse(text) };
}

beforeEach(async () => {
  await control('POST', '/__reset');
  await control('PUT', '/__model', { events: ['A', 'B'], properties: [{ key: 'sub_event_id', type: 'STRING' }] });
});

interface Sending {
  path?: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string | null;
}

function send({
  path = `/subscription?s=640001&idclient=${VISITOR}`,
  method = 'POST',
  headers = {},
  body,
}: Sending = {}) {
  const sent = body === undefined ? bodyOf({ name: 'A', data: { sub_event_id: 'e1' } }) : body;
  const init = {
    method,
    redirect: 'manual' as const,
    headers: { 'user-agent': 'Pianola/0.1.0', ...headers },
    body: sent,
  };
  return fetch(listener.url + path, init);
}

const bodyOf = (...events: unknown[]): string => JSON.stringify({ events });
const journal = async (query = '') => (await control('GET', `/__journal?order=asc&view=brief${query}`)).json.items;

describe('request stage, faithful', () => {
  it('takes a good request and says nothing', async () => {
    const answer = await send();
    expect([answer.status, await answer.text()]).toEqual([204, '']);
    expect(await journal()).toMatchObject([{ name: 'A', outcome: 'accepted', idclient: VISITOR, sub_event_id: 'e1' }]);
  });

  it('takes GET with the events in the address', async () => {
    const events = encodeURIComponent(JSON.stringify([{ name: 'A', data: { sub_event_id: 'g' } }]));
    const answer = await send({ method: 'GET', path: `/event?s=1&idclient=${VISITOR}&events=${events}`, body: null });
    expect(answer.status).toBe(204);
    expect(await journal()).toMatchObject([{ name: 'A', outcome: 'accepted', sub_event_id: 'g' }]);
  });

  it('answers OPTIONS for browsers', async () => {
    const answer = await send({ method: 'OPTIONS', body: null });
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  });

  it.each([
    ['POST', '/', 404],
    ['POST', '/a/b?s=1', 404],
    ['PUT', '/event?s=1', 405],
  ])('%s %s is %d', async (method, path, status) => {
    expect((await send({ method, path })).status).toBe(status);
    expect(await journal()).toEqual([]);
  });

  it.each(['', 's=abc&'])('swallows a site that is missing or no number (%j)', async (site) => {
    expect((await send({ path: `/event?${site}idclient=${VISITOR}` })).status).toBe(204);
    expect(await journal()).toMatchObject([{ outcome: 'rejected', cause: 'site_missing' }]);
  });

  it('redirects who brings no visitor, to set one', async () => {
    const answer = await send({ path: '/event?s=1' });
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/event?s=1']);
    const [first, second] = answer.headers.getSetCookie();
    expect([first, second].every((cookie) => cookie?.includes('HttpOnly'))).toBe(true);
    const cookie = (first as string).split(';', 1)[0] as string;
    expect((await send({ path: '/event?s=1', headers: { cookie } })).status).toBe(204);
    expect(await journal()).toMatchObject([
      { outcome: 'rejected', cause: 'visitor_missing' },
      { outcome: 'accepted', idclient: cookie.split('=')[1] },
    ]);
  });

  it.each(['not json', '{}', '{"events":[]}', '{"events":[{"data":{}}]}', '[]', 'null'])(
    'swallows the body %j',
    async (body) => {
      expect((await send({ body })).status).toBe(204);
      expect(await journal()).toMatchObject([{ outcome: 'rejected', cause: 'invalid_body' }]);
    },
  );

  it('reads any content type as JSON', async () => {
    await send({ headers: { 'content-type': 'application/x-www-form-urlencoded' } });
    expect(await journal()).toMatchObject([{ outcome: 'accepted' }]);
  });

  it('warns of too many events and of too large bodies, and takes them', async () => {
    await send({ body: bodyOf(...Array.from({ length: 51 }, () => ({ name: 'A' }))) });
    await send({ body: bodyOf({ name: 'B', data: { sub_plan: 'x'.repeat(1_000_001) } }) });
    const { json } = await control('GET', '/__journal?limit=500');
    expect(json.items).toHaveLength(52);
    expect(json.items[0]).toMatchObject({ name: 'B', outcome: 'accepted', flags: ['body_too_large'] });
    expect(json.items[1].flags).toEqual(['too_many_events']);
  });

  it('tolerates unknown parameters', async () => {
    expect((await send({ path: `/e?ref=x&s=1&foo=bar&idclient=${VISITOR}` })).status).toBe(204);
    expect(await journal()).toMatchObject([{ outcome: 'accepted', site: '1' }]);
  });

  it('can reply in other ways', async () => {
    await control('PUT', '/__config', { successReply: '200-gif' });
    const answer = await send();
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'image/gif']);
    await control('PUT', '/__config', { replies: { invalid_body: 422 } });
    expect((await send({ body: '{}' })).status).toBe(422);
  });
});

it('refuses bad input when strict', async () => {
  await control('PUT', '/__config', { mode: 'strict' });
  expect((await send({ path: '/event?idclient=x' })).status).toBe(400);
  expect((await send({ body: '{}' })).status).toBe(400);
  expect((await send({ body: bodyOf(...Array.from({ length: 51 }, () => ({ name: 'A' }))) })).status).toBe(413);
  expect((await send({ path: '/event?s=1', headers: { cookie: 'atid=abc' } })).status).toBe(302);
  expect(await journal('&outcome=accepted')).toEqual([]);
});

describe('acceptance stage', () => {
  it('judges event by event', async () => {
    await send({ body: bodyOf({ name: 'A' }, { name: 'C' }, { name: 'B' }) });
    expect(await journal()).toMatchObject([
      { name: 'A', outcome: 'accepted', cause: null },
      { name: 'C', outcome: 'excluded', cause: 'Not declared in the Data Model' },
      { name: 'B', outcome: 'accepted' },
    ]);
  });

  it('excludes robots and bad ids, not billed; undeclared events are billed', async () => {
    await send({ headers: { 'user-agent': 'curl/8' } });
    await send({ path: '/event?s=1&idclient=short' });
    await send({ body: bodyOf({ name: 'C' }) });
    const { json } = await control('GET', '/__journal?order=asc');
    expect(json.items.map((one: Record<string, unknown>) => [one.outcome, one.exclusion, one.billed])).toEqual([
      ['excluded', { type: 'robots', cause: 'user_agent' }, false],
      ['excluded', { type: 'technical', cause: 'idclient_invalid' }, false],
      ['excluded', { type: 'data_model', cause: 'Not declared in the Data Model', detail: 'A' }, true],
    ]);
  });

  it('judges an event by the model it met', async () => {
    await send({ body: bodyOf({ name: 'A', data: { sub_event_id: 'x' } }) });
    await control('PUT', '/__model', { events: [] });
    await send();
    expect(await journal()).toMatchObject([{ outcome: 'accepted' }, { outcome: 'excluded' }]);
    const { json } = await control('GET', '/__journal?order=asc');
    expect(json.items[0].properties[0].status).toBe('stored');
    expect(json.items[1].properties[0].status).toBe('unexpected');
  });
});

describe('control', () => {
  it('shows an entry whole', async () => {
    await send({ body: bodyOf({ name: 'A', data: { device_timestamp_utc: 1_749_536_000, sub_event_id: 'e9' } }) });
    const [{ id }] = await journal();
    const { json } = await control('GET', `/__journal/${id}`);
    expect(json).toMatchObject({
      request: { method: 'POST', headers: { 'user-agent': 'Pianola/0.1.0' } },
      reply: { status: 204 },
      scope: 'off',
      device_timestamp_utc: '2025-06-10T06:13:20.000Z',
      properties: [
        { key: 'device_timestamp_utc', type: 'DATE', status: 'stored' },
        { key: 'sub_event_id', type: 'STRING', value: 'e9', status: 'stored' },
      ],
    });
    expect((await control('GET', '/__journal/999999999')).status).toBe(404);
  });

  it('finds repeats, counts, waits', async () => {
    await send();
    await send();
    const [first, second] = await journal('&eventId=e1');
    expect(second.repeat_of).toBe(first.id);
    expect((await control('GET', '/__journal/stats')).json).toMatchObject({
      total: 2,
      requests: 2,
      repeats: 1,
      repeated: { e1: 1 },
      counts: [{ name: 'A', outcome: 'accepted', cause: null, count: 2 }],
    });
    const waiting = control('POST', '/__journal/wait', { name: 'B', count: 1, timeoutMs: 20_000 });
    await send({ body: bodyOf({ name: 'B' }) });
    expect((await waiting).json).toEqual({ met: true });
    expect((await control('POST', '/__journal/wait', { name: 'B', count: 2, timeoutMs: 5 })).status).toBe(408);
    expect((await control('DELETE', '/__journal')).status).toBe(204);
    expect(await journal()).toEqual([]);
  });

  it('keeps the switches it was not asked to change, and refuses unknown ones', async () => {
    await control('PUT', '/__config', { robotAgents: false, sites: [640001] });
    const { json } = await control('PUT', '/__config', { journalLimit: 10 });
    expect(json).toMatchObject({
      robotAgents: false,
      sites: [{ id: '640001', hosts: [], closed: false }],
      journalLimit: 10,
    });
    const refused = await control('PUT', '/__config', { robots: false });
    expect(refused).toMatchObject({ status: 400, json: { code: 'request_invalid' } });
    expect(refused.json.fix).toBeTruthy();
  });

  it('keeps no requests when slim, yet all that counts', async () => {
    await control('PUT', '/__config', { journalKeep: 'slim' });
    await send();
    expect(await journal()).toMatchObject([{ name: 'A', sub_event_id: 'e1', idclient: VISITOR, outcome: 'accepted' }]);
    expect((await control('GET', '/__journal')).json.items[0]).toMatchObject({ properties: [], request: { body: '' } });
  });

  it('adds to the model with PATCH', async () => {
    await control('PATCH', '/__model', { events: ['C', { name: 'A', status: 'Disabled' }] });
    const { json } = await control('GET', '/__model');
    expect(json.events.map((one: Record<string, unknown>) => [one.name, one.status])).toEqual([
      ['A', 'Disabled'],
      ['B', 'Validated'],
      ['C', 'Validated'],
    ]);
  });
});

describe('faults', () => {
  it('answer a status as often as told, without taking the event', async () => {
    await control('PUT', '/__faults', [{ action: 'status', status: 503, headers: { 'retry-after': '7' }, times: 1 }]);
    const answer = await send();
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '7']);
    expect((await send()).status).toBe(204);
    expect(await journal()).toHaveLength(1);
  });

  it('strike only what they match', async () => {
    await control('PUT', '/__faults', [{ action: 'status', match: { name: 'B' } }]);
    expect((await send()).status).toBe(204);
    expect((await send({ body: bodyOf({ name: 'B' }) })).status).toBe(503);
  });

  it('reset before: nothing is taken; reset after: the sender cannot know', async () => {
    await control('PUT', '/__faults', [{ action: 'reset-before', times: 1 }]);
    await expect(send()).rejects.toThrow('fetch failed');
    expect(await journal()).toHaveLength(0);
    await control('PUT', '/__faults', [{ action: 'reset-after', times: 1 }]);
    await expect(send()).rejects.toThrow('fetch failed');
    expect(await journal()).toMatchObject([{ sub_event_id: 'e1', outcome: 'accepted' }]);
    await send();
    expect((await journal())[1].repeat_of).toBe((await journal())[0].id);
  });

  it('delay the answer and end when deleted', async () => {
    await control('PUT', '/__faults', [{ action: 'delay', ms: 1 }]);
    expect((await send()).status).toBe(204);
    expect((await control('GET', '/__journal')).json.items[0].flags).toEqual(['fault_delay']);
    expect((await control('DELETE', '/__faults')).status).toBe(204);
    expect((await control('GET', '/__faults')).json).toEqual({ faults: [] });
  });
});
