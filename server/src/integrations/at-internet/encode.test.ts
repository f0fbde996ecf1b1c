import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ATTRIBUTES, EVENT_CODES } from '../../events/catalogue.ts';
import type { Attributes, Environment } from '../../events/event.ts';
import type { EventTable, OutgoingRequest, Visitor } from '../integration.ts';
import { encode } from './encode.ts';
import { fullEvent, SENT_AT } from './fixtures/full-event.ts';
import { CLIENT_ID, settingsWith, visitorWith } from './fixtures/settings.ts';
import { inWireOrder } from './properties.ts';

const KNOWN_ATTRIBUTES: readonly string[] = ATTRIBUTES.map(({ name }) => name);
const CONTEXT = { now: SENT_AT, version: '1.0.0' };

interface Made {
  attributes?: Attributes;
  settings?: Record<string, unknown>;
  events?: EventTable;
  visitor?: Partial<Visitor>;
  environment?: Environment;
  now?: number;
}

function made({
  attributes,
  settings,
  events,
  visitor,
  environment = 'PRODUCTION',
  now = SENT_AT,
}: Made): OutgoingRequest & { data: Record<string, unknown>; noted: string[] } {
  const event = fullEvent('SUBSCRIPTION_RENEWED');
  const changed = attributes ? { ...event, attributes } : event;
  const request = encode([changed], visitorWith(visitor), environment, settingsWith(settings, events), {
    ...CONTEXT,
    now,
  });
  return { ...request, data: JSON.parse(request.body).events[0].data, noted: request.notes[event.eventId] ?? [] };
}

/** As it goes over the wire, save for what the HTTP client adds. */
function onTheWire({ method, url, headers, body }: OutgoingRequest): string {
  const { host, pathname, search } = new URL(url);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`${method} ${pathname}${search} HTTP/1.1`, `Host: ${host}`, ...lines, '', body].join('\n');
}

test('the exact request for every event of the catalogue', async () => {
  const requests = EVENT_CODES.map((code, index) => {
    const request = encode([fullEvent(code, index)], visitorWith(), 'PRODUCTION', settingsWith(), CONTEXT);
    expect(request.notes).toEqual({});
    return `### ${code}\n${onTheWire(request)}\n`;
  });
  expect(requests).toHaveLength(44);
  await expect(requests.join('\n')).toMatchFileSnapshot('fixtures/requests.http');
});

test('the sample events together carry every attribute there is', () => {
  const carried = new Set(EVENT_CODES.flatMap((code) => Object.keys(fullEvent(code).attributes)));
  const twinless = KNOWN_ATTRIBUTES.map((name) => name.replace('_xxx', '_eur'));
  const never = ['transferred_from_user_id', 'transferred_to_anonymous_user_id']; // the other of each pair is there
  expect(twinless.filter((name) => !carried.has(name) && !never.includes(name))).toEqual([]);
});

test('events of one request keep their order, each with its own data', () => {
  const events = (['ACTIVATE', 'SUBSCRIPTION_STARTED', 'TRIAL_STARTED'] as const).map((code, index) =>
    fullEvent(code, index),
  );
  const { body } = encode(events, visitorWith(), 'PRODUCTION', settingsWith(), CONTEXT);
  const sent = JSON.parse(body).events as { name: string; data: Record<string, unknown> }[];
  expect(sent.map(({ name, data }) => [name, data['sub_event_id']])).toEqual(
    events.map((event) => [event.code, event.eventId]),
  );
  expect(body).not.toContain('\n');
});

test('the order of the attributes in memory does not matter: the bytes are equal', () => {
  const event = fullEvent('TRANSACTION_PROCESSED');
  const entries = Object.entries(event.attributes);
  const bytes = (shuffled: typeof entries) =>
    encode(
      [{ ...event, attributes: Object.fromEntries(shuffled) }],
      visitorWith(),
      'PRODUCTION',
      settingsWith(),
      CONTEXT,
    ).body;
  fc.assert(
    fc.property(fc.shuffledSubarray(entries, { minLength: entries.length }), (shuffled) => {
      expect(bytes(shuffled)).toBe(bytes(entries));
    }),
    { numRuns: 50 },
  );
});

