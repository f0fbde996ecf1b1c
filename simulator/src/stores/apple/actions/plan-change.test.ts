import { beforeEach, describe, expect, it } from 'vitest';
import { line } from '../stage.ts';
import { onStage } from './on-stage.ts';

const play = onStage();

describe('plan changes', () => {
  beforeEach(() => play.said('buy', { product: 'monthly' }));

  it('upgrade at once', async () => {
    const old = play.who.chains[0]?.transactions[0];
    const up = await play.one('upgrade', { product: 'family' });
    expect(line(up)).toBe('DID_CHANGE_RENEWAL_PREF/UPGRADE 1');
    expect(up.transaction).toMatchObject({
      productId: 'family',
      transactionReason: 'PURCHASE',
      purchaseDate: play.stage.timeline.now(),
    });
    expect(up.transaction).not.toHaveProperty('isUpgraded');
    expect(old?.isUpgraded).toBe(true);
  });

  it('downgrade with the next renewal, which turns auto-renew on again', async () => {
    await play.said('cancel');
    const down = await play.one('downgrade', { product: 'basic' });
    expect(line(down)).toBe('DID_CHANGE_RENEWAL_PREF/DOWNGRADE 1');
    expect(down.transaction?.productId).toBe('monthly');
    expect(down.renewal).toMatchObject({ autoRenewProductId: 'basic', autoRenewStatus: 1, renewalPrice: 4_990 });
    const renewed = await play.one('renew', { now: true });
    expect([line(renewed), renewed.transaction?.productId]).toEqual(['DID_RENEW 1', 'basic']);
    expect(renewed.transaction?.transactionReason).toBe('RENEWAL');
  });

  it('crossgrade by length: the same at once, another with the renewal', async () => {
    expect(await play.said('crossgrade', { product: 'yearly' })).toEqual(['DID_CHANGE_RENEWAL_PREF/DOWNGRADE 1']);
    expect(await play.said('keep-plan')).toEqual(['DID_CHANGE_RENEWAL_PREF 1']);
    await play.said('upgrade', { product: 'family' });
    expect(await play.said('crossgrade', { product: 'family-eur' })).toEqual(['DID_CHANGE_RENEWAL_PREF/UPGRADE 1']);
  });

  it('must be what they are called', async () => {
    await expect(play.said('upgrade', { product: 'basic' })).rejects.toMatchObject({ code: 'other_move' });
    await expect(play.said('upgrade', { product: 'monthly' })).rejects.toMatchObject({ code: 'same_plan' });
    await expect(play.said('keep-plan')).rejects.toMatchObject({ code: 'nothing_booked' });
  });
});

describe('redeeming', () => {
  it('is a purchase without a subscription', async () => {
    expect(await play.said('redeem', { product: 'monthly', offer: 'CODE-1' })).toEqual(['SUBSCRIBED/INITIAL_BUY 1']);
  });

  it('on the same plan begins with the renewal, or at once', async () => {
    await play.said('buy', { product: 'monthly' });
    const booked = await play.one('redeem', { offer: 'CODE-1' });
    expect(line(booked)).toBe('OFFER_REDEEMED 1');
    expect(booked.transaction).not.toHaveProperty('offerType');
    expect(booked.renewal).toMatchObject({ offerType: 3, offerIdentifier: 'CODE-1', renewalPrice: 0 });
    expect((await play.one('renew', { now: true })).transaction).toMatchObject({ offerType: 3, price: 0 });
    expect((await play.one('redeem', { offer: 'SUMMER', at: 'now' })).transaction).toMatchObject({
      offerIdentifier: 'SUMMER',
    });
  });

  it('on another plan changes it', async () => {
    await play.said('buy', { product: 'monthly' });
    expect(await play.said('redeem', { product: 'basic', offer: 'DOWN' })).toEqual(['OFFER_REDEEMED/DOWNGRADE 1']);
    const up = await play.one('redeem', { product: 'family', offer: 'UP' });
    expect(line(up)).toBe('OFFER_REDEEMED/UPGRADE 1');
    expect(up.transaction).toMatchObject({ productId: 'family', offerIdentifier: 'UP', offerType: 3 });
  });
});
