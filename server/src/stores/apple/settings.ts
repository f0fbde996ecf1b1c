/** What a team saves about its app on the App Store. The console's form, validation and masking come from this schema. */
import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

export const PRODUCTION_HOST = 'https://api.storekit.apple.com';
export const SANDBOX_HOST = 'https://api.storekit-sandbox.apple.com';

/** The hosts a plain-HTTP address may name: this machine only, where a simulator may listen. */
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

export function isLoopback(url: string): boolean {
  return URL.canParse(url) && LOOPBACK.has(new URL(url).hostname);
}

function isHost(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol, username, search, hash } = new URL(url);
  return (protocol === 'https:' || (protocol === 'http:' && isLoopback(url))) && !username && !search && !hash;
}

function isSigningKey(pem: string): boolean {
  if (!pem.includes('-----BEGIN PRIVATE KEY-----')) return false;
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve === 'prime256v1';
  } catch {
    return false;
  }
}

const host = z
  .string()
  .refine(isHost, 'An https address (http on this machine only), without query.')
  .describe('Where the App Store Server API answers; change it only for a simulator or a proxy.');

export const appleSettings = z
  .object({
    bundleId: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,155}$/, 'Letters, digits, dots and dashes, as in App Store Connect.')
      .describe('Bundle ID: App Store Connect → App → App Information.'),
    appAppleId: z
      .string()
      .regex(/^\d{6,12}$/, 'The 6 to 12 digits App Store Connect calls Apple ID.')
      .optional()
      .describe('Apple ID of the app (digits): App Store Connect → App → App Information. Needed for production.'),
    environments: z
      .array(z.enum(['production', 'sandbox']))
      .min(1)
      .default(['production', 'sandbox'])
      .describe('Notifications of an environment left out are stored and answered, but yield no events.'),
    issuerId: z
      .guid()
      .optional()
      .describe('Issuer ID: Users and Access → Integrations → In-App Purchase. Needed to read the API.'),
    keyId: z
      .string()
      .regex(/^[A-Z0-9]{10}$/, 'The 10 characters beside the key in App Store Connect.')
      .optional()
      .describe('Key ID of the In-App Purchase key. Needed to read the API.'),
    privateKey: z
      .string()
      .refine(isSigningKey, 'The content of the .p8 file: a PKCS#8 key on the curve P-256.')
      .optional()
      .describe('In-App Purchase key (.p8). Needed to read the API. The App Store Connect API key does not work.'),
    productionHost: host.default(PRODUCTION_HOST),
    sandboxHost: host.default(SANDBOX_HOST),
    identityWaitMinutes: z
      .int()
      .min(0)
      .max(4320)
      .default(15)
      .describe('How long a first purchase without a known owner waits for the app to say whose it is.'),
  })
  .superRefine((settings, context) => {
    if (settings.environments.includes('production') && settings.appAppleId === undefined) {
      context.addIssue({ code: 'custom', path: ['appAppleId'], message: 'Production needs the Apple ID of the app.' });
    }
    const key = [settings.issuerId, settings.keyId, settings.privateKey];
    if (key.some((part) => part !== undefined) && key.some((part) => part === undefined)) {
      context.addIssue({
        code: 'custom',
        path: ['privateKey'],
        message: 'Reading the API needs issuer id, key id and private key, all three.',
      });
    }
  });

export type AppleSettings = z.infer<typeof appleSettings>;

/** The three parts of an API key; null = the app has none and nothing is read from the API. */
export interface ApiKey {
  issuerId: string;
  keyId: string;
  privateKey: string;
}

export function apiKeyOf({ issuerId, keyId, privateKey }: AppleSettings): ApiKey | null {
  return issuerId && keyId && privateKey ? { issuerId, keyId, privateKey } : null;
}