describe('URL', () => {
  test('two parameters in this order, both percent-encoded', () => {
    expect(made({ visitor: { clientId: "a+b&c=d/e?f#g%'(" } }).url).toBe(
      'https://abcdefg.pa-cd.com/subscription?s=640001&idclient=a%2Bb%26c%3Dd%2Fe%3Ff%23g%25%27%28',
    );
  });

  test('any printable id comes back unchanged', () => {
    const printable = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 16,
      maxLength: 16,
    });
    fc.assert(
      fc.property(printable, (clientId) => {
        expect(new URL(made({ visitor: { clientId } }).url).searchParams.get('idclient')).toBe(clientId);
      }),
    );
  });

  test('sandbox events go to the site the team chose', () => {
    const other = { sandboxEvents: 'other-site', sandboxSiteId: '640002' };
    expect(made({ environment: 'SANDBOX' }).url).toContain('?s=640001&');
    expect(made({ environment: 'SANDBOX', settings: other }).url).toContain('?s=640002&');
    expect(made({ environment: 'PRODUCTION', settings: other }).url).toContain('?s=640001&');
  });

  test('without a client id there is no request', () => {
    expect(() => made({ visitor: { clientId: null } })).toThrow('client id');
  });
});

describe('headers', () => {
  test('in this order, nothing else', () => {
    expect(Object.entries(made({}).headers)).toEqual([
      ['Content-Type', 'text/plain;charset=UTF-8'],
      ['User-Agent', 'Pianola/1.0.0'],
      ['Accept', '*/*'],
    ]);
  });

  test.each([
    ['MyApp/4.2 (iPhone; iOS 26.1)', undefined, 'MyApp/4.2 (iPhone; iOS 26.1)'],
    ['okhttp/4.12.0', undefined, 'Pianola/1.0.0'],
    ['Googlebot/2.1', 'Acme/1', 'Acme/1'],
    ['tab\there', undefined, 'Pianola/1.0.0'],
    ['', undefined, 'Pianola/1.0.0'],
    ['x'.repeat(513), undefined, 'Pianola/1.0.0'],
  ])('the device’s User-Agent %o with neutral %o gives %o', (userAgent, neutralUserAgent, sent) => {
    expect(
      made({ visitor: { userAgent }, settings: neutralUserAgent ? { neutralUserAgent } : {} }).headers['User-Agent'],
    ).toBe(sent);
  });

  test('the device’s own is left out when the team prefers ours', () => {
    expect(
      made({ visitor: { userAgent: 'MyApp/4.2' }, settings: { userAgentSource: 'neutral' } }).headers['User-Agent'],
    ).toBe('Pianola/1.0.0');
  });

  test.each([
    ['8.8.8.8', true, '8.8.8.8'],
    ['2a00:1450:4007:80e::200e', true, '2a00:1450:4007:80e::200e'],
    ['8.8.8.8', false, undefined],
    ['192.168.0.7', true, undefined],
    ['::1', true, undefined],
    ['8.8.8.8, 10.0.0.1', true, undefined],
  ])('address %s with forwarding %o gives %o', (address, forwardClientIp, sent) => {
    expect(made({ visitor: { address }, settings: { forwardClientIp } }).headers['X-Forwarded-For']).toBe(sent);
  });
});

describe('names', () => {
  test('the override, letter by letter, else the preset', () => {
    const name = (settings: Record<string, unknown>, events: EventTable = {}) =>
      JSON.parse(made({ settings, events }).body).events[0].name;
    expect(name({})).toBe('SUBSCRIPTION_RENEWED');
    expect(name({ namePreset: 'piano' })).toBe('subscription.renewed');
    expect(name({ namePreset: 'piano', offsiteSuffix: true })).toBe('subscription.renewed.offsite');
    expect(name({ namePreset: 'piano' }, { SUBSCRIPTION_RENEWED: { enabled: true, name: 'Abo.Renouvele' } })).toBe(
      'Abo.Renouvele',
    );
    expect(made({ events: { SUBSCRIPTION_RENEWED: { enabled: true, name: 'renewed' } } }).data['sub_event_name']).toBe(
      'SUBSCRIPTION_RENEWED',
    );
  });
});

