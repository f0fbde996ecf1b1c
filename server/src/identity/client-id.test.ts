import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PianolaError } from '../errors.ts';
import { readClientId } from './client-id.ts';

const printable = (length: number) =>
  fc
    .array(fc.integer({ min: 0x21, max: 0x7e }), { minLength: length, maxLength: length })
    .map((codes) => String.fromCharCode(...codes))
    .filter((text) => !text.endsWith('-NO'));

describe('readClientId', () => {
  it('takes 16 or 36 printable characters and never changes them', () => {
    fc.assert(
      fc.property(fc.oneof(printable(16), printable(36)), (given) => {
        expect(readClientId(given)).toEqual({ kind: 'id', value: given });
      }),
    );
  });

  it('refuses every other length', () => {
    const other = fc.integer({ min: 1, max: 100 }).filter((length) => length !== 16 && length !== 36);
    fc.assert(
      fc.property(other.chain(printable), (given) => {
        fc.pre(!['OPT-OUT', 'opt-out', 'no-consent', 'no-storage'].includes(given));
        expect(() => readClientId(given)).toThrow(expect.objectContaining({ code: 'client_id_length' }));
      }),
    );
  });

  it.each(['0123456789abcde ', ' 123456789abcdef', '0123456789abcdé0', '0123456789\u0000bcdef'])(
    'refuses %j',
    (given) => {
      expect(given).toHaveLength(16);
      expect(() => readClientId(given)).toThrow(PianolaError);
    },
  );

  it.each([
    ['OPT-OUT', 'optout'],
    ['opt-out', 'optout'],
    ['no-consent', 'no-consent'],
    ['Consent-NO', 'no-consent'],
    ['no-storage', 'no-storage'],
    ['1A2B3C4D-5E6F-7081-92A3-B4C5D6E7F809-NO', 'no-storage'],
    // Sixteen characters, but the suffix decides.
    ['0123456789abc-NO', 'no-storage'],
    ['-NO', 'no-storage'],
  ])('reads %s as %s', (given, mode) => {
    expect(readClientId(given)).toEqual({ kind: 'privacy', mode });
  });

  it.each(['Opt-Out', 'NO-CONSENT', 'consent-no'])('compares the words exactly: %s is none', (given) => {
    expect(() => readClientId(given)).toThrow(PianolaError);
  });
});
