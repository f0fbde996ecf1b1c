import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { HOUR_MS } from './period.ts';
import { BUNDLE, openStage, type Stage } from './stage.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
beforeEach(() => {
  stage.set({});
  stage.answers.length = 0;
});

describe('delivery', () => {
  it('tries again after 1, 12, 24, 48 and 72 hours in production, byte for byte, then gives up', async () => {
    const who = stage.subscriber();
    stage.answers.push(...Array.from({ length: 6 }, () => 503));
    const [sent] = await stage.store.act(who.id, 'buy', { product: 'monthly' });
    const start = stage.timeline.now();
    expect(sent).toMatchObject({ state: 'waiting', nextAt: start + HOUR_MS });
    const before = stage.bodies.length;
    await stage.advance(158 * HOUR_MS);
    const hours = sent?.attempts.map((attempt) => (attempt.at - start) / HOUR_MS);
    expect(hours).toEqual([0, 1, 13, 37, 85, 157]);
    expect(sent?.attempts.every((one) => one.result === 'UNSUCCESSFUL_HTTP_RESPONSE_CODE' && one.status === 503)).toBe(
      true,
    );
    expect(sent).toMatchObject({ state: 'failed', nextAt: null });
    const retries = stage.bodies.slice(before);
    expect(new Set([stage.bodies[before - 1], ...retries]).size).toBe(1);
  });

  it('stops with the first success', async () => {
    stage.answers.push(500, 204);
    const [sent] = await stage.store.act(stage.subscriber().id, 'buy', { product: 'monthly' });
    await stage.advance(20 * HOUR_MS);
    expect(sent?.attempts.map((one) => one.result)).toEqual(['UNSUCCESSFUL_HTTP_RESPONSE_CODE', 'SUCCESS']);
    expect(sent?.state).toBe('delivered');
  });

  it('tries once in the sandbox', async () => {
    stage.answers.push(500);
    const [sent] = await stage.store.act(stage.subscriber('Sandbox').id, 'buy', { product: 'coins' });
    expect(sent).toMatchObject({ state: 'failed', nextAt: null });
  });

  it('names what went wrong as Apple does', async () => {
    stage.set({ notificationUrl: 'http://127.0.0.1:1/nobody' });
    const [sent] = await stage.store.act(stage.subscriber('Sandbox').id, 'buy', { product: 'coins' });
    expect(sent?.attempts[0]).toMatchObject({ result: 'NO_RESPONSE', status: null });
  });

  it('can keep notifications back, repeat them, and send them in any order', async () => {
    const who = stage.subscriber();
    const before = stage.received.length;
    const [bought] = await stage.store.act(who.id, 'buy', { product: 'monthly' }, { skip: true, times: 1 });
    const [cancelled] = await stage.store.act(who.id, 'cancel', {}, { skip: true, times: 1 });
    expect([bought?.state, stage.received.length]).toEqual(['kept', before]);
    await stage.store.outbox.deliver([cancelled, bought].flatMap((one) => one ?? []));
    const types = stage.received.slice(before).map((one) => one.notificationType);
    expect(types).toEqual(['DID_CHANGE_RENEWAL_STATUS', 'SUBSCRIBED']);
    await stage.store.act(who.id, 'uncancel', {}, { skip: false, times: 3 });
    expect(stage.received).toHaveLength(before + 5);
  });

  it('carries on after a restart with what was saved', async () => {
    stage.answers.push(500);
    const who = stage.subscriber();
    const [sent] = await stage.store.act(who.id, 'buy', { product: 'monthly', offer: 'trial' });
    const { AppStore } = await import('./app-store.ts');
    const again = new AppStore(
      stage.timeline,
      stage.store.sign,
      () => {},
      JSON.parse(JSON.stringify(stage.store.saved())),
    );
    expect(again.app(BUNDLE).appAppleId).toBe(123_456_789);
    expect(again.subscriber(who.id).chains).toEqual(who.chains);
    await stage.timeline.travel(stage.timeline.now() + HOUR_MS);
    expect(again.outbox.notifications.get(sent?.uuid ?? '')?.state).toBe('delivered');
    const [first] = await again.act(again.createSubscriber({ bundleId: BUNDLE, environment: 'Production' }).id, 'buy', {
      product: 'coins',
    });
    expect(stage.store.holderOf('Production', first?.content.transaction?.transactionId ?? '')).toBeNull();
    await again.close();
  });
});