describe('properties', () => {
  test('dates are whole seconds, rounded down, from the millisecond twin or the text', () => {
    const { data } = made({
      attributes: {
        purchased_at: '2026-03-09T08:14:05.999Z',
        purchased_at_ms: 1773044045999,
        next_renewal_at: '2026-04-09T08:14:05.999Z',
      },
    });
    expect(data['d:sub_purchased_at']).toBe(1773044045);
    expect(data['d:sub_next_renewal_at']).toBe(1775722445);
  });

  test.each(['1999-12-31T23:59:59.999Z', '2100-01-01T00:00:00.000Z', 'never'])(
    'a date such as %s is dropped and noted',
    (text) => {
      const { data, noted } = made({ attributes: { purchased_at: text } });
      expect(data).not.toHaveProperty('d:sub_purchased_at');
      expect(noted).toEqual(['dropped purchased_at: not a date between 2000 and 2099']);
    },
  );

  test('integers are marked, decimals are bare, ids that look like numbers stay texts', () => {
    const { data, body } = made({
      attributes: {
        event_sequence: 3,
        plan_price_in_customer_currency: 10,
        plan_price_in_jpy: 0.1,
        store_transaction_id: '007',
      },
    });
    expect(data).toMatchObject({
      'n:sub_event_sequence': 3,
      sub_plan_price_in_customer_currency: 10,
      sub_plan_price_in_jpy: 0.1,
    });
    expect(body).toContain('"sub_store_transaction_id":"007"');
  });

  test.each([
    [{ amount_in_customer_currency: 1.1e15 }, 'amount_in_customer_currency'],
    [{ amount_in_customer_currency: Number.NaN }, 'amount_in_customer_currency'],
    [{ amount_in_customer_currency: Number.NEGATIVE_INFINITY }, 'amount_in_customer_currency'],
    [{ event_sequence: 2 ** 53 }, 'event_sequence'],
    [{ event_sequence: 1.5 }, 'event_sequence'],
  ])('%o is dropped and noted', (attributes, name) => {
    const { data, noted } = made({ attributes });
    expect(Object.keys(data).filter((key) => key.includes(name))).toEqual([]);
    expect(noted).toEqual([`dropped ${name}: the number is out of range`]);
  });

  test('empty texts, the version, millisecond twins, credentials and personal ids stay here', () => {
    const { data, noted } = made({
      attributes: {
        placement: '',
        api_version: 3,
        event_occurred_at_ms: 1773044045999,
        purchase_token: 'x',
        device_id: 'y',
        user_id: 'u_1',
      },
    });
    expect(Object.keys(data)).toEqual([
      'device_timestamp_utc',
      'visitor_privacy_consent',
      'visitor_privacy_mode',
      'user_id',
      'event_collection_platform',
      'event_collection_version',
    ]);
    expect(noted).toEqual([]);
  });

  test('the user id is the standard property, unless the team wants none', () => {
    expect(made({}).data['user_id']).toBe('member-58213');
    expect(made({ settings: { userIdSource: 'none' } }).data).not.toHaveProperty('user_id');
  });

  test('texts are cut at 255 code points, whole', () => {
    const { data, noted } = made({ attributes: { placement: '🎹'.repeat(256), audience: '🎹'.repeat(255) } });
    expect(data['sub_placement']).toBe('🎹'.repeat(255));
    expect(data['sub_audience']).toBe('🎹'.repeat(255));
    expect(noted).toEqual(['cut placement: longer than 255 characters']);
  });

  test('or at 255 bytes, never inside a character', () => {
    const { data, noted } = made({
      attributes: { placement: `a${'é'.repeat(128)}`, audience: 'é'.repeat(127) },
      settings: { stringLimitUnit: 'bytes' },
    });
    expect(data['sub_placement']).toBe(`a${'é'.repeat(127)}`);
    expect(data['sub_audience']).toBe('é'.repeat(127));
    expect(noted).toEqual(['cut placement: longer than 255 bytes']);
  });

  test('quotes, controls, line ends and lone surrogates survive as JSON', () => {
    const odd = 'a"b\\c\u0000\u2028\n\ud83c';
    const { data, body } = made({ attributes: { placement: odd } });
    expect(data['sub_placement']).toBe(odd);
    expect(body).not.toContain('\n');
    expect(Buffer.from(body).toString()).toBe(body);
  });

  test('an attribute not known here goes last, one whose key cannot be is dropped and noted', () => {
    const attributes = { zeta: 1, alpha: 'x', Bad: 'y', [`long_${'x'.repeat(40)}`]: 1, some_utc: 5, event_name: 'A' };
    const { data, noted } = made({ attributes });
    expect(Object.keys(data).slice(-3)).toEqual(['sub_event_name', 'sub_alpha', 'sub_zeta']);
    expect(noted.map((note) => note.split(':')[0])).toEqual([
      'dropped Bad',
      `dropped long_${'x'.repeat(40)}`,
      'dropped some_utc',
    ]);
  });

  test('with an empty prefix a standard property keeps its own value', () => {
    const settings = settingsWith();
    const unprefixed = { ...settings, settings: { ...settings.settings, propertyPrefix: '' } };
    const event = fullEvent('ACTIVATE');
    const { body, notes } = encode([event], visitorWith(), 'PRODUCTION', unprefixed, CONTEXT);
    const { data } = JSON.parse(body).events[0];
    expect(data).toMatchObject({
      store: 'APPLE_APP_STORE',
      user_id: 'member-58213',
      'd:purchased_at': 1773044045,
      'n:event_sequence': 6,
    });
    expect(data).not.toHaveProperty('event_name');
    expect(notes[event.eventId]).toContain('dropped event_name: its key is that of a standard property');
  });
});

