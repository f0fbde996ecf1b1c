import { expect, test } from 'vitest';
import { fullEvent } from '../integrations/at-internet/fixtures/full-event.ts';
import { settingsWith } from '../integrations/at-internet/fixtures/settings.ts';
import { deliveriesFor, laneOf, SHARDS } from './enqueue.ts';

const app = { id: 1, sendUnknownUsers: false };
const on = settingsWith({}, { TRIAL_STARTED: { enabled: true } });

test('one delivery for each integration that wants the event', () => {
  const event = fullEvent('TRIAL_STARTED');
  const other = { ...on, integrationId: 2 };
  const off = { ...settingsWith(), integrationId: 3 };
  const deliveries = deliveriesFor(event, app, [on, other, off]);
  expect(deliveries).toMatchObject([
    {
      integrationId: 1,
      eventId: event.eventId,
      environment: 'PRODUCTION',
      state: 'queued',
      reason: null,
      holdUntil: null,
    },
    { integrationId: 2 },
  ]);
  for (const { lane, shard } of deliveries) expect(shard).toBe(lane % SHARDS);
  expect(deliveries[0]!.lane).not.toBe(deliveries[1]!.lane);
});

test('an unknown user’s event is suppressed from the start', () => {
  const event = { ...fullEvent('TRIAL_STARTED'), ownerId: null };
  expect(deliveriesFor(event, app, [on])).toMatchObject([
    { ownerId: null, state: 'suppressed', reason: 'unknown_user' },
  ]);
});

test('an integration of an unknown kind gets nothing', () => {
  expect(deliveriesFor(fullEvent('TRIAL_STARTED'), app, [{ ...on, kind: 'elsewhere' }])).toEqual([]);
});

test('a lane is one owner’s, in one environment, to one target', () => {
  const lanes = [
    laneOf(1, 1, 'PRODUCTION', 'a'),
    laneOf(1, 1, 'PRODUCTION', 'b'),
    laneOf(1, 1, 'SANDBOX', 'a'),
    laneOf(1, 2, 'PRODUCTION', 'a'),
    laneOf(2, 1, 'PRODUCTION', 'a'),
    laneOf(1, 1, 'PRODUCTION', null),
  ];
  expect(new Set(lanes).size).toBe(6);
  expect(laneOf(1, 1, 'PRODUCTION', 'a')).toBe(lanes[0]);
  expect(lanes.every((lane) => Number.isSafeInteger(lane) && lane >= 0)).toBe(true);
});
