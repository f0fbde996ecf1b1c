import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AT_INTERNET, putApp, START, testHttp, type TestHttp } from '../fixtures/test-http.ts';

const CHAINS = ['00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-00000000000b'];
const OWNER = '00000000-0000-4000-8000-0000000000aa';
const id = (kind: number, n: number) => `0000000${kind}-0000-4000-8000-${String(n).padStart(12, '0')}`;
const STATES = ['delivered', 'queued', 'held', 'dead_letter'];

let server: TestHttp;
beforeAll(async () => {
  server = await testHttp();
  const { id: appId } = await putApp(server);
  const { id: otherId } = await putApp(server, 'other');
  const { sql } = server.database;
  for (const slug of ['news', 'other'])
    await server.call('PUT', `/api/v1/apps/${slug}/integrations/at-internet`, { body: AT_INTERNET });
  await sql(
    `insert into chain (app_id, id, store, environment, store_chain_id, shard, record_ids, created_at, updated_at)
     select a.id, c.id, 'apple', 'SANDBOX', c.id::text, 0, array['subs_' || c.n], $3::timestamptz, $3::timestamptz
     from unnest($1::int[]) as a (id), unnest($2::uuid[]) with ordinality as c (id, n)`,
    [[appId, otherId], CHAINS, new Date(START)],
  );
  // Twelve of everything: chain 1 and 2 by turns.
  for (let n = 1; n <= 12; n++) {
    const chain = 2 - (n % 2);
    const at = new Date(START + n);
    const values = [appId, id(2, n), id(1, n), CHAINS[chain - 1], at];
    await sql(
      `insert into signal (app_id, id, received_at, kind, store, environment, chain_id, type, store_time, sort_order, dedupe_key, transaction_ids, body, settings_version, state)
       values ($1, $2, $3, 'notification', 'apple', $6, $4, 'DID_RENEW', $3, '', $2::uuid::text, array[$5], 'secret body', 1, $7)`,
      [
        appId,
        id(1, n),
        at,
        CHAINS[chain - 1],
        `tx-${n}`,
        n % 3 === 0 ? 'PRODUCTION' : 'SANDBOX',
        n === 12 ? 'pending' : 'done',
      ],
    );
    await sql(
      `insert into event (app_id, event_id, record_id, sequence, group_index, code, store, environment, owner_id, chain_id, signal_id, occurred_at, created_at, attributes)
       values ($1, $2, $6, $7, 0, $8, 'APPLE_APP_STORE', $9, $10, $4, $3, $5, $5, $11)`,
      [
        ...values,
        `subs_${chain}`,
        n,
        n % 4 === 0 ? 'TRANSACTION_PROCESSED' : 'SUBSCRIPTION_RENEWED',
        n % 3 === 0 ? 'PRODUCTION' : 'SANDBOX',
        n <= 5 ? OWNER : null,
        { plan: 'gold', amount_in_eur: n, is_family_shared: false },
      ],
    );
    await sql(
      `insert into delivery (app_id, integration_id, environment, event_id, lane, shard, owner_id, state, due_at, created_at, settled_at)
       select $1, i.id, 'SANDBOX', $2, 7, 7, $3, $4, $5, $5, null from integration i where app_id = $1`,
      [appId, id(2, n), OWNER, STATES[n % 4], at],
    );
  }
  await sql(
    `insert into delivery_queue (app_id, lane, id, integration_id, environment, due_at)
     select app_id, lane, id, integration_id, environment, due_at from delivery where state = 'queued'`,
  );
  await sql(
    `insert into attempt (app_id, id, at, integration_id, environment, lane, trigger, delivery_ids, event_ids, settings_version, pianola_version, class, ambiguous, bytes_written, body_hash, status)
     select $1, t.id, t.at, 1, 'SANDBOX', 7, 'automatic', t.deliveries::bigint[], '{}', 1, '0.1.0', 'transient', false, true, '\\xabcd', 503
     from (values ($2::uuid, $3::timestamptz, '{1,2}'), ($4::uuid, $5::timestamptz, '{1}'), ($6::uuid, $5::timestamptz, '{2}')) as t (id, at, deliveries)`,
    [appId, id(3, 1), new Date(START + 100), id(3, 2), new Date(START + 200), id(3, 3)],
  );
});
afterAll(() => server.close());