describe('time', () => {
  const occurred = fullEvent('ACTIVATE').occurredAt;

  test('an event from the future is dated now, and noted', () => {
    expect(made({ now: occurred - 300_000 })).toMatchObject({
      data: { device_timestamp_utc: Math.floor(occurred / 1000) },
      noted: [],
    });
    const { data, noted } = made({ now: occurred - 300_001 });
    expect(data['device_timestamp_utc']).toBe(Math.floor((occurred - 300_001) / 1000));
    expect(noted[0]).toMatch(/^future_time/);
  });

  test('an event older than a week is sent as it is, and noted', () => {
    const { data, noted } = made({ now: occurred + 7 * 86_400_000 + 1 });
    expect(data['device_timestamp_utc']).toBe(Math.floor(occurred / 1000));
    expect(noted[0]).toMatch(/^late/);
  });

  test('late events are marked offline when the team wants it', () => {
    const settings = { lateEvents: 'offline-flag', lateAfterMinutes: 30 };
    expect(made({ settings, now: occurred + 30 * 60_000 }).data).not.toHaveProperty('connection_type');
    expect(made({ settings, now: occurred + 30 * 60_000 + 1 }).data['connection_type']).toBe('OFFLINE');
    expect(made({ now: occurred + 90 * 60_000 }).data).not.toHaveProperty('connection_type');
  });
});

test.each([
  [{ privacyMode: null, privacyConsent: null }, 'optin', true],
  [{ privacyMode: 'exempt', privacyConsent: true }, 'exempt', false],
  [{ privacyMode: 'partners', privacyConsent: true }, 'partners', true],
  [{ privacyMode: 'partners', privacyConsent: null }, 'partners', false],
])('privacy %o is told as %s, %o', (visitor, mode, consent) => {
  expect(made({ visitor: { clientId: CLIENT_ID, ...visitor } }).data).toMatchObject({
    visitor_privacy_mode: mode,
    visitor_privacy_consent: consent,
  });
});

test('the order on the wire is total', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom(...KNOWN_ATTRIBUTES, 'x', 'y', 'amount_in_eur', 'amount_in_usd'), {
        minLength: 2,
      }),
      (names) => {
        const order = (list: string[]) => inWireOrder(Object.fromEntries(list.map((name) => [name, 1])));
        expect(order(names)).toEqual(order(names.toReversed()));
      },
    ),
  );
});
