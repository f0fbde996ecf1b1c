import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { apple } from './index.ts';
import { appleSettings } from './settings.ts';
import { countryOf } from './storefront.ts';

const pem = (namedCurve: string): string =>
  generateKeyPairSync('ec', { namedCurve }).privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
const base = { bundleId: 'com.example.app', appAppleId: '1234567890' };
const key = { issuerId: '69a6de70-03db-47e3-e053-5b8c7c11a4d1', keyId: 'ABCDE12345', privateKey: pem('P-256') };

/** The fields that are refused. */
const refused = (settings: object): unknown[] => {
  const parsed = appleSettings.safeParse(settings);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path[0]);
};

describe('settings', () => {
  it('have defaults for everything but the app', () => {
    expect(appleSettings.parse(base)).toEqual({
      ...base,
      environments: ['production', 'sandbox'],
      productionHost: 'https://api.storekit.apple.com',
      sandboxHost: 'https://api.storekit-sandbox.apple.com',
      identityWaitMinutes: 15,
    });
  });

  it('need the Apple id for production only', () => {
    expect(refused({ bundleId: 'com.example.app' })).toEqual(['appAppleId']);
    expect(refused({ bundleId: 'com.example.app', environments: ['sandbox'] })).toEqual([]);
  });

  it('take the API key whole or not at all', () => {
    expect(refused({ ...base, ...key })).toEqual([]);
    for (const part of Object.keys(key))
      expect(refused({ ...base, ...key, [part]: undefined })).toEqual(['privateKey']);
  });

  it.each([
    ['bundleId', { bundleId: 'com.example_app' }],
    ['bundleId', { bundleId: '' }],
    ['appAppleId', { appAppleId: '12345' }],
    ['appAppleId', { appAppleId: '12345a' }],
    ['environments', { environments: [] }],
    ['environments', { environments: ['xcode'] }],
    ['issuerId', { ...key, issuerId: 'me' }],
    ['keyId', { ...key, keyId: 'abcde12345' }],
    ['privateKey', { ...key, privateKey: pem('P-384') }],
    ['privateKey', { ...key, privateKey: 'secret' }],
    ['privateKey', { ...key, privateKey: '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----' }],
    ['productionHost', { productionHost: 'http://api.example.com' }],
    ['productionHost', { productionHost: 'https://user:secret@api.example.com' }],
    ['sandboxHost', { sandboxHost: 'ftp://127.0.0.1' }],
    ['identityWaitMinutes', { identityWaitMinutes: 4321 }],
  ])('refuse a wrong %s', (field, over) => {
    expect(refused({ ...base, ...over })).toEqual([field]);
  });

  it('let API hosts be on this machine over http', () => {
    expect(refused({ ...base, sandboxHost: 'http://127.0.0.1:8791/apple/sandbox' })).toEqual([]);
  });

  it('seal the key and nothing else', () => {
    expect(apple.secretFields).toEqual(['privateKey']);
  });
});

describe('storefronts', () => {
  it('become alpha-2', () => {
    const pairs = { FRA: 'FR', DEU: 'DE', GBR: 'GB', CHE: 'CH', AUT: 'AT', CHN: 'CN', XKS: 'XK', ROU: 'RO', ARE: 'AE' };
    for (const [storefront, country] of Object.entries(pairs)) expect(countryOf(storefront)).toBe(country);
    expect(countryOf('ZZZ')).toBeUndefined();
    expect(countryOf(undefined)).toBeUndefined();
  });

  it('are names the world knows', () => {
    const names = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' });
    for (const alpha3 of ['USA', 'JPN', 'KOR', 'BRA', 'ZAF', 'NZL', 'TWN', 'HKG', 'MAC', 'COD', 'CIV', 'XKX']) {
      expect(names.of(countryOf(alpha3) ?? '')).toBeTruthy();
    }
  });
});
