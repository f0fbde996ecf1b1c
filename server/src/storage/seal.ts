/**
 * Secrets at rest: AES-256-GCM, one nonce per value, bound to where the value belongs.
 *
 * A sealed value reads `v1.<key id>.<nonce>.<ciphertext and tag>` (base64url). The key id names the key it was sealed with, so
 * that a new key can be put first while the old one still opens what it sealed. The place (app, store, field) is authenticated
 * with it: a sealed value copied into another row does not open.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PianolaError } from '../errors.ts';

const VERSION = 'v1';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Sealer {
  seal(plain: string, place: string): string;
  /** @throws Error when the key is unknown, or the value was changed or belongs elsewhere. */
  open(sealed: string, place: string): string;
}

/** @param keys 32 bytes each; the first seals, all of them open. */
export function createSealer(keys: readonly Uint8Array[]): Sealer {
  const [newest] = keys;
  if (newest === undefined || keys.some((key) => key.length !== KEY_BYTES))
    throw new RangeError('sealing keys have 32 bytes');
  const byId = new Map(keys.map((key) => [keyId(key), key]));
  const newestId = keyId(newest);
  return {
    seal(plain, place) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', newest, nonce);
      cipher.setAAD(Buffer.from(place));
      const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return [VERSION, newestId, nonce.toString('base64url'), sealed.toString('base64url')].join('.');
    },
    open(sealed, place) {
      const [version, id = '', nonce = '', rest = ''] = sealed.split('.');
      const key = byId.get(id);
      if (version !== VERSION || key === undefined)
        throw new Error(`the secret was sealed with key ${id || 'unknown'}, which is not configured`);
      const bytes = Buffer.from(rest, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(place));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(0, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    },
  };
}

/** Enough of a hash to tell keys apart; says nothing about the key. */
function keyId(key: Uint8Array): string {
  return createHash('sha256').update('pianola sealing key').update(key).digest('hex').slice(0, 8);
}

export type SettingsRecord = Record<string, unknown>;

/** Where the secrets of a store account belong; the first part of the place each is bound to. */
export function storeAccountPlace(appId: number, store: string): string {
  return `store_account/${appId}/${store}`;
}

/** Where the secrets of an integration belong. */
export function integrationPlace(appId: number, kind: string): string {
  return `integration/${appId}/${kind}`;
}

/** Splits settings into what is stored readable and what is stored sealed. Secret fields without a value are stored nowhere. */
export function sealSecrets(
  sealer: Sealer,
  place: string,
  settings: SettingsRecord,
  secretFields: readonly string[],
): { open: SettingsRecord; sealed: Record<string, string> } {
  const open: SettingsRecord = { ...settings };
  const sealed: Record<string, string> = {};
  for (const field of secretFields) {
    const value = open[field];
    delete open[field];
    if (value !== undefined && value !== null) sealed[field] = sealer.seal(JSON.stringify(value), `${place}/${field}`);
  }
  return { open, sealed };
}

/** The reverse of `sealSecrets`: settings as the definition's schema parsed them. */
export function openSecrets(
  sealer: Sealer,
  place: string,
  open: SettingsRecord,
  sealed: Record<string, string>,
): SettingsRecord {
  const settings: SettingsRecord = { ...open };
  for (const [field, value] of Object.entries(sealed))
    settings[field] = JSON.parse(sealer.open(value, `${place}/${field}`));
  return settings;
}

/**
 * The installation's sealing keys: those configured, else one made at the first start and kept in the data folder (mode 0600).
 * Losing it means entering every store and integration secret again, so back it up with the database, but not beside it.
 */
export function loadSealingKeys(configured: readonly Uint8Array[] | undefined, dataDir: string): readonly Uint8Array[] {
  return configured !== undefined && configured.length > 0 ? configured : [keyFromFile(dataDir)];
}

function keyFromFile(dataDir: string): Uint8Array {
  const path = join(dataDir, 'secret.key');
  const read = () => Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  let key: Buffer;
  try {
    key = read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new PianolaError('config_invalid', `The key file ${path} cannot be read.`, { cause: error });
    }
    writeNew(path, randomBytes(KEY_BYTES).toString('base64'), dataDir);
    key = read();
  }
  if (key.length !== KEY_BYTES)
    throw new PianolaError('config_invalid', `The key file ${path} does not hold 32 bytes in base64.`);
  return key;
}

/** Appears whole or not at all, and never replaces a file another process made meanwhile. */
function writeNew(path: string, text: string, dataDir: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(draft, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true });
  try {
    chmodSync(draft, 0o600);
    linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft);
  }
}
