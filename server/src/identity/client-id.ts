/**
 * What an app hands over as its AT Internet client id (the SDK's `idClient`).
 *
 * AT Internet identifies a visitor by an opaque text of 16 or 36 characters. It is never changed, trimmed or re-cased: iOS gives
 * upper case, Android lower case, and whether the collector folds case is unknown. When the visitor has opted out, the SDK hands
 * over a word in its place; such a word says something about privacy and is never sent as an id.
 */
import { PianolaError } from '../errors.ts';

/** The name under which the id is stored, and handed in by apps. */
export const AT_INTERNET_ID_CLIENT = 'at_internet_id_client';

export type PrivacySignal = 'optout' | 'no-consent' | 'no-storage';

export type ClientId = { kind: 'id'; value: string } | { kind: 'privacy'; mode: PrivacySignal };

/** Compared exactly, before anything else. */
const SENTINELS: ReadonlyMap<string, PrivacySignal> = new Map([
  ['OPT-OUT', 'optout'],
  ['opt-out', 'optout'],
  ['no-consent', 'no-consent'],
  ['Consent-NO', 'no-consent'],
  ['no-storage', 'no-storage'],
]);
const PRIVACY_SIGNALS: ReadonlySet<string> = new Set(SENTINELS.values());

const LENGTHS = [16, 36];
const PRINTABLE = /^[\x21-\x7e]+$/;

/** @throws PianolaError client_id_length for anything that is neither an id nor a sentinel; the last valid id then stays. */
export function readClientId(given: string): ClientId {
  const mode = SENTINELS.get(given);
  if (mode !== undefined) return { kind: 'privacy', mode };
  // The device made an id but was not allowed to store it: the part before the suffix will be another one next time.
  if (given.endsWith('-NO')) return { kind: 'privacy', mode: 'no-storage' };
  if (!LENGTHS.includes(given.length)) throw new PianolaError('client_id_length', `This one has ${given.length}.`);
  if (!PRINTABLE.test(given))
    throw new PianolaError('client_id_length', 'This one contains spaces or characters outside ASCII.');
  return { kind: 'id', value: given };
}

/** Was this mode possibly set by a sentinel, so that a real id handed over later takes it back? */
export function isPrivacySignal(mode: string | null): boolean {
  return mode !== null && PRIVACY_SIGNALS.has(mode);
}
