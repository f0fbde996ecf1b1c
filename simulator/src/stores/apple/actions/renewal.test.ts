import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS } from '../period.ts';
import { line } from '../stage.ts';
import { onStage } from './on-stage.ts';

const play = onStage();

describe('time', () => {
  it('renews period after period, each notification at its own time', async () => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    const start = play.stage.timeline.now();
    const renewals = await play.passes(100 * DAY_MS);
    expect(renewals.map(line)).toEqual(['DID_RENEW 1', 'DID_RENEW 1', 'DID_RENEW 1', 'DID_RENEW 1']);
    expect(renewals[0]).toMatchObject({
      signedDate: start + 7 * DAY_MS,
      transaction: { purchaseDate: start + 7 * DAY_MS, price: 9_990 },
    });
    for (const [index, renewal] of renewals.entries()) {
      expect(renewal.signedDate).toBe(renewal.transaction?.purchaseDate);
      expect(renewal.transaction?.transactionReason).toBe('RENEWAL');
      if (index > 0) expect(renewal.transaction?.purchaseDate).toBe(renewals[index - 1]?.transaction?.expiresDate);
    }
    expect(new Set(renewals.map((each) => each.transaction?.transactionId)).size).toBe(4);
  });

  it('can sign renewals ahead', async () => {
    play.stage.set({ signAheadMs: 8 * HOUR_MS });
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    const [renewal] = await play.passes(7 * DAY_MS - 8 * HOUR_MS);
    expect(renewal?.signedDate).toBe((renewal?.transaction?.purchaseDate ?? 0) - 8 * HOUR_MS);
    expect(renewal?.data.status).toBe(1);
  });

  it('repeats pay-as-you-go, then charges the full price', async () => {
    await play.said('buy', { product: 'monthly', offer: 'half' });
    const prices = (await play.passes(125 * DAY_MS)).map((each) => [
      each.transaction?.price,
      each.transaction?.offerType,
    ]);
    expect(prices.slice(0, 3)).toEqual([
      [4_990, 1],
      [4_990, 1],
      [9_990, undefined],
    ]);
  });

  it('ends what was cancelled', async () => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    expect(await play.said('cancel')).toEqual(['DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_DISABLED 1']);
    expect(await play.said('uncancel')).toEqual(['DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_ENABLED 1']);
    expect((await play.one('cancel')).renewal?.autoRenewStatus).toBe(0);
    const [expired, ...rest] = await play.passes(60 * DAY_MS);
    expect([expired && line(expired), rest]).toEqual(['EXPIRED/VOLUNTARY 2', []]);
    expect(expired?.renewal).toMatchObject({ expirationIntent: 1, autoRenewStatus: 0 });
    await expect(play.said('cancel')).rejects.toMatchObject({ code: 'subscription_over' });
  });

  it('runs at the speed of the sandbox there, twelve renewals at most, without grace for long', async () => {
    play.who = play.stage.subscriber('Sandbox');
    await play.said('buy', { product: 'monthly' });
    const lines = (await play.passes(2 * HOUR_MS)).map(line);
    expect(lines).toEqual([...Array.from({ length: 12 }, () => 'DID_RENEW 1'), 'EXPIRED/VOLUNTARY 2']);
    expect(play.who.chains[0]?.transactions[1]?.purchaseDate).toBe((play.who.chains[0]?.startedAt ?? 0) + 5 * 60_000);
  });
});

