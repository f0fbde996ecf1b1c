import { describe, expect, test } from 'vitest';
import { MINIMAL } from './fixtures/settings.ts';
import { settingsSchema } from './settings.ts';

const strict = settingsSchema({ allowPrivateTargets: false });
const withSimulator = settingsSchema({ allowPrivateTargets: true });

/** The field complained about, or null. */
function complaint(changes: Record<string, unknown>, schema = strict): string | null {
  const result = schema.safeParse({ ...MINIMAL, ...changes });
  return result.success ? null : [...new Set(result.error.issues.map((issue) => issue.path.join('.')))].join(',');
}

test('the least a team must say; all the rest has defaults', () => {
  expect(strict.parse(MINIMAL)).toEqual({
    ...MINIMAL,
    privacyActions: {},
    namePreset: 'code',
    offsiteSuffix: false,
    propertyPrefix: 'sub_',
    stringLimitUnit: 'chars',
    userIdSource: 'app',
    clientIdHoldHours: 72,
    userAgentSource: 'device-first',
    forwardClientIp: false,
    contentType: 'text/plain;charset=UTF-8',
    lateEvents: 'as-is',
    lateAfterMinutes: 30,
    retryWindowHours: 72,
    maxParallel: 32,
  });
});

test.each(['collectionDomain', 'collectPath', 'siteId', 'sandboxEvents', 'defaultPrivacyMode'])(
  '%s must be said',
  (field) => {
    expect(complaint({ [field]: undefined })).toBe(field);
  },
);

test('a field we do not have is refused, not ignored', () => {
  expect(strict.safeParse({ ...MINIMAL, colectPath: 'x' }).success).toBe(false);
});

describe('collection domain', () => {
  test.each([
    ['ABCDEFG.PA-CD.COM', 'abcdefg.pa-cd.com'],
    [' https://abcdefg.pa-cd.com/event ', 'abcdefg.pa-cd.com'],
    ['https://abcdefg.pa-cd.com', 'abcdefg.pa-cd.com'],
    ['mesure.société.fr', 'mesure.xn--socit-esab.fr'],
  ])('%s becomes %s', (given, kept) => {
    const parsed = strict.parse({ ...MINIMAL, collectionDomain: given });
    expect(parsed.collectionDomain).toBe(kept);
    expect(strict.parse(parsed)).toEqual(parsed);
  });

  test.each([
    'http://abcdefg.pa-cd.com',
    'https://user:pass@abcdefg.pa-cd.com',
    'https://abcdefg.pa-cd.com:8443',
    'https://abcdefg.pa-cd.com/?s=1',
    'abcdefg.pa-cd.com/event',
    'abcdefg.pa-cd.com:443',
    '10.0.0.1',
    '127.1',
    '[::1]',
    'localhost',
    'a..b',
    '-a.example',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(126)}example`,
    '',
  ])('%s is refused', (collectionDomain) => {
    expect(complaint({ collectionDomain })).toBe('collectionDomain');
    expect(complaint({ collectionDomain }, withSimulator)).toBe('collectionDomain');
  });

  test.each(['http://localhost:8790', 'http://127.0.0.1:8790', 'http://127.0.0.1:8790/'])(
    '%s is for the simulator only',
    (collectionDomain) => {
      expect(complaint({ collectionDomain })).toBe('collectionDomain');
      expect(complaint({ collectionDomain }, withSimulator)).toBeNull();
    },
  );

  test.each([
    'http://127.0.0.1',
    'http://127.0.0.1:0',
    'http://127.0.0.1:65536',
    'http://127.0.0.2:80',
    'http://10.0.0.1:80',
    'http://localhost:80/x',
    'http://a@localhost:80',
  ])('%s not even then', (collectionDomain) => {
    expect(complaint({ collectionDomain }, withSimulator)).toBe('collectionDomain');
  });
});

test.each([
  ['/subscription/', 'subscription'],
  ['event', 'event'],
])('collect path %s is kept as %s', (given, kept) => {
  expect(strict.parse({ ...MINIMAL, collectPath: given }).collectPath).toBe(kept);
});

test.each(['', '/', 'a/b', '__journal', '.hidden', 'x'.repeat(65), 'a b', 'a?b'])(
  'collect path %o is refused',
  (collectPath) => {
    expect(complaint({ collectPath })).toBe('collectPath');
  },
);

test.each([
  [640001, '640001'],
  [' 640 001 ', '640001'],
])('site id %o is kept as %s', (given, kept) => {
  expect(strict.parse({ ...MINIMAL, siteId: given }).siteId).toBe(kept);
});

test.each(['0640001', '', 'abc', '12345678901', '-1'])('site id %o is refused', (siteId) => {
  expect(complaint({ siteId })).toBe('siteId');
});

test('another site for sandbox events must be named, and be another', () => {
  expect(complaint({ sandboxEvents: 'other-site' })).toBe('sandboxSiteId');
  expect(complaint({ sandboxEvents: 'other-site', sandboxSiteId: '640001' })).toBe('sandboxSiteId');
  expect(complaint({ sandboxEvents: 'other-site', sandboxSiteId: '640002' })).toBeNull();
});

test.each(['', 'Sub_', '1_', 'm_', 'visit_', 'a_prefix_of_some_length_'])('prefix %o is refused', (propertyPrefix) => {
  expect(complaint({ propertyPrefix })).toBe('propertyPrefix');
});

test.each(['curl/8', 'python-requests/2', 'node', 'my crawler', 'Somebot/1', '', 'é'])(
  'neutral User-Agent %o is refused',
  (neutralUserAgent) => {
    expect(complaint({ neutralUserAgent })).toMatch(/^neutralUserAgent/);
  },
);

test.each([
  [{ clientIdHoldHours: 169 }, 'clientIdHoldHours'],
  [{ clientIdHoldHours: -1 }, 'clientIdHoldHours'],
  [{ retryWindowHours: 0 }, 'retryWindowHours'],
  [{ maxParallel: 0 }, 'maxParallel'],
  [{ contentType: 'text/plain\r\nX: y' }, 'contentType'],
  [{ privacyActions: { exempt: 'maybe' } }, 'privacyActions.exempt'],
])('%o is refused', (changes, field) => {
  expect(complaint(changes)).toBe(field);
});
