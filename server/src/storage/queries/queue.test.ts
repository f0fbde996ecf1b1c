import { afterAll, beforeAll, expect, it } from 'vitest';
import { testDatabase, type TestDatabase } from '../../../test/database.ts';
import { readQueueDepths } from './queue.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase({ size: 2 });
});
afterAll(() => database.close());

const NOTHING = {
  signals_pending: 0,
  deliveries_queued: 0,
  deliveries_held: 0,
  deliveries_parked: 0,
  deliveries_dead_letter: 0,
};

it('counts what waits over all apps, and nothing that is settled', async () => {
  expect(await readQueueDepths(database.db)).toEqual(NOTHING);
  await database.sql(
    `insert into app (slug, name, currency, public_key, created_at) select s, s, 'EUR', s, now() from unnest(array['a', 'b']) as s`,
  );
  await database.sql(
    `insert into delivery (app_id, integration_id, environment, event_id, lane, shard, state, due_at, hold_until, created_at)
     select a.id, 1, 'SANDBOX', gen_random_uuid(), 1, 1, s, now(), case when s = 'held' then now() end, now()
     from app a, unnest(array['held', 'parked', 'dead_letter', 'delivered', 'suppressed', 'dead_letter']) as s`,
  );
  await database.sql(
    `insert into delivery_queue (app_id, lane, id, integration_id, environment, due_at) select id, 1, id, 1, 'SANDBOX', now() from app`,
  );
  await database.sql(
    `insert into signal_pending (app_id, chain_id, signal_id, received_at, due_at, why) values (1, gen_random_uuid(), gen_random_uuid(), now(), now(), 'read')`,
  );
  expect(await readQueueDepths(database.db)).toEqual({
    signals_pending: 1,
    deliveries_queued: 2,
    deliveries_held: 2,
    deliveries_parked: 2,
    deliveries_dead_letter: 4,
  });
});
