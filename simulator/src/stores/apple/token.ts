/** Checks the bearer token of an API request, as Apple does: ES256, signed with the app's key, for this app, and not too old. */
import { createPublicKey, verify } from 'node:crypto';
import type { App } from './catalogue.ts';

/** Apple: at most 60 minutes. */
const LONGEST_LIFE_S = 3_600;
/** A follower of a fast clock may be a little off. */
const TOLERANCE_S = 60;

function decode(part: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The app the token speaks for; null = Apple answers 401 and does not say why. `now` in epoch ms. */
export function appOfToken(authorization: string | undefined, apps: ReadonlyMap<string, App>, now: number): App | null {
  const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? '';
  const [header, payload, signature, ...rest] = token.split('.');
  if (!header || !payload || !signature || rest.length > 0) return null;
  const head = decode(header);
  const claims = decode(payload);
  const app = typeof claims?.bid === 'string' ? apps.get(claims.bid) : undefined;
  if (!head || !claims || !app?.key || head.alg !== 'ES256' || head.kid !== app.key.keyId) return null;
  if (claims.iss !== app.key.issuerId || claims.aud !== 'appstoreconnect-v1' || !isTimely(claims, now)) return null;
  const key = { key: createPublicKey(app.key.publicKey), dsaEncoding: 'ieee-p1363' as const };
  const holds = verify('sha256', Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, 'base64url'));
  return holds ? app : null;
}

function isTimely({ iat, exp }: Record<string, unknown>, now: number): boolean {
  if (typeof iat !== 'number' || typeof exp !== 'number') return false;
  const seconds = now / 1_000;
  return exp > seconds - TOLERANCE_S && iat < seconds + TOLERANCE_S && exp - iat <= LONGEST_LIFE_S;
}
