import { describe, expect, it } from 'vitest';
import { DAY_MS } from '../period.ts';
import { BUNDLE, line } from '../stage.ts';
import { onStage } from './on-stage.ts';

const play = onStage();

describe('buying', () => {
  it('says everything a first purchase says', async () => {
    play.who = play.stage.subscriber('Production', {
      appAccountToken: '7F3C9A52-4D1E-4B7A-9C0D-2E5B8A6F1D34',
      storefront: 'DEU',
    });
    const now = play.stage.timeline.now();
    const first = await play.one('buy', { product: 'monthly' });
    const id = play.who.chains[0]?.originalTransactionId;
    expect(first).toMatchObject({
      notificationType: 'SUBSCRIBED',
      subtype: 'INITIAL_BUY',
      version: '2.0',
      signedDate: now,
      data: { appAppleId: 123_456_789, bundleId: BUNDLE, environment: 'Production', status: 1 },
      transaction: {
        transactionId: id,
        originalTransactionId: id,
        productId: 'monthly',
        subscriptionGroupIdentifier: 'g1',
        purchaseDate: now,
        originalPurchaseDate: now,
        type: 'Auto-Renewable Subscription',
        quantity: 1,
        appAccountToken: '7f3c9a52-4d1e-4b7a-9c0d-2e5b8a6f1d34',
        inAppOwnershipType: 'PURCHASED',
        transactionReason: 'PURCHASE',
        storefront: 'DEU',
        storefrontId: '143443',
        price: 9_990,
        currency: 'EUR',
        environment: 'Production',
        signedDate: now,
      },
      renewal: {
        originalTransactionId: id,
        autoRenewProductId: 'monthly',
        autoRenewStatus: 1,
        renewalDate: first.transaction?.expiresDate,
        renewalPrice: 9_990,
        isInBillingRetryPeriod: false,
      },
    });
    expect(first.notificationUUID).toMatch(/^[0-9a-f-]{36}$/);
    expect(first.transaction).not.toHaveProperty('offerType');
    expect(first.renewal).not.toHaveProperty('expirationIntent');
  });

  it.each([
    ['trial', 1, undefined, 'FREE_TRIAL', 0, 7],
    ['half', 1, undefined, 'PAY_AS_YOU_GO', 4_990, null],
    ['upfront', 1, undefined, 'PAY_UP_FRONT', 19_990, null],
    ['SUMMER', 2, 'SUMMER', 'PAY_AS_YOU_GO', 1_990, null],
    ['CODE-1', 3, 'CODE-1', 'FREE_TRIAL', 0, null],
    ['BACK', 4, 'BACK', 'PAY_UP_FRONT', 990, null],
  ])('with offer %s', async (offer, offerType, offerIdentifier, offerDiscountType, price, length) => {
    const { transaction } = await play.one('buy', { product: 'monthly', offer });
    expect(transaction).toMatchObject({ offerType, offerDiscountType, price });
    expect(transaction?.offerIdentifier).toBe(offerIdentifier);
    if (length !== null) expect(transaction?.expiresDate).toBe(play.stage.timeline.now() + length * DAY_MS);
  });

  it('prices by storefront, in thousandths for every currency', async () => {
    play.who = play.stage.subscriber('Production', { storefront: 'JPN' });
    expect((await play.one('buy', { product: 'monthly' })).transaction).toMatchObject({
      price: 1_500_000,
      currency: 'JPY',
    });
  });

  it.each([
    ['coins', 'Consumable', 3, 2_970],
    ['skin', 'Non-Consumable', 1, 2_990],
    ['season', 'Non-Renewing Subscription', 1, 29_990],
  ])('%s once', async (product, type, quantity, price) => {
    const charge = await play.one('buy', { product, quantity });
    expect(line(charge)).toBe('ONE_TIME_CHARGE -');
    expect(charge.transaction).toMatchObject({ type, quantity, price });
    expect(charge.renewal).toBeUndefined();
  });

  it('is refused while a subscription of the group runs', async () => {
    await play.said('buy', { product: 'monthly' });
    await expect(play.said('buy', { product: 'family' })).rejects.toMatchObject({
      status: 409,
      code: 'already_subscribed',
    });
    await expect(play.said('buy', { product: 'none' })).rejects.toMatchObject({ status: 404 });
  });
});