describe('billing trouble', () => {
  it('without grace: retry, for 60 days', async () => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    expect(await play.said('fail-payment')).toEqual([]);
    const [failed, ended] = await play.passes(70 * DAY_MS);
    expect([failed, ended].map((each) => each && line(each))).toEqual([
      'DID_FAIL_TO_RENEW 3',
      'EXPIRED/BILLING_RETRY 2',
    ]);
    expect(failed?.renewal).toMatchObject({ isInBillingRetryPeriod: true, expirationIntent: 2, autoRenewStatus: 1 });
    expect((ended?.signedDate ?? 0) - (failed?.signedDate ?? 0)).toBe(60 * DAY_MS);
  });

  it('with grace: grace, then retry', async () => {
    play.stage.set({ graceDays: 16 });
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    await play.said('fail-payment');
    const [grace, over] = await play.passes(24 * DAY_MS);
    expect([grace, over].map((each) => each && line(each))).toEqual([
      'DID_FAIL_TO_RENEW/GRACE_PERIOD 4',
      'GRACE_PERIOD_EXPIRED 3',
    ]);
    expect(grace?.renewal?.gracePeriodExpiresDate).toBe((grace?.signedDate ?? 0) + 16 * DAY_MS);
    expect(over?.renewal).not.toHaveProperty('gracePeriodExpiresDate');
  });

  it('recovered in grace keeps the billing cycle, in retry restarts it', async () => {
    play.stage.set({ graceDays: 3 });
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    await play.said('fail-payment');
    const [grace] = await play.passes(8 * DAY_MS);
    const recovered = await play.one('recover');
    expect(line(recovered)).toBe('DID_RENEW/BILLING_RECOVERY 1');
    expect(recovered.transaction?.purchaseDate).toBe(grace?.transaction?.expiresDate);
    await play.said('fail-payment', { now: true });
    await play.passes(10 * DAY_MS);
    expect((await play.one('recover')).transaction?.purchaseDate).toBe(play.stage.timeline.now());
  });

  it('cancelled in grace ends with the grace, in retry at once', async () => {
    play.stage.set({ graceDays: 3 });
    await play.said('buy', { product: 'monthly' });
    await play.said('fail-payment', { now: true });
    expect(await play.said('cancel')).toEqual(['DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_DISABLED 4']);
    expect((await play.passes(4 * DAY_MS)).map(line)).toEqual(['GRACE_PERIOD_EXPIRED 2', 'EXPIRED/VOLUNTARY 2']);
    play.stage.set({});
    await play.said('buy', { product: 'monthly' });
    expect(await play.said('fail-payment', { now: true })).toEqual(['DID_FAIL_TO_RENEW 3']);
    expect(await play.said('cancel')).toEqual([
      'DID_CHANGE_RENEWAL_STATUS/AUTO_RENEW_DISABLED 3',
      'EXPIRED/VOLUNTARY 2',
    ]);
  });
});

describe('ends and returns', () => {
  it.each([
    ['price', 'EXPIRED/PRICE_INCREASE 2', 3],
    ['product', 'EXPIRED/PRODUCT_NOT_FOR_SALE 2', 4],
    ['other', 'EXPIRED 2', 5],
    ['billing', 'EXPIRED/BILLING_RETRY 2', 2],
  ])('for the reason %s', async (reason, expected, intent) => {
    await play.said('buy', { product: 'monthly', offer: 'trial' });
    expect(await play.said('expire', { reason })).toEqual([]);
    const [expired] = await play.passes(7 * DAY_MS);
    expect([expired && line(expired), expired?.renewal?.expirationIntent]).toEqual([expected, intent]);
  });

  it('comes back on the same chain', async () => {
    const first = await play.one('buy', { product: 'monthly' });
    expect(await play.said('expire', { reason: 'voluntary', now: true })).toEqual(['EXPIRED/VOLUNTARY 2']);
    const again = await play.one('buy', { product: 'family' });
    expect(line(again)).toBe('SUBSCRIBED/RESUBSCRIBE 1');
    expect(again.transaction?.originalTransactionId).toBe(first.transaction?.transactionId);
    expect(again.transaction?.transactionId).not.toBe(first.transaction?.transactionId);
    expect(again.transaction?.originalPurchaseDate).toBe(first.transaction?.originalPurchaseDate);
  });

  it('renews at once only when told so', async () => {
    await play.said('buy', { product: 'monthly' });
    await expect(play.said('renew')).rejects.toMatchObject({ code: 'period_runs' });
    expect(await play.said('renew', { now: true })).toEqual(['DID_RENEW 1']);
  });
});
