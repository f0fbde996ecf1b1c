import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { VerifiedSignal } from '../store.ts';
import { accountOf, handInOf, MONTH, renewalOf, signalOf, T0, transactionOf } from './fixtures/notification.ts';
import type { Json } from './json.ts';
import { memoryOf } from './memory.ts';
import { need } from './need.ts';
import { translate } from './translate.ts';

const HOUR = 3_600_000;
const privateKey = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString();
const account = accountOf({ issuerId: '69a6de70-03db-47e3-e053-5b8c7c11a4d1', keyId: 'ABCDE12345', privateKey });

/** The memory after these signals, in this order. */
const after = (...signals: VerifiedSignal[]): unknown =>
  signals.reduce<unknown>((memory, signal) => translate(signal, null, memory).memory, null);
const needed = (signal: VerifiedSignal, memory: unknown = null) => need(signal, memory, account);

const buy = signalOf('SUBSCRIBED', { subtype: 'INITIAL_BUY' });
const period = (id: string, from: number, over: Json = {}): Json =>
  transactionOf({
    transactionId: id,
    purchaseDate: from,
    expiresDate: from + MONTH,
    transactionReason: 'RENEWAL',
    ...over,
  });
const renew = (from: number, over: Json = {}, subtype?: string): VerifiedSignal =>
  signalOf('DID_RENEW', { transaction: period('1002', from, over), ...(subtype === undefined ? {} : { subtype }) });

describe('an unknown chain', () => {
  it('is read, unless the signal is its beginning or its whole', () => {
    expect(needed(buy)).toBe(null);
    expect(
      needed(signalOf('ONE_TIME_CHARGE', { transaction: transactionOf({ type: 'Consumable' }), renewal: null })),
    ).toBe(null);
    expect(needed(signalOf('REFUND', { transaction: transactionOf({ type: 'Non-Consumable' }), renewal: null }))).toBe(
      null,
    );
    expect(needed(signalOf('TEST', { transaction: null, renewal: null }))).toBe(null);
    expect(needed(signalOf('RENEWAL_EXTENSION', { transaction: null, renewal: null }))).toBe(null);
    expect(needed(signalOf('SUBSCRIBED', { subtype: 'RESUBSCRIBE', transaction: period('1002', T0 + MONTH) }))).toBe(
      'history',
    );
    expect(needed(renew(T0 + MONTH))).toBe('history');
    expect(needed(signalOf('REFUND', { status: 5 }))).toBe('history');
    expect(needed(signalOf('EXPIRED', { status: 2 }))).toBe('history');
  });

  it('handed in is read, unless its first period still runs', () => {
    expect(needed(handInOf(transactionOf()))).toBe(null);
    expect(needed(handInOf(transactionOf({ signedDate: T0 + MONTH + 1 })))).toBe('history');
    expect(needed(handInOf(period('1002', T0 + MONTH)))).toBe('history');
    expect(needed(handInOf(transactionOf({ type: 'Non-Renewing Subscription', expiresDate: undefined })))).toBe(null);
  });

  it('is never read without an API key, nor for what is ignored', () => {
    expect(need(renew(T0 + MONTH), null, accountOf())).toBe(null);
    expect(needed({ ...renew(T0 + MONTH), ignored: 'environment_off' })).toBe(null);
  });
});

describe('a plan change', () => {
  const upgrade = (at: number): VerifiedSignal =>
    signalOf('DID_CHANGE_RENEWAL_PREF', {
      subtype: 'UPGRADE',
      transaction: period('1009', at, { productId: 'yearly' }),
    });

  it('is read only if what it replaces is unknown', () => {
    expect(needed(upgrade(T0 + HOUR), after(buy))).toBe(null);
    expect(needed(upgrade(T0 + MONTH + HOUR), after(buy))).toBe('history');
    expect(needed(upgrade(T0 + MONTH + HOUR), after(buy, renew(T0 + MONTH)))).toBe(null);
    // Known already: nothing to ask for.
    expect(needed(upgrade(T0 + MONTH + HOUR), after(buy, upgrade(T0 + MONTH + HOUR)))).toBe(null);
  });

  it('that is only booked changes no transaction and needs none', () => {
    const renewal = renewalOf({ autoRenewProductId: 'weekly' });
    expect(needed(signalOf('DID_CHANGE_RENEWAL_PREF', { subtype: 'DOWNGRADE', renewal }), after(buy))).toBe(null);
  });
});

describe('a renewal after a gap', () => {
  const end = T0 + MONTH;

  it('of more than a day catches up, in the sandbox of more than ten minutes', () => {
    expect(needed(renew(end), after(buy))).toBe(null);
    expect(needed(renew(end + 24 * HOUR), after(buy))).toBe(null);
    expect(needed(renew(end + 24 * HOUR + 1), after(buy))).toBe('history');
    const environment = { environment: 'Sandbox' };
    const inSandbox = (from: number): VerifiedSignal =>
      signalOf('DID_RENEW', {
        transaction: period('1002', from, environment),
        renewal: renewalOf(environment),
        data: environment,
      });
    expect(needed(inSandbox(end + 600_000), after(buy))).toBe(null);
    expect(needed(inSandbox(end + 600_001), after(buy))).toBe('history');
  });

  it('that is a recovery had its reason', () => {
    expect(needed(renew(end + 20 * 24 * HOUR, {}, 'BILLING_RECOVERY'), after(buy))).toBe(null);
  });

  it('is measured from the end before it, not from periods after it', () => {
    const later = renew(end + MONTH, { transactionId: '1003' });
    expect(needed(renew(end), after(buy, later))).toBe(null);
    const muchLater = renew(end + 5 * MONTH, { transactionId: '1007' });
    expect(needed(renew(end + 3 * MONTH), after(buy, muchLater))).toBe('history');
  });

  it('is measured from the extended end', () => {
    const extended = signalOf('RENEWAL_EXTENDED', {
      transaction: transactionOf({ expiresDate: end + 10 * 24 * HOUR }),
    });
    expect(needed(renew(end + 10 * 24 * HOUR), after(buy, extended))).toBe(null);
    // Even if an older snapshot comes in last.
    expect(needed(renew(end + 10 * 24 * HOUR), after(extended, buy))).toBe(null);
  });
});

describe('the memory', () => {
  it('keeps the newest periods only, whatever order they came in', () => {
    const signals = Array.from({ length: 20 }, (_, index) =>
      renew(T0 + index * MONTH, { transactionId: String(2000 + index) }),
    );
    const memory = memoryOf(after(...signals.toReversed()));
    expect(memory?.periods.map(({ id }) => id)).toEqual([
      '2012',
      '2013',
      '2014',
      '2015',
      '2016',
      '2017',
      '2018',
      '2019',
    ]);
    expect(after(...signals)).toEqual(memory);
    expect(after(...signals, ...signals)).toEqual(memory);
  });

  it('does not begin before the first transaction', () => {
    expect(after(signalOf('PRICE_CHANGE', { transaction: null }))).toBe(null);
    expect(needed(signalOf('EXPIRED', { status: 2 }), after(signalOf('PRICE_CHANGE', { transaction: null })))).toBe(
      'history',
    );
  });
});
