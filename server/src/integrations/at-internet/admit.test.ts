import { describe, expect, test } from 'vitest';
import type { Environment } from '../../events/event.ts';
import type { EventTable, Visitor } from '../integration.ts';
import { CLIENT_ID, settingsWith, visitorWith } from './fixtures/settings.ts';
import { atInternet } from './index.ts';

const definition = atInternet({ allowPrivateTargets: false });

function admitted(
  visitor: Partial<Visitor>,
  settings: Record<string, unknown> = {},
  environment: Environment = 'PRODUCTION',
): string {
  const answer = definition.admit(visitorWith(visitor), environment, settingsWith(settings));
  return answer.send ? 'send' : `${answer.state}/${answer.reason}`;
}

describe('at each attempt', () => {
  test.each([
    [{}, 'send'],
    [{ clientId: '0123456789abcdef' }, 'send'],
    [{ clientId: null }, 'held/no_client_id'],
    [{ clientId: 'too-short' }, 'held/no_client_id'],
    [{ clientId: 'has a space 1234' }, 'held/no_client_id'],
    [{ privacyMode: 'optin' }, 'send'],
    [{ privacyMode: 'exempt', privacyConsent: true }, 'suppressed/privacy_exempt'],
    [{ privacyMode: 'optout' }, 'suppressed/privacy_optout'],
    [{ privacyMode: 'extended-optout' }, 'suppressed/privacy_extended-optout'],
    [{ privacyMode: 'no-consent' }, 'suppressed/privacy_no-consent'],
    [{ privacyMode: 'no-storage' }, 'suppressed/privacy_no-storage'],
    [{ privacyMode: 'optout', clientId: null }, 'suppressed/privacy_optout'],
    [{ privacyMode: 'partners', privacyConsent: true }, 'send'],
    [{ privacyMode: 'partners', privacyConsent: false }, 'suppressed/privacy_partners'],
    [{ privacyMode: 'partners' }, 'suppressed/privacy_partners'],
    [{ clientId: 'OPT-OUT' }, 'suppressed/privacy_optout'],
    [{ clientId: 'opt-out' }, 'suppressed/privacy_optout'],
    [{ clientId: 'Consent-NO' }, 'suppressed/privacy_no-consent'],
    [{ clientId: 'no-consent' }, 'suppressed/privacy_no-consent'],
    [{ clientId: 'no-storage' }, 'suppressed/privacy_no-storage'],
    [{ clientId: `${CLIENT_ID}-NO` }, 'suppressed/privacy_no-storage'],
    [{ clientId: 'OPT-OUT', privacyMode: 'optin' }, 'suppressed/privacy_optout'],
    [{ forwardingRevoked: true }, 'suppressed/forwarding_revoked'],
    [{ erased: true, forwardingRevoked: true, clientId: null }, 'suppressed/erased'],
  ])('%o: %s', (visitor, outcome) => {
    expect(admitted(visitor)).toBe(outcome);
  });

  test('the default mode counts for those who told nothing, and only for them', () => {
    expect(admitted({}, { defaultPrivacyMode: 'no-consent' })).toBe('suppressed/privacy_no-consent');
    expect(admitted({ privacyMode: 'optin' }, { defaultPrivacyMode: 'no-consent' })).toBe('send');
  });

  test('a team may decide otherwise for a mode, but not invent a visitor', () => {
    const settings = { privacyActions: { exempt: 'send', optin: 'suppress', optout: 'send' } };
    expect(admitted({ privacyMode: 'exempt' }, settings)).toBe('send');
    expect(admitted({ privacyMode: 'exempt', clientId: null }, settings)).toBe('suppressed/privacy_exempt');
    expect(admitted({ privacyMode: 'optin' }, settings)).toBe('suppressed/privacy_optin');
    expect(admitted({ clientId: 'OPT-OUT' }, settings)).toBe('suppressed/privacy_optout');
  });

  test('sandbox events follow the team’s choice', () => {
    expect(admitted({}, { sandboxEvents: 'drop' }, 'SANDBOX')).toBe('suppressed/sandbox_dropped');
    expect(admitted({}, { sandboxEvents: 'drop' }, 'PRODUCTION')).toBe('send');
    expect(admitted({}, { sandboxEvents: 'other-site', sandboxSiteId: '2' }, 'SANDBOX')).toBe('send');
    expect(admitted({}, {}, 'SANDBOX')).toBe('send');
  });
});

describe('when the event is born', () => {
  const event = { code: 'TRIAL_STARTED', environment: 'PRODUCTION', ownerId: 'o' } as const;
  const on: EventTable = { TRIAL_STARTED: { enabled: true } };

  test('all events start off', () => {
    expect(definition.wants(event, settingsWith(), { sendUnknownUsers: false })).toBeNull();
    expect(
      definition.wants(event, settingsWith({}, { TRIAL_STARTED: { enabled: false } }), { sendUnknownUsers: false }),
    ).toBeNull();
  });

  test('a disabled integration wants nothing', () => {
    expect(definition.wants(event, settingsWith({ enabled: false }, on), { sendUnknownUsers: false })).toBeNull();
  });

  test('an enabled one is sent', () => {
    expect(definition.wants(event, settingsWith({}, on), { sendUnknownUsers: false })).toEqual({ send: true });
  });

  test.each([
    [false, 'unknown_user'],
    [true, 'no_identity'],
  ])('of an unknown user it is suppressed (events of unknown users: %o): %s', (sendUnknownUsers, reason) => {
    const unknown = { ...event, ownerId: null };
    expect(definition.wants(unknown, settingsWith({}, on), { sendUnknownUsers })).toEqual({
      send: false,
      state: 'suppressed',
      reason,
    });
  });
});

test('how long and how hard', () => {
  expect(definition.holdMs(settingsWith({ clientIdHoldHours: 2 }))).toBe(7_200_000);
  expect(definition.pace(settingsWith({ retryWindowHours: 1, maxParallel: 4 }))).toEqual({
    enabled: true,
    maxParallel: 4,
    retryWindowMs: 3_600_000,
  });
});
