import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSealer, loadSealingKeys, openSecrets, sealSecrets } from './seal.ts';

describe('createSealer', () => {
  const old = randomBytes(32);
  const key = randomBytes(32);
  const sealer = createSealer([key]);

  it('opens what it sealed, and never seals twice alike', () => {
    const first = sealer.seal('grüße', 'here');
    expect(first).not.toContain('grüße');
    expect(sealer.seal('grüße', 'here')).not.toBe(first);
    expect(sealer.open(first, 'here')).toBe('grüße');
  });

  it('does not open elsewhere, or after a change', () => {
    const sealed = sealer.seal('secret', 'here');
    expect(() => sealer.open(sealed, 'there')).toThrow();
    const [version, id, nonce, rest = ''] = sealed.split('.');
    const changed = Buffer.from(rest, 'base64url');
    changed[0]! ^= 1;
    expect(() => sealer.open([version, id, nonce, changed.toString('base64url')].join('.'), 'here')).toThrow();
    expect(() => sealer.open('nonsense', 'here')).toThrow(/not configured/);
  });

  it('rotates: the newest key seals, older ones still open', () => {
    const sealed = createSealer([old]).seal('secret', 'here');
    const both = createSealer([key, old]);
    expect(both.open(sealed, 'here')).toBe('secret');
    expect(sealer.open(both.seal('secret', 'here'), 'here')).toBe('secret');
    expect(() => sealer.open(sealed, 'here')).toThrow(/not configured/);
  });

  it('refuses a key of another length', () => {
    expect(() => createSealer([randomBytes(16)])).toThrow(RangeError);
    expect(() => createSealer([])).toThrow(RangeError);
  });
});

describe('sealSecrets', () => {
  const sealer = createSealer([randomBytes(32)]);

  it('seals only the secret fields, and only those with a value', () => {
    const settings = { bundleId: 'com.example', privateKey: '-----BEGIN', other: undefined };
    const { open, sealed } = sealSecrets(sealer, 'store_account/1/apple', settings, ['privateKey', 'other']);
    expect(open).toEqual({ bundleId: 'com.example' });
    expect(Object.keys(sealed)).toEqual(['privateKey']);
    expect(openSecrets(sealer, 'store_account/1/apple', open, sealed)).toEqual({
      bundleId: 'com.example',
      privateKey: '-----BEGIN',
    });
    expect(() => openSecrets(sealer, 'store_account/2/apple', open, sealed)).toThrow();
  });
});

describe('loadSealingKeys', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'seal-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('makes a key file once, for its owner only', () => {
    const [first] = loadSealingKeys(undefined, dir);
    expect(first).toHaveLength(32);
    expect(loadSealingKeys(undefined, dir)).toEqual([first]);
    expect(statSync(join(dir, 'secret.key')).mode & 0o777).toBe(0o600);
  });

  it('prefers the configured keys and then writes nothing', () => {
    const key = randomBytes(32);
    expect(loadSealingKeys([key], dir)).toEqual([key]);
    expect(() => readFileSync(join(dir, 'secret.key'))).toThrow();
  });

  it('refuses a damaged key file instead of replacing it', () => {
    writeFileSync(join(dir, 'secret.key'), 'half');
    expect(() => loadSealingKeys(undefined, dir)).toThrow(/32 bytes/);
    expect(readFileSync(join(dir, 'secret.key'), 'utf8')).toBe('half');
  });
});
