/** What Apple signed, decoded: from a proven notification or a lone transaction to the signal the other stages carry. */
import { createHash } from 'node:crypto';
import type { Environment } from '../../events/event.ts';
import type { VerifiedSignal } from '../store.ts';
import { isKnownType } from './hints.ts';
import { isJson, type Json, objectAt, parseJson, stringAt, timeAt } from './json.ts';
import { peekJws } from './jws.ts';

export type AppleEnvironment = 'Production' | 'Sandbox';

/** The decoded payload of a signal; only this store reads it. Inner objects keep every field Apple sent. */
export interface AppleContent {
  source: 'notification' | 'hand_in';
  type: string;
  subtype?: string;
  /** Epoch ms. */
  signedDate: number;
  environment: AppleEnvironment;
  bundleId: string;
  appAppleId?: string;
  /** Apple: 1 active, 2 expired, 3 billing retry, 4 billing grace, 5 revoked; of the subscription now, not of the transaction. */
  status?: number;
  transaction: Json | null;
  renewal: Json | null;
}

/** Why a payload cannot be read as what it should be; each has its own answer. */
export type ContentFault = 'environment' | 'app' | 'body';

/** Exactly one of these objects names the app. */
const SUBJECTS = ['data', 'summary', 'externalPurchaseToken', 'appData'] as const;

export function isAppleEnvironment(value: unknown): value is AppleEnvironment {
  return value === 'Production' || value === 'Sandbox';
}

export function environmentOf(environment: AppleEnvironment): Environment {
  return environment === 'Production' ? 'PRODUCTION' : 'SANDBOX';
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

const PLAIN = '{"signedPayload":"';

/**
 * The `signedPayload` of a notification body; null unless the body is a JSON object with that one string. A key given twice is
 * refused: readers on the way may have understood another value than we do.
 */
export function signedPayloadOf(body: string): string | null {
  // What Apple sends, without parsing 13 KB of base64 as JSON; anything else takes the long way.
  if (body.startsWith(PLAIN) && body.endsWith('"}')) {
    const signed = body.slice(PLAIN.length, -2);
    if (signed !== '' && !signed.includes('"') && !signed.includes('\\')) return signed;
  }
  const parsed = parseJson(body);
  const keys = parsed ? topLevelKeys(body) : [];
  return new Set(keys).size === keys.length ? (stringAt(parsed, 'signedPayload') ?? null) : null;
}

/** The keys of a JSON object's text as written, repeats included. `text` has been parsed before, so it is well-formed. */
function topLevelKeys(text: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"\s*:?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) keys.push(String(JSON.parse(token.slice(0, -1))));
  }
  return keys;
}

/** An id that Apple writes as a number in one place and as a string in another. */
function idAt(object: Json, key: string): string | undefined {
  const value = object[key];
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : stringAt(object, key);
}

function subjectEnvironment(name: string, subject: Json): unknown {
  if (name !== 'externalPurchaseToken') return subject['environment'];
  return stringAt(subject, 'externalPurchaseId')?.startsWith('SANDBOX') ? 'Sandbox' : 'Production';
}

/** An inner signed string: null where there is none, undefined where it cannot be read. */
function innerOf(subject: Json, key: string): Json | null | undefined {
  if (subject[key] === undefined) return null;
  const signed = stringAt(subject, key);
  return signed === undefined ? undefined : (peekJws(signed) ?? undefined);
}

/**
 * Reads the payload of a notification. The inner strings are decoded, not verified: the outer signature covers them byte for
 * byte. What they say about app and environment must agree with the outside.
 */
