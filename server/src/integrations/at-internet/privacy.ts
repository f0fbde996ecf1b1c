/** Consent, as AT Internet's own SDKs name it. Organisations often exclude events without it, so both properties go on every event. */
import type { Admission, Visitor } from '../integration.ts';
import type { AtInternetSettings } from './settings.ts';

export const STANDARD_MODES = ['optin', 'exempt', 'optout', 'extended-optout', 'no-consent', 'no-storage'] as const;
export type StandardMode = (typeof STANDARD_MODES)[number];

/** Words an SDK hands over in place of an id. */
const SENTINELS: ReadonlyMap<string, StandardMode> = new Map([
  ['OPT-OUT', 'optout'],
  ['opt-out', 'optout'],
  ['no-consent', 'no-consent'],
  ['Consent-NO', 'no-consent'],
  ['no-storage', 'no-storage'],
]);

/** The privacy choice that a client id carries instead of naming a visitor; null = it is an id. */
export function modeInClientId(clientId: string): StandardMode | null {
  return SENTINELS.get(clientId) ?? (clientId.endsWith('-NO') ? 'no-storage' : null);
}

export interface Privacy {
  mode: string;
  consent: boolean;
}

/** The mode in force. A sentinel in place of the id counts as stored. */
export function privacyOf(visitor: Visitor, settings: AtInternetSettings): Privacy {
  const told = visitor.clientId === null ? null : modeInClientId(visitor.clientId);
  const mode = told ?? visitor.privacyMode ?? settings.defaultPrivacyMode;
  const isStandard = (STANDARD_MODES as readonly string[]).includes(mode);
  return { mode, consent: isStandard ? mode === 'optin' : (visitor.privacyConsent ?? false) };
}

/** May events of this visitor go out under this mode? */
export function admitPrivacy(visitor: Visitor, settings: AtInternetSettings): Admission {
  const { mode, consent } = privacyOf(visitor, settings);
  const action = settings.privacyActions[mode] ?? (consent ? 'send' : 'suppress');
  // Without a real id there is nobody to send for, whatever the team chose for the mode.
  const nobody = !consent && (visitor.clientId === null || modeInClientId(visitor.clientId) !== null);
  return action === 'send' && !nobody
    ? { send: true }
    : { send: false, state: 'suppressed', reason: `privacy_${mode}` };
}
