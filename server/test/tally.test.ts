import { describe, expect, test } from 'vitest';
import { add, emptyTally, lastLine, tallyOfCheck, tallyOfVitest } from './tally.ts';

const report = (...files: object[]) => JSON.stringify({ numTotalTests: 1, testResults: files });
const file = (status: string, ...tests: [fullName: string, status: string][]) => ({
  name: '/x/a.test.ts',
  status,
  message: status === 'failed' ? 'SyntaxError: bad' : '',
  assertionResults: tests.map(([fullName, result]) => ({
    fullName,
    status: result,
    failureMessages: result === 'failed' ? ['expected 1 to be 2'] : [],
  })),
});

describe('tallyOfVitest', () => {
  test('sums tests and shows what failed', () => {
    const tally = tallyOfVitest(
      'units',
      report(file('failed', ['adds', 'passed'], ['divides', 'failed'], ['later', 'skipped'])),
      { code: 1, output: '' },
    );
    expect(tally).toMatchObject({ passed: 1, failed: 1 });
    expect(tally.failures[0]).toContain('divides');
    expect(tally.failures[0]).toContain('expected 1 to be 2');
  });

  test('a file that cannot be loaded is a failure', () => {
    const tally = tallyOfVitest('units', report(file('failed'), file('passed', ['a', 'passed'])), {
      code: 1,
      output: '',
    });
    expect(tally).toMatchObject({ passed: 1, failed: 1 });
    expect(tally.failures[0]).toContain('SyntaxError: bad');
  });

  test.each([
    ['no report', null, { code: 1, output: 'boom' }],
    ['no test', report(), { code: 0, output: '' }],
    ['an error outside any test', report(file('passed', ['a', 'passed'])), { code: 1, output: 'unhandled' }],
  ])('%s is a failure', (_, json, exit) => expect(tallyOfVitest('units', json, exit).failed).toBe(1));
});

test('a check counts as one', () => {
  expect(tallyOfCheck('types', true, '')).toEqual({ passed: 1, failed: 0, failures: [] });
  expect(tallyOfCheck('types', false, 'error TS1').failures[0]).toContain('error TS1');
});

test('the last line: nothing run is not good', () => {
  expect(lastLine(emptyTally())).toEqual({ text: '0 passed, 0 failed', ok: false });
  const tally = emptyTally();
  add(tally, tallyOfCheck('a', true, ''));
  expect(lastLine(tally)).toEqual({ text: '1 passed, 0 failed', ok: true });
  add(tally, tallyOfCheck('b', false, ''));
  expect(lastLine(tally)).toEqual({ text: '1 passed, 1 failed', ok: false });
});