const get = async (path: string) => (await server.call('GET', `/api/v1/apps/news/${path}`)).body;
/** Every item, page by page. */
async function all(path: string, limit: number): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const url: string = `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${cursor}`}`;
    const page = await get(url);
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    cursor = page.next;
  }
  return items;
}
const numbers = (items: Record<string, unknown>[], field: string) =>
  items.map((item) => Number(String(item[field]).slice(-12)));

describe.each([
  ['events', 'eventId'],
  ['signals', 'id'],
  ['deliveries', 'eventId'],
])('%s', (list, field) => {
  it.each([1, 5, 12, 50])('come in pages of %i without gap or repeat, newest first', async (limit) => {
    expect(numbers(await all(list, limit), field)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
  });

  it('come oldest first if asked', async () => {
    expect(numbers(await all(`${list}?order=asc`, 5), field)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('show nothing of another app', async () => {
    expect((await server.call('GET', `/api/v1/apps/other/${list}`)).body).toEqual({ items: [], next: null });
  });

  it.each(['limit=0', 'limit=201', 'cursor=x', 'order=up', 'environment=EVERYWHERE&state=lost'])(
    'refuse ?%s',
    async (query) => {
      const answer = await server.call('GET', `/api/v1/apps/news/${list}?${query}`);
      expect([answer.status, answer.body.code]).toEqual([400, 'request_invalid']);
    },
  );
});

describe('events', () => {
  it.each([
    ['code=TRANSACTION_PROCESSED', [12, 8, 4]],
    ['environment=PRODUCTION', [12, 9, 6, 3]],
    ['recordId=subs_1', [11, 9, 7, 5, 3, 1]],
    [`chainId=${CHAINS[1]}`, [12, 10, 8, 6, 4, 2]],
    [`chainId=${CHAINS[1]}&environment=PRODUCTION&order=asc`, [6, 12]],
    [`ownerId=${OWNER}`, [5, 4, 3, 2, 1]],
    [`signalId=${id(1, 6)}`, [6]],
    [`ownerId=${OWNER}&code=TRANSACTION_PROCESSED&recordId=subs_1`, []],
  ])('are found by %s', async (query, expected) => {
    expect(numbers(await all(`events?${query}`, 2), 'eventId')).toEqual(expected);
  });

  it('are shown whole', async () => {
    const event = await get(`events/${id(2, 3)}`);
    expect(event).toEqual({
      eventId: id(2, 3),
      code: 'SUBSCRIPTION_RENEWED',
      recordId: 'subs_1',
      sequence: 3,
      group: 0,
      store: 'APPLE_APP_STORE',
      environment: 'PRODUCTION',
      ownerId: OWNER,
      chainId: CHAINS[0],
      signalId: id(1, 3),
      occurredAt: new Date(START + 3).toISOString(),
      createdAt: new Date(START + 3).toISOString(),
      attributes: { plan: 'gold', amount_in_eur: 3, is_family_shared: false },
    });
    expect((await get('events?limit=1&order=asc')).items[0]).toMatchObject({ eventId: id(2, 1) });
    expect((await get(`events/${id(2, 99)}`)).code).toBe('not_found');
    expect((await server.call('GET', `/api/v1/apps/other/events/${id(2, 3)}`)).body.code).toBe('not_found');
  });
});

describe('signals', () => {
  it.each([
    ['state=pending', [12]],
    ['environment=PRODUCTION', [12, 9, 6, 3]],
    [`chainId=${CHAINS[0]}&environment=PRODUCTION`, [9, 3]],
    ['store=apple&state=done&order=asc', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]],
    ['store=google', []],
  ])('are found by %s', async (query, expected) => {
    expect(numbers(await all(`signals?${query}`, 2), 'id')).toEqual(expected);
  });

  it('are shown without their bodies', async () => {
    const [signal] = (await get('signals?limit=1&order=asc')).items;
    expect(signal).toEqual({
      id: id(1, 1),
      receivedAt: new Date(START + 1).toISOString(),
      kind: 'notification',
      store: 'apple',
      environment: 'SANDBOX',
      type: 'DID_RENEW',
      storeTime: new Date(START + 1).toISOString(),
      state: 'done',
      reason: null,
      transactionIds: ['tx-1'],
      chainId: CHAINS[0],
    });
  });
});

describe('deliveries', () => {
  it.each([
    ['state=held', [10, 6, 2]],
    ['state=held&order=asc', [2, 6, 10]],
    ['state=queued', [9, 5, 1]],
    ['state=delivered', [12, 8, 4]],
    ['state=retrying', []],
    [`eventId=${id(2, 4)}`, [4]],
    [`eventId=${id(2, 4)}&state=held`, []],
    [`eventId=${id(2, 4)}&state=delivered`, [4]],
  ])('are found by %s', async (query, expected) => {
    expect(numbers(await all(`deliveries?${query}`, 2), 'eventId')).toEqual(expected);
  });

  it('are shown with their event’s code, and their attempts', async () => {
    const first = await get('deliveries/1');
    expect(first).toMatchObject({
      id: 1,
      eventId: id(2, 1),
      code: 'SUBSCRIPTION_RENEWED',
      state: 'queued',
      tries: 0,
      clientId: null,
      ambiguous: false,
      settledAt: null,
    });
    const attempts = await all('deliveries/1/attempts', 1);
    expect(attempts).toMatchObject([
      { id: id(3, 1), at: new Date(START + 100).toISOString(), status: 503, class: 'transient', bodyHash: 'abcd' },
      { id: id(3, 2), at: new Date(START + 200).toISOString() },
    ]);
    expect(await all('deliveries/2/attempts', 5)).toMatchObject([{ id: id(3, 1) }, { id: id(3, 3) }]);
    expect(await all('deliveries/3/attempts', 5)).toEqual([]);
  });

  it('unknown are said to be so', async () => {
    for (const path of ['deliveries/99', 'deliveries/99/attempts']) expect((await get(path)).code).toBe('not_found');
    expect((await get('deliveries/x')).code).toBe('request_invalid');
  });
});
