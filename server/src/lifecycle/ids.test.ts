import { expect, test } from 'vitest';
import { eventId, factKey, recordId, type ChainName } from './ids.ts';

const GOOGLE: ChainName = {
  store: 'GOOGLE_PLAY_STORE',
  environment: 'PRODUCTION',
  bundleId: 'demo.pianola.tempo',
  chainId: 'GPA.4410-7326-1985-60317',
};
const APPLE: ChainName = {
  store: 'APPLE_APP_STORE',
  environment: 'PRODUCTION',
  bundleId: 'demo.pianola.reader',
  chainId: '710000338120457',
};
const STRIPE: ChainName = {
  store: 'STRIPE',
  environment: 'PRODUCTION',
  bundleId: 'demo.pianola.tempo',
  chainId: 'sub_8ZpQ2mXvTz',
};
const AMAZON: ChainName = {
  store: 'AMAZON_APPSTORE',
  environment: 'SANDBOX',
  bundleId: 'demo.pianola.tempo',
  chainId: 'Wk3u-9pTzQm5vLc0AhE=:1:47',
};

test('record ids of the published examples', () => {
  expect(recordId('subs', GOOGLE, GOOGLE.chainId)).toBe('subs_1fadccd6bed2501a9cac7884f163168c');
  expect(recordId('subs', APPLE, APPLE.chainId)).toBe('subs_94c345f8c5645a9f84d1e177cd3a4edf');
  expect(recordId('subs', STRIPE, 'in_5kR71hWnYb')).toBe('subs_8b77ca84cae157358bb5572efe8b7b75');
  expect(recordId('otp', AMAZON, AMAZON.chainId)).toBe('otp_5e406aa9bec25132a25ee1f8b84a9292');
});

test('event ids of the published examples', () => {
  const hold = factKey.status('GPA.4410-7326-1985-60317..1', 'ON_HOLD');
  expect(eventId(GOOGLE, hold, 'DEACTIVATE')).toBe('760c0a43-faa0-5cde-8c3f-78a193e5d370');
  expect(eventId(AMAZON, factKey.transaction(AMAZON.chainId), 'SUBSCRIPTION_STARTED')).toBe(
    '15735084-1f79-5d0b-8ef3-e9b7812766fb',
  );
  expect(eventId(STRIPE, factKey.transaction('in_5kR71hWnYb'), 'SUBSCRIPTION_UPGRADED')).toBe(
    '43a81a58-44fe-5f86-bc59-cd03e1a944e9',
  );
  expect(eventId(APPLE, factKey.transaction('710000341966082'), 'TRIAL_CONVERTED')).toBe(
    'c6f4ec9e-04bf-5887-8bd6-7b12d31bb029',
  );
  const charge = factKey.movement('710000341966082', 'charge', 1);
  expect(eventId(APPLE, charge, 'TRANSACTION_PROCESSED')).toBe('797afca7-5fe5-51f4-8fc0-6e926a70d5a2');
});

test('the same fact in another environment or store, and the two sides of a transfer, have ids of their own', () => {
  const key = factKey.transaction('1');
  const ids = [
    eventId(APPLE, key, 'ACTIVATE'),
    eventId({ ...APPLE, environment: 'SANDBOX' }, key, 'ACTIVATE'),
    eventId({ ...APPLE, store: 'STRIPE' }, key, 'ACTIVATE'),
    eventId(APPLE, factKey.transfer('t'), 'ACTIVATE', 'from'),
    eventId(APPLE, factKey.transfer('t'), 'ACTIVATE', 'to'),
  ];
  expect(new Set(ids).size).toBe(ids.length);
});

test('fact keys: a status has a number from the second time on, a notice the store’s event id where the clock is coarse', () => {
  expect(factKey.status('9', 'IN_GRACE_PERIOD')).toBe('pe:9:IN_GRACE_PERIOD');
  expect(factKey.status('9', 'IN_GRACE_PERIOD', 2)).toBe('pe:9:IN_GRACE_PERIOD:2');
  expect(factKey.notice(1_000)).toBe('nt:1000');
  expect(factKey.notice(1_000, 'evt_1')).toBe('nt:1000:evt_1');
  expect(factKey.revocation('9', 1)).toBe('rv:9:1');
  expect(factKey.movement('9', 'refund_reversal', 2)).toBe('mv:9:refund_reversal:2');
  expect(factKey.deferral(5)).toBe('df:5');
});
