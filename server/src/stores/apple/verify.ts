/**
 * From bytes at the door to a signal whose origin is proven, or the code of the answer. Order: form, certificate chain,
 * signature, and only then the payload: environment, app, and what the inner strings say about both.
 */
import type { ErrorCode } from '../../errors.ts';
import type { SignalKind, StoreAccount, Verdict, VerifiedSignal, VerifyContext } from '../store.ts';
import { stringAt, timeAt } from './json.ts';
import { openJws, peekJws } from './jws.ts';
import {
  type AppleContent,
  type ContentFault,
  handInContent,
  notificationContent,
  signalOf,
  signedPayloadOf,
} from './payload.ts';
import type { AppleSettings } from './settings.ts';

/** Apple's notifications stay under 30 KB; a body of this size is none. */
export const BODY_LIMIT = 1024 * 1024;

const FAULTS = {
  environment: 'store_environment_refused',
  app: 'store_app_mismatch',
  body: 'store_body_invalid',
} as const satisfies Record<ContentFault, ErrorCode>;

const refuse = (code: ErrorCode): Verdict => ({ ok: false, code });

/**
 * Whether the content is of this app. Production notifications must carry the app's Apple id (old sandbox ones lack it); a lone
 * transaction never does, so its bundle id decides.
 */
function isOurs(content: AppleContent, { bundleId, appAppleId }: AppleSettings): boolean {
  if (content.bundleId !== bundleId) return false;
  if (content.environment !== 'Production' || content.type === 'TRANSACTION') return true;
  if (content.appAppleId === undefined) return false;
  return appAppleId === undefined || content.appAppleId === appAppleId;
}

function accept(
  content: AppleContent | ContentFault,
  settings: AppleSettings,
  signed: string,
  uuid: string | undefined,
): Verdict {
  if (typeof content === 'string') return refuse(FAULTS[content]);
  if (!isOurs(content, settings)) return refuse('store_app_mismatch');
  const signal = signalOf(content, signed, uuid);
  const on = settings.environments.includes(content.environment === 'Production' ? 'production' : 'sandbox');
  return { ok: true, signal: on ? signal : { ...signal, ignored: 'environment_off' } };
}

/** A notification as Apple posts it: `{"signedPayload": "<JWS>"}`. */
export function verifyNotification(
  body: Uint8Array,
  { settings }: Pick<StoreAccount<AppleSettings>, 'settings'>,
  context: VerifyContext,
): Verdict {
  if (body.byteLength > BODY_LIMIT) return refuse('store_body_too_large');
  const signed = signedPayloadOf(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString());
  if (signed === null) return refuse('store_body_invalid');
  const opened = openJws(signed, context);
  if (!opened.ok) return refuse('store_signature_invalid');
  const content = notificationContent(opened.payload, opened.signedDate);
  return accept(content, settings, signed, stringAt(opened.payload, 'notificationUUID'));
}

/** A transaction as StoreKit gives it to the app: a bare JWS, which no outer signature covers. */
export function verifyHandIn(
  signed: string,
  { settings }: Pick<StoreAccount<AppleSettings>, 'settings'>,
  context: VerifyContext,
): Verdict {
  if (signed.length > BODY_LIMIT) return refuse('store_body_too_large');
  const opened = openJws(signed, { ...context, dates: context.dates === 'history' ? 'history' : 'hand_in' });
  if (!opened.ok) return refuse('store_signature_invalid');
  return accept(handInContent(opened.payload, opened.signedDate), settings, signed, undefined);
}

/** Reads a stored body again; it was verified before it was stored, so anything unreadable is a bug and throws. */
export function decode(body: string, kind: SignalKind): VerifiedSignal {
  const handedIn = kind === 'sdk' || kind === 'api';
  const signed = handedIn ? body : signedPayloadOf(body);
  const payload = signed === null ? null : peekJws(signed);
  if (signed === null || payload === null) throw new TypeError('stored App Store body cannot be read');
  const signedDate = timeAt(payload, 'signedDate') ?? timeAt(payload, 'receiptCreationDate') ?? 0;
  const content = handedIn ? handInContent(payload, signedDate) : notificationContent(payload, signedDate);
  if (typeof content === 'string') throw new TypeError(`stored App Store body is not valid: ${content}`);
  return signalOf(content, signed, handedIn ? undefined : stringAt(payload, 'notificationUUID'));
}