export function notificationContent(payload: Json, signedDate: number): AppleContent | ContentFault {
  const present = SUBJECTS.filter((name) => payload[name] !== undefined && payload[name] !== null);
  const [name] = present;
  if (present.length > 1) return 'app';
  const subject = name === undefined ? undefined : objectAt(payload, name);
  if (name === undefined || !subject) return 'environment';
  const environment = subjectEnvironment(name, subject);
  if (!isAppleEnvironment(environment)) return 'environment';
  const bundleId = stringAt(subject, 'bundleId');
  if (bundleId === undefined) return 'app';
  const transaction = innerOf(subject, 'signedTransactionInfo');
  const renewal = innerOf(subject, 'signedRenewalInfo');
  if (transaction === undefined || renewal === undefined) return 'body';
  const differs = (inner: Json | null, key: string, outer: string): boolean => {
    const value = inner?.[key];
    return value !== undefined && value !== outer;
  };
  if (differs(transaction, 'bundleId', bundleId) || differs(transaction, 'environment', environment)) return 'app';
  if (differs(renewal, 'environment', environment)) return 'app';
  const appAppleId = idAt(subject, 'appAppleId');
  const subtype = stringAt(payload, 'subtype');
  const { status } = subject;
  return {
    source: 'notification',
    type: stringAt(payload, 'notificationType') ?? '',
    ...(subtype === undefined ? {} : { subtype }),
    signedDate,
    environment,
    bundleId,
    ...(appAppleId === undefined ? {} : { appAppleId }),
    ...(typeof status === 'number' ? { status } : {}),
    transaction,
    renewal,
  };
}

/** Reads a lone transaction, or an app transaction (which names the app but no purchase). */
export function handInContent(payload: Json, signedDate: number): AppleContent | ContentFault {
  const isApp = stringAt(payload, 'receiptType') !== undefined;
  if (!isApp && !stringAt(payload, 'transactionId')) return 'body';
  const environment = isApp ? payload['receiptType'] : payload['environment'];
  if (!isAppleEnvironment(environment)) return 'environment';
  const bundleId = stringAt(payload, 'bundleId');
  if (bundleId === undefined) return 'app';
  const appAppleId = idAt(payload, 'appAppleId');
  return {
    source: 'hand_in',
    type: isApp ? 'APP_TRANSACTION' : 'TRANSACTION',
    signedDate,
    environment,
    bundleId,
    ...(appAppleId === undefined ? {} : { appAppleId }),
    transaction: isApp ? null : payload,
    renewal: null,
  };
}

export function chainIdOf(transaction: Json | null, renewal: Json | null): string | null {
  return (
    stringAt(transaction, 'originalTransactionId') ??
    stringAt(transaction, 'transactionId') ??
    stringAt(renewal, 'originalTransactionId') ??
    null
  );
}

/** Facts decide: whatever carries a transaction or renewal info is applied, of known type or not. */
function ignoredWhy(content: AppleContent, chainId: string | null): string | null {
  if (content.type === 'TEST') return 'test';
  if (chainId !== null) return null;
  return content.source === 'hand_in' || isKnownType(content.type) ? 'no_event' : 'unknown_type';
}

/** @param signed the outer signed string, @param uuid `notificationUUID`, if it is a notification. */
export function signalOf(content: AppleContent, signed: string, uuid: string | undefined): VerifiedSignal {
  const { transaction, renewal } = content;
  const chainId = chainIdOf(transaction, renewal);
  const transactionId = stringAt(transaction, 'transactionId');
  const identity = uuid ?? `sha256:${sha256(signed)}`;
  // Snapshots of one moment follow their purchase dates, then the notification's id.
  const purchasedAt = String(timeAt(transaction, 'purchaseDate') ?? 0).padStart(15, '0');
  return {
    dedupeKey: `apple:${content.environment}:${identity}`,
    environment: environmentOf(content.environment),
    chainId,
    storeTime: content.signedDate,
    order: `${purchasedAt}:${identity}`,
    accountKey: stringAt(transaction, 'appAccountToken') ?? stringAt(renewal, 'appAccountToken') ?? null,
    transactionIds: [...new Set([transactionId, chainId].filter((id) => typeof id === 'string'))],
    type: content.subtype === undefined ? content.type : `${content.type}/${content.subtype}`,
    ignored: ignoredWhy(content, chainId),
    payload: content,
  };
}

/** The payload of a signal of this store, as this file made it. */
export function contentOf(signal: VerifiedSignal): AppleContent {
  if (!isContent(signal.payload)) throw new TypeError('not a signal of the App Store');
  return signal.payload;
}

function isContent(value: unknown): value is AppleContent {
  return isJson(value) && isAppleEnvironment(value['environment']) && typeof value['signedDate'] === 'number';
}
