/** The token of the App Store Server API. Apple: "Generating JSON Web Tokens for API requests". */
import { createHash, createPrivateKey } from 'node:crypto';
import { SignJWT } from 'jose';
import type { ApiKey } from './settings.ts';

/** Apple allows an hour; ms. */
const LIFETIME = 20 * 60_000;
/** A token is not used any more so long before its end, ms. */
const RESERVE = 5 * 60_000;

interface Token {
  text: string;
  /** Of key and bundle id: other settings need another token. */
  identity: string;
  /** Epoch ms. */
  issuedAt: number;
}

/** By app; an app has one key for both environments. */
const tokens = new Map<number, Token>();

/** A token for this app and key, reused until 5 minutes before its end. `fresh` asks for a new one after Apple refused the old. */
export async function apiToken(
  appId: number,
  bundleId: string,
  key: ApiKey,
  now: number,
  options: { fresh?: boolean } = {},
): Promise<string> {
  const identity = createHash('sha256')
    .update([bundleId, key.issuerId, key.keyId, key.privateKey].join('\n'))
    .digest('hex');
  const known = tokens.get(appId);
  const age = known ? now - known.issuedAt : Number.NaN;
  if (!options.fresh && known?.identity === identity && age >= 0 && age < LIFETIME - RESERVE) return known.text;
  const issuedAt = Math.floor(now / 1000);
  const text = await new SignJWT({ bid: bundleId })
    .setProtectedHeader({ alg: 'ES256', kid: key.keyId, typ: 'JWT' })
    .setIssuer(key.issuerId)
    .setAudience('appstoreconnect-v1')
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + LIFETIME / 1000)
    .sign(createPrivateKey(key.privateKey));
  tokens.set(appId, { text, identity, issuedAt: now });
  return text;
}
