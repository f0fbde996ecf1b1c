import { describe, expect, test } from 'vitest';
import { fullEvent } from '../integrations/at-internet/fixtures/full-event.ts';
import { CLIENT_ID, settingsWith } from '../integrations/at-internet/fixtures/settings.ts';
import { createIntegrations } from '../integrations/index.ts';
import type { ClaimedRow } from '../storage/queries/delivery-queue.ts';
import { planLane } from './lanes.ts';

const [definition] = createIntegrations({ allowPrivateTargets: false });
const NOW = fullEvent('ACTIVATE').occurredAt + 10_000;
const OTHER_ID = '0123456789abcdef';

function rows(...changes: Partial<ClaimedRow>[]): ClaimedRow[] {
  return changes.map((change, index) => {
    const event = fullEvent('ACTIVATE', index);
    const visitor = {
      clientId: CLIENT_ID,
      privacyMode: null,
      privacyConsent: null,
      forwardingRevoked: false,
      erased: false,
      userAgent: null,
      address: null,
    };
    return {
      ...event,
      ...visitor,
      appId: 1,
      id: index + 1,
      lane: 77,
      integrationId: 1,
      environment: 'PRODUCTION',
      dueAt: NOW,
      state: 'queued',
      tries: 0,
      firstTriedAt: null,
      pausedMs: null,
      batchMax: null,
      fixedClientId: null,
      createdAt: NOW - 5_000,
      attributes: event.attributes as ClaimedRow['attributes'],
      ...change,
    };
  });
}

function plan(list: ClaimedRow[], { settings = {}, probe = false, maxBytes = 1_000_000 } = {}) {
  const limited = { ...definition!, batch: { ...definition!.batch, maxBytes } };
  const planned = planLane(list, {
    definition: limited,
    settings: settingsWith(settings),
    now: NOW,
    version: '1.0.0',
    probe,
  });
  return {
    sent: planned.batch?.rows.map(({ id }) => id) ?? [],
    visitor: planned.batch?.visitor.clientId,
    aside: planned.setAside.map(({ id, state, reason }) => `${id} ${state}/${reason}`),
    waitUntil: planned.waitUntil,
    planned,
  };
}

test('all that is due goes together', () => {
  expect(plan(rows({}, {}, {}))).toMatchObject({ sent: [1, 2, 3], visitor: CLIENT_ID, aside: [], waitUntil: null });
});

test('a head that is not due holds back the lane, but not a probe', () => {
  const waiting = rows({ dueAt: NOW + 1 }, {});
  expect(plan(waiting)).toMatchObject({ sent: [], waitUntil: NOW + 1 });
  expect(plan(waiting, { probe: true })).toMatchObject({ sent: [1, 2], waitUntil: null });
});

test('nothing overtakes an event that is not due', () => {
  expect(plan(rows({}, { dueAt: NOW + 1 }, {})).sent).toEqual([1]);
});

test('one request, one visitor: the id fixed by an earlier attempt counts', () => {
  expect(plan(rows({ fixedClientId: OTHER_ID }, { fixedClientId: OTHER_ID }, {}))).toMatchObject({
    sent: [1, 2],
    visitor: OTHER_ID,
  });
});

test('refused events travel in smaller company', () => {
  expect(plan(rows({ batchMax: 1 }, { batchMax: 1 })).sent).toEqual([1]);
  expect(plan(rows({}, {}, { batchMax: 1 })).sent).toEqual([1, 2]);
  expect(plan(rows({ batchMax: 2 }, { batchMax: 2 }, { batchMax: 2 })).sent).toEqual([1, 2]);
});

test('at most fifty', () => {
  expect(plan(rows(...Array.from({ length: 51 }, () => ({})))).sent).toHaveLength(50);
});

describe('what may not be sent', () => {
  test('is set aside, all of it', () => {
    expect(plan(rows({ erased: true }, { erased: true }))).toMatchObject({
      sent: [],
      aside: ['1 suppressed/erased', '2 suppressed/erased'],
    });
  });

  test('a hold lets nothing overtake it in the same round', () => {
    expect(plan(rows({ clientId: null }, { clientId: null, fixedClientId: OTHER_ID }))).toMatchObject({
      sent: [],
      aside: ['1 held/no_client_id'],
    });
  });

  test('a hold lasts from the event’s birth', () => {
    const { planned } = plan(rows({ clientId: null }), { settings: { clientIdHoldHours: 1 } });
    expect(planned.setAside).toMatchObject([
      { state: 'held', holdUntil: NOW - 5_000 + 3_600_000, clientId: null, idName: 'at_internet_id_client' },
    ]);
  });

  test('a hold of no length is none', () => {
    expect(plan(rows({ clientId: null }), { settings: { clientIdHoldHours: 0 } }).aside).toEqual([
      '1 suppressed/no_client_id',
    ]);
  });
});

describe('size', () => {
  const size = Buffer.byteLength(plan(rows({})).planned.batch!.request.body);

  test('a batch too large is made smaller before it is sent', () => {
    expect(plan(rows({}, {}, {}, {}), { maxBytes: size * 2 + 50 }).sent).toEqual([1, 2]);
  });

  test('an event too large by itself is a dead letter', () => {
    expect(plan(rows({}, {}), { maxBytes: size - 1 })).toMatchObject({ sent: [], aside: ['1 dead_letter/oversize'] });
  });
});

test('an event that cannot be encoded does not hold up its lane', () => {
  const broken = rows({}, {});
  Object.defineProperty(broken[0]!.attributes, 'placement', {
    enumerable: true,
    get: () => {
      throw new Error('no good');
    },
  });
  const { sent, planned } = plan(broken);
  expect(sent).toEqual([]);
  expect(planned.setAside).toMatchObject([{ id: 1, state: 'dead_letter', reason: 'encode_failed', note: 'no good' }]);
});
