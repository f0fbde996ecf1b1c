import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../period.ts';
import { line } from '../stage.ts';
import { onStage } from './on-stage.ts';

const play = onStage();

describe('refunds', () => {
  it('of the running period withdraw it; reversed, give it back with auto-renew as it was', async () => {
    await play.said('buy', { product: 'monthly' });
    const refund = await play.one('refund');
    expect(line(refund)).toBe('REFUND 5');
    expect(refund.transaction).toMatchObject({
      revocationDate: play.stage.timeline.now(),
      revocationReason: 0,
      revocationType: 'REFUND_FULL',
    });
    expect(refund.transaction).not.toHaveProperty('revocationPercentage');
    expect(await play.stage.advance(0)).toEqual([]);
    const reversed = await play.one('reverse-refund');
    expect(line(reversed)).toBe('REFUND_REVERSED 1');
    expect(reversed.transaction).not.toHaveProperty('revocationDate');
    expect(reversed.renewal?.autoRenewStatus).toBe(1);
  });

  it('in part, or leaving access, or of an older period', async () => {
    await play.said('buy', { product: 'monthly' });
    const part = await play.one('refund', { percent: 50, keepAccess: true });
    expect(line(part)).toBe('REFUND 1');
    expect(part.transaction).toMatchObject({ revocationPercentage: 50_000, revocationType: 'REFUND_PRORATED' });
    await play.said('renew', { now: true });
    const older = await play.one('refund', { periodsAgo: 1, forIssue: true });
    expect(line(older)).toBe('REFUND 1');
    expect(older.transaction?.transactionId).toBe(play.who.chains[0]?.originalTransactionId);
    expect(older.renewal?.productId).toBe('monthly');
  });

  it('reversed when the period is over', async () => {
    await play.said('buy', { product: 'monthly' });
    await play.said('refund');
    await play.passes(40 * DAY_MS);
    expect(await play.said('reverse-refund')).toEqual(['REFUND_REVERSED 2']);
  });

  it('asked for, declined; and of one-time products', async () => {
    await play.said('buy', { product: 'monthly' });
    const asked = await play.one('request-refund', { reason: 'LEGAL' });
    expect([line(asked), asked.data.consumptionRequestReason]).toEqual(['CONSUMPTION_REQUEST 1', 'LEGAL']);
    expect(await play.said('decline-refund')).toEqual(['REFUND_DECLINED 1']);
    const [coins] = await play.stage.act(play.who, 'buy', { product: 'coins', quantity: 4 });
    const transactionId = coins?.transaction?.transactionId;
    const refund = await play.one('refund', { transactionId, percent: 25 });
    expect([line(refund), refund.transaction?.revocationPercentage]).toEqual(['REFUND -', 25_000]);
    expect(await play.said('reverse-refund', { transactionId })).toEqual(['REFUND_REVERSED -']);
  });
});

describe('the other actions', () => {
  it('signs no two notifications of a customer at the same moment, though the clock stands still', async () => {
    await play.said('buy', { product: 'monthly' });
    await play.said('cancel');
    await play.said('uncancel');
    const dates = play.stage.received.slice(-3).map((each) => each.signedDate - play.stage.timeline.now());
    expect(dates).toEqual([0, 1, 2]);
  });

  it('extends the running period', async () => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    const before = play.who.chains[0]?.transactions[0]?.expiresDate ?? 0;
    const extended = await play.one('extend', { days: 10 });
    expect([line(extended), extended.transaction?.expiresDate]).toEqual(['RENEWAL_EXTENDED 1', before + 10 * DAY_MS]);
    expect(await play.passes(9 * DAY_MS)).toEqual([]);
  });

  it('announces a price increase and the consent', async () => {
    await play.said('buy', { product: 'monthly' });
    expect((await play.one('raise-price')).renewal?.priceIncreaseStatus).toBe(0);
    expect(await play.said('raise-price', { consent: true })).toEqual(['PRICE_INCREASE/ACCEPTED 1']);
  });

  it('shares with the family, renews and revokes with the buyer', async () => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    const shared = await play.one('share-family', { appAccountToken: 'ABC' });
    expect(line(shared)).toBe('SUBSCRIBED/INITIAL_BUY 1');
    expect(shared.transaction).toMatchObject({ inAppOwnershipType: 'FAMILY_SHARED', appAccountToken: 'abc' });
    expect(shared.transaction?.originalTransactionId).not.toBe(play.who.chains[0]?.originalTransactionId);
    const renewals = (await play.stage.act(play.who, 'renew', { now: true })).map((each) => [
      line(each),
      each.transaction?.inAppOwnershipType,
    ]);
    expect(renewals).toEqual([
      ['DID_RENEW 1', 'PURCHASED'],
      ['DID_RENEW 1', 'FAMILY_SHARED'],
    ]);
    const revoked = await play.one('revoke-family');
    expect([line(revoked), revoked.transaction?.revocationType]).toEqual(['REVOKE 5', 'FAMILY_REVOKE']);
    await expect(play.said('revoke-family')).rejects.toMatchObject({ code: 'not_shared' });
  });

  it('takes shared access away when the buyer is refunded', async () => {
    await play.said('buy', { product: 'monthly' });
    await play.said('share-family');
    expect(await play.said('refund')).toEqual(['REFUND 5', 'REVOKE 5']);
  });
});
