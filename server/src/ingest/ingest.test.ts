import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { lock } from '../storage/queries/chain.ts';
import { type IngestTest, ingestTest, purchase, renewal, START } from './fixtures/ingest-test.ts';
import { chainIdOf, chainLockKey } from './signal.ts';

let bed: IngestTest;
afterEach(() => bed.stop());

const MONTH = 30 * 86_400_000;
const events = () =>
  bed.test.sql<{ code: string; sequence: number; signal: string }>(
    'select code, sequence from event order by position',
  );
const codes = async () => (await events()).map((event) => event.code);
const states = () =>
  bed.test.sql<{ state: string; reason: string | null }>(
    'select state, reason from signal order by dedupe_key collate "C"',
  );
const until = async (holds: () => Promise<boolean>) => {
  for (let tries = 0; tries < 200; tries++) {
    if (await holds()) return;
    await sleep(25);
  }
  expect.unreachable('did not happen within five seconds');
};

describe('receive', () => {
  it('stores and applies in one transaction: signal, chain, record and events are there when the answer is', async () => {
    bed = await ingestTest();
    expect(await bed.send({ id: 'a', chain: 'c1', at: START, facts: [purchase('c1', START)] })).toEqual({
      status: 200,
    });
    expect(await codes()).toEqual(['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TRANSACTION_PROCESSED']);
    expect(await states()).toEqual([{ state: 'done', reason: null }]);
    const [chain] = await bed.test.sql<{ memory: unknown; record_ids: string[] }>(
      'select memory, record_ids from chain',
    );
    expect(chain).toMatchObject({ memory: { seen: ['a'] } });
    expect(chain!.record_ids).toHaveLength(1);
  });

  it('answers a repeat 200 and applies it once, also within one group', async () => {
    bed = await ingestTest();
    const body = { id: 'a', chain: 'c1', at: START, facts: [purchase('c1', START)] };
    const answers = await Promise.all([bed.send(body), bed.send(body), bed.send(body)]);
    expect([...answers, await bed.send(body)].map((answer) => answer.status)).toEqual([200, 200, 200, 200]);
    expect(await codes()).toHaveLength(3);
    expect(await states()).toHaveLength(1);
    expect(bed.store.translated).toEqual(['a']);
  });

  it('keeps nothing of a forged notification but a counter', async () => {
    bed = await ingestTest();
    const answer = await bed.send({ id: 'a', chain: 'c1', at: START, facts: [], signed: false });
    expect(answer).toEqual({ status: 401, code: 'store_signature_invalid' });
    await bed.rejections.flush();
    expect(await bed.test.sql('select store, code, count from rejection')).toEqual([
      { store: 'paper', code: 'store_signature_invalid', count: 1 },
    ]);
    for (const table of ['signal', 'signal_key', 'chain', 'record', 'event'])
      expect(await bed.test.sql(`select 1 from ${table}`)).toEqual([]);
  });

  it('stores what concerns no chain as ignored', async () => {
    bed = await ingestTest();
    expect(await bed.send({ id: 'a', chain: null, at: START, facts: [] })).toEqual({ status: 200 });
    expect(await states()).toEqual([{ state: 'ignored', reason: 'test' }]);
  });

  it('a signal that cannot be applied fails alone; its group and its chain go on', async () => {
    bed = await ingestTest();
    const answers = await Promise.all([
      bed.send({ id: 'a', chain: 'c1', at: START, facts: [purchase('c1', START)] }),
      bed.send({ id: 'b', chain: 'c2', at: START, facts: [], poison: true }),
      bed.send({ id: 'c', chain: 'c2', at: START + 1, facts: [purchase('c2', START)] }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200, 200]);
    expect(await states()).toEqual([
      { state: 'done', reason: null },
      { state: 'failed', reason: 'poison' },
      { state: 'done', reason: null },
    ]);
    expect(await codes()).toHaveLength(6);
  });

  it('what the database refuses falls back to storing: answered 200, kept pending, tried again', async () => {
    bed = await ingestTest();
    const facts = purchase('c1', START);
    // PostgreSQL's jsonb cannot hold U+0000; a store that sends it must not block its group.
    const odd = { ...facts, transaction: { ...facts.transaction!, productId: 'a\u0000b' } };
    const answers = await Promise.all([
      bed.send({ id: 'a', chain: 'c1', at: START, facts: [odd] }),
      bed.send({ id: 'b', chain: 'c2', at: START, facts: [purchase('c2', START)] }),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([200, 200]);
    bed.processor.start();
    await until(async () => (await codes()).length === 3);
    expect(await states()).toEqual([
      { state: 'pending', reason: null },
      { state: 'done', reason: null },
    ]);
    await until(
      async () => (await bed.test.sql<{ tries: number }>('select tries from signal_pending'))[0]?.tries === 1,
    );
  });
});

describe('busy chains', () => {
  it('a chain locked elsewhere is not waited for; the worker applies it once it is free, in order', async () => {
    bed = await ingestTest();
    const id = chainIdOf(bed.appId, 'paper', { environment: 'PRODUCTION', chainId: 'c1' })!;
    let free!: () => void;
    const gate = new Promise<void>((done) => (free = done));
    const holder = bed.test.db.transaction(async (sql) => {
      await lock(sql, [chainLockKey(bed.appId, id)]);
      await gate;
    });
    await sleep(50);
    // The renewal arrives before the purchase; both while the chain is busy.
    await bed.send({ id: 'b', chain: 'c1', at: START + MONTH, facts: [renewal('c1', START + MONTH, 'c1-2')] });
    await bed.send({ id: 'a', chain: 'c1', at: START, facts: [purchase('c1', START)] });
    expect(await codes()).toEqual([]);
    bed.processor.start();
    await sleep(100);
    free();
    await holder;
    await until(async () => (await codes()).length === 6);
    expect(bed.store.translated).toEqual(['a', 'b']);
    expect(await bed.test.sql('select 1 from signal_pending')).toEqual([]);
  });

  it('two processes receiving the same notifications at once apply each exactly once', async () => {
    bed = await ingestTest();
    const bodies = Array.from({ length: 60 }, (_, i) => {
      const chain = `c${i % 20}`;
      const at = START + Math.floor(i / 20) * MONTH;
      return {
        id: `s${i}`,
        chain,
        at,
        facts: [i < 20 ? purchase(chain, at) : renewal(chain, at, `${chain}-${1 + Math.floor(i / 20)}`)],
      };
    });
    bed.processor.start();
    const answers = await Promise.all([...bodies, ...bodies.toReversed()].map((body) => bed.send(body)));
    expect(answers.every((answer) => answer.status === 200)).toBe(true);
    await until(async () => (await bed.test.sql('select 1 from signal_pending')).length === 0);
    const [{ n }] = (await bed.test.sql<{ n: number }>(
      "select count(*) as n from event where code = 'TRANSACTION_PROCESSED'",
    )) as [{ n: number }];
    expect(n).toBe(60);
    const gaps = await bed.test.sql('select record_id from event group by record_id having max(sequence) <> count(*)');
    expect(gaps).toEqual([]);
  });
});

describe('waiting for the owner', () => {
  it('a first signal without owner waits, and is applied when its time is over', async () => {
    bed = await ingestTest({ identityWaitMinutes: 15 });
    bed.processor.start();
    await bed.send({ id: 'a', chain: 'c1', at: START, accountKey: 'KEY-1', facts: [purchase('c1', START)] });
    await bed.send({ id: 'b', chain: 'c1', at: START + 1, facts: [] });
    bed.time.jump(14 * 60_000);
    await sleep(100);
    expect(await codes()).toEqual([]);
    bed.time.jump(60_000);
    await until(async () => (await codes()).length === 3);
    expect(bed.store.translated).toEqual(['a', 'b']);
    expect(await bed.test.sql('select owner_id from event limit 1')).toEqual([{ owner_id: null }]);
  });

  it('a hand-in releases it at once, with its owner', async () => {
    bed = await ingestTest({ identityWaitMinutes: 15 });
    bed.processor.start();
    await bed.send({ id: 'a', chain: 'c1', at: START, facts: [purchase('c1', START)] });
    const owner = await bed.addUser('phone-1');
    const app = bed.settings.appBySlug('demo')!;
    const signed = JSON.stringify({ id: 'h', chain: 'c1', at: START + 5, facts: [] });
    expect(await bed.receiver.handIn({ app, store: 'paper', signed, ownerId: owner })).toEqual({ status: 200 });
    await until(async () => (await codes()).length === 3);
    expect(await bed.test.sql('select distinct owner_id from event')).toEqual([{ owner_id: owner }]);
  });

  it('a known account key needs no wait', async () => {
    bed = await ingestTest({ identityWaitMinutes: 15 });
    const owner = await bed.addUser('AbC-1');
    await bed.send({ id: 'a', chain: 'c1', at: START, accountKey: 'aBc-1', facts: [purchase('c1', START)] });
    expect(await bed.test.sql('select distinct owner_id from event')).toEqual([{ owner_id: owner }]);
  });
});

describe('reading the store’s API', () => {
  it('never delays the answer, holds back later signals of the chain, and keeps what it read', async () => {
    bed = await ingestTest();
    await bed.send({ id: 'a', chain: 'c1', at: START, needsRead: true, facts: [purchase('c1', START)] });
    await bed.send({ id: 'b', chain: 'c1', at: START + MONTH, facts: [renewal('c1', START + MONTH, 'c1-2')] });
    expect(bed.store.reads).toEqual([]);
    expect(await codes()).toEqual([]);
    bed.processor.start();
    await until(async () => (await codes()).length === 6);
    expect(bed.store.translated).toEqual(['a', 'b']);
    const [row] = await bed.test.sql<{ snapshot: unknown }>("select snapshot from signal where dedupe_key = 'paper:a'");
    expect(row!.snapshot).toMatchObject({ kind: 'history' });
  });

  it('five failed tries leave a marker, and the signal is applied with what is known', async () => {
    bed = await ingestTest();
    bed.store.answerRead(() => ({ ok: false, kind: 'again', delayMs: 1_000, message: 'busy' }));
    bed.processor.start();
    await bed.send({ id: 'a', chain: 'c1', at: START, needsRead: true, facts: [purchase('c1', START)] });
    for (let tries = 1; tries <= 5; tries++) {
      await until(async () => bed.store.reads.length === tries);
      bed.time.jump(1_000);
    }
    await until(async () => (await codes()).length === 3);
    const [row] = await bed.test.sql<{ snapshot: unknown }>('select snapshot from signal');
    expect(row!.snapshot).toMatchObject({ kind: 'unavailable' });
    expect(bed.store.reads).toHaveLength(5);
  });

  it('one that throws waits alone and longer each time; other chains go on', async () => {
    bed = await ingestTest();
    bed.store.answerRead(() => {
      throw new Error('bug');
    });
    bed.processor.start();
    await bed.send({ id: 'a', chain: 'c1', at: START, needsRead: true, facts: [purchase('c1', START)] });
    await until(
      async () => (await bed.test.sql<{ tries: number }>('select tries from signal_pending'))[0]?.tries === 1,
    );
    await bed.send({ id: 'b', chain: 'c2', at: START, needsRead: true, facts: [purchase('c2', START)] });
    bed.store.answerRead(() => ({ ok: true, snapshot: { kind: 'history', items: [], readAt: START } }));
    await until(async () => (await codes()).length >= 3);
    bed.time.jump(60_000);
    await until(async () => (await codes()).length === 6);
  });
});

it('without the app’s set-up signals wait for it, and are not looked at again and again', async () => {
  bed = await ingestTest();
  await bed.send({ id: 'a', chain: 'c1', at: START, needsRead: true, facts: [purchase('c1', START)] });
  await bed.test.sql("update signal_pending set why = 'order'");
  await bed.test.sql('delete from store_account');
  await bed.settings.reload();
  bed.processor.start();
  const due = async () => (await bed.test.sql<{ due_at: number }>('select due_at from signal_pending'))[0]!.due_at;
  await until(async () => (await due()) > START);
  expect(await due()).toBe(START + 60_000);
});
