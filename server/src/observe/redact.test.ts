import { describe, expect, test } from 'vitest';
import { MASK, isSecretName, redact, redactText } from './redact.ts';

describe('redactText', () => {
  test.each([
    ['postgres://pianola:s3cret@db:5432/x', `postgres://pianola:${MASK}@db:5432/x`],
    ['Authorization: Bearer pk_abc.DEF-1', `Authorization: Bearer ${MASK}`],
    ['got eyJhbGciOiJFUzI1NiJ9.eyJhIjoxfQ.c2ln here', `got ${MASK} here`],
    ['key -----BEGIN PRIVATE KEY-----\nMIG\n-----END PRIVATE KEY----- end', `key ${MASK} end`],
    ['cut off -----BEGIN EC PRIVATE KEY-----\nMIG', `cut off ${MASK}`],
  ])('masks %s', (text, expected) => expect(redactText(text)).toBe(expected));

  test('leaves ordinary text alone', () => {
    const text = 'POST http://127.0.0.1:8787/stores/apple/demo answered 200 at 12:01:02, user@example.com';
    expect(redactText(text)).toBe(text);
  });
});

describe('redact', () => {
  test.each([
    'password',
    'secretKey',
    'x-api-key',
    'PIANOLA_SECRET_KEY',
    'private_key',
    'signedPayload',
    'accessToken',
  ])('masks the field %s', (name) => expect(redact({ [name]: 'abc' })).toEqual({ [name]: MASK }));

  test('whether a secret is set may be said', () => {
    const said = { apiKey: null, password: undefined, secretKey: 'configured', hasToken: true };
    expect(redact(said)).toEqual(said);
  });

  test('walks objects and lists without changing the input', () => {
    const input = { a: [{ secret: 'x', n: 1 }], url: 'postgres://u:p@h/d' };
    expect(redact(input)).toEqual({ a: [{ secret: MASK, n: 1 }], url: `postgres://u:${MASK}@h/d` });
    expect(input.a[0]?.secret).toBe('x');
  });

  test('turns errors into plain data, causes included', () => {
    const error = Object.assign(new Error('no route to postgres://u:p@h/d', { cause: new Error('Bearer abc') }), {
      code: 'EHOST',
    });
    expect(redact(error)).toMatchObject({
      type: 'Error',
      message: `no route to postgres://u:${MASK}@h/d`,
      code: 'EHOST',
      cause: { message: `Bearer ${MASK}` },
    });
  });

  test('ends at a cycle and keeps bytes out', () => {
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    expect(JSON.stringify(redact(cycle))).toContain('[deep]');
    expect(redact({ body: new Uint8Array(7) })).toEqual({ body: '[7 bytes]' });
  });

  test('leaves what has a class to its own serializer', () => {
    const date = new Date(0);
    expect(redact({ date })).toEqual({ date });
  });
});

test('names that merely look like secrets stay readable', () => {
  expect(isSecretName('secretFields')).toBe(false);
  expect(isSecretName('integrationId')).toBe(false);
  expect(isSecretName('dedupeKey')).toBe(false);
});
