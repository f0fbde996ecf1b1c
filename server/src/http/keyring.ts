/** API keys: made, shown once, kept as a hash, looked up through a small cache. */
import { createHash, randomBytes } from 'node:crypto';
import { uuidv7 } from '../lib/ids.ts';
import type { Clock } from '../lib/clock.ts';
import type { Sql } from '../storage/pool.ts';
import { type ApiKey, apiKeyByHash, insertApiKey, type Scope } from '../storage/queries/api-key.ts';

/** Whose key a request carries. */
export interface Principal {
  keyId: string;
  name: string;
  scopes: readonly Scope[];
  /** The one app the key is bound to; null = the whole installation. */
  appId: number | null;
}

const PREFIX = 'pianola_';
const SHAPE = /^pianola_[A-Za-z0-9_-]{43}$/;

/** So long a revocation may go unnoticed by another process; real time. */
const CACHE_MS = 5_000;
const CACHE_MAX = 1_000;

/** @returns the key's id and the key itself, which is stored nowhere */
export async function createApiKey(
  sql: Sql,
  wanted: { name: string; scopes: readonly Scope[]; appId: number | null; expiresAt: number | null },
  now: number,
): Promise<{ id: string; key: string }> {
  const id = uuidv7(now);
  const key = PREFIX + randomBytes(32).toString('base64url');
  await insertApiKey(sql, { ...wanted, id, scopes: [...wanted.scopes], createdAt: now }, hashOf(key));
  return { id, key };
}

/** A public app key, for the SDK: it may only write, about the ids it names. */
export function newPublicKey(): string {
  return `app_${randomBytes(16).toString('base64url')}`;
}

export interface Keyring {
  /** @returns null for anything but a key in force */
  principal(key: string): Promise<Principal | null>;
}

export function createKeyring(sql: Sql, clock: Clock): Keyring {
  const cache = new Map<string, { key: ApiKey; until: number }>();

  const find = async (given: string): Promise<ApiKey | undefined> => {
    const hash = hashOf(given);
    const cacheKey = hash.toString('base64');
    const cached = cache.get(cacheKey);
    if (cached !== undefined && cached.until > performance.now()) return cached.key;
    cache.delete(cacheKey);
    const key = await apiKeyByHash(sql, hash);
    if (key === undefined) return undefined;
    if (cache.size >= CACHE_MAX) cache.clear();
    cache.set(cacheKey, { key, until: performance.now() + CACHE_MS });
    return key;
  };

  return {
    async principal(given) {
      if (!SHAPE.test(given)) return null;
      const key = await find(given);
      if (key === undefined || key.revokedAt !== null) return null;
      if (key.expiresAt !== null && key.expiresAt <= clock.now()) return null;
      return { keyId: key.id, name: key.name, scopes: key.scopes, appId: key.appId };
    },
  };
}

/** A plain hash is enough: a key is 256 random bits, so there is nothing to guess and no salt to add. */
function hashOf(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}
