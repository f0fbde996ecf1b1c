import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Answer, OutcomeClass } from '../integration.ts';
import { read } from './read.ts';

const NOW = Date.UTC(2026, 4, 27, 6, 10);
const status = (code: number, headers: Record<string, string> = {}): Answer => ({
  kind: 'status',
  status: code,
  headers,
});
const failure = (code: string, bytesWritten = false): Answer => ({ kind: 'failure', code, bytesWritten });

/** Every status of the reference's table, independent of the code's own rows. */
function expected(code: number): OutcomeClass {
  if (code < 300) return 'success';
  if (code < 400 || [401, 403, 404].includes(code)) return 'setup';
  if (code === 408 || code >= 500) return 'transient';
  return code === 429 ? 'throttle' : 'invalid';
}

test('every status from 200 to 599 has exactly its class', () => {
  for (let code = 200; code < 600; code++) {
    const outcome = read(status(code), { now: NOW });
    expect([code, outcome.class]).toEqual([code, expected(code)]);
    expect([code, outcome.ambiguous]).toEqual([code, code === 502 || code === 504]);
    expect([code, outcome.split]).toEqual([
      code,
      outcome.class === 'invalid' ? (code === 413 ? 'halve' : 'single') : undefined,
    ]);
    expect([code, outcome.retryAfterMs]).toEqual([code, code === 429 ? 60_000 : null]);
  }
});

describe('failures without an answer', () => {
  test.each([
    'ECONNREFUSED',
    'ECONNRESET',
    'EAI_AGAIN',
    'UND_ERR_CONNECT_TIMEOUT',
    'UND_ERR_SOCKET',
    'TOTAL_TIMEOUT',
    'EPIPE',
    'HPE_INVALID_CONSTANT',
  ])('%s passes by itself', (code) => {
    expect(read(failure(code), { now: NOW })).toMatchObject({ class: 'transient', ambiguous: false });
    expect(read(failure(code, true), { now: NOW })).toMatchObject({ class: 'transient', ambiguous: true });
  });

  test.each([
    'ENOTFOUND',
    'PRIVATE_TARGET',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'ERR_SSL_WRONG_VERSION_NUMBER',
    'EPROTO',
  ])('%s is a matter of set-up', (code) => {
    expect(read(failure(code), { now: NOW }).class).toBe('setup');
  });

  test('whatever comes, the outcome is one of the five classes', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.record({
            kind: fc.constant('status' as const),
            status: fc.integer({ min: 100, max: 999 }),
            headers: fc.dictionary(fc.string(), fc.string()),
          }),
          fc.record({ kind: fc.constant('failure' as const), code: fc.string(), bytesWritten: fc.boolean() }),
        ),
        (answer) => {
          const outcome = read(answer, { now: NOW });
          expect(['success', 'transient', 'throttle', 'setup', 'invalid']).toContain(outcome.class);
          expect(outcome.retryAfterMs ?? 0).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe('Retry-After', () => {
  test.each([
    [429, '7', 7_000],
    [429, '0', 0],
    [429, '86400', 3_600_000],
    [429, 'soon', 60_000],
    [503, '120', 120_000],
    [503, '', null],
    [500, '120', null],
    [429, new Date(NOW + 90_000).toUTCString(), 90_000],
    [429, new Date(NOW - 90_000).toUTCString(), 0],
  ])('on %i, %s is %o ms', (code, value, ms) => {
    expect(read(status(code, { 'retry-after': value }), { now: NOW }).retryAfterMs).toBe(ms);
  });

  test('a date counts from the server’s own clock when it tells', () => {
    const headers = {
      'retry-after': new Date(NOW + 500_000).toUTCString(),
      date: new Date(NOW + 470_000).toUTCString(),
    };
    expect(read(status(503, headers), { now: NOW }).retryAfterMs).toBe(30_000);
  });
});
