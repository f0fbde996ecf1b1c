/** Counting: what a step's result adds to the run's last line. Pure. */
export interface Tally {
  passed: number;
  failed: number;
  /** One readable block per failure. */
  failures: string[];
}

/** The part of vitest's JSON report that is read here. */
interface VitestReport {
  numTotalTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { fullName: string; status: string; failureMessages: string[] | null }[];
  }[];
}

export const emptyTally = (): Tally => ({ passed: 0, failed: 0, failures: [] });

export function add(into: Tally, more: Tally): void {
  into.passed += more.passed;
  into.failed += more.failed;
  into.failures.push(...more.failures);
}

/** A check that only says yes or no counts as one. */
export function tallyOfCheck(name: string, ok: boolean, output: string): Tally {
  if (ok) return { passed: 1, failed: 0, failures: [] };
  return { passed: 0, failed: 1, failures: [`${name}\n${indent(tail(output, 60))}`] };
}

/**
 * Sums vitest's JSON report. `json` null = no report was written: the run itself broke, which counts as one failure, as
 * does a test file that could not be loaded, a run that found no test, and a non-zero exit that no failed test explains
 * (an error outside any test).
 */
export function tallyOfVitest(name: string, json: string | null, exit: { code: number | null; output: string }): Tally {
  const tally = emptyTally();
  const fail = (text: string) => add(tally, { passed: 0, failed: 1, failures: [text] });
  if (json === null) {
    fail(`${name}: no report was written\n${indent(tail(exit.output, 60))}`);
    return tally;
  }
  const report = JSON.parse(json) as VitestReport;
  for (const file of report.testResults) {
    for (const test of file.assertionResults) {
      if (test.status === 'passed') tally.passed += 1;
      else if (test.status === 'failed')
        fail(`${file.name} › ${test.fullName}\n${indent(tail((test.failureMessages ?? []).join('\n'), 30))}`);
    }
    if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
      // An error around the tests, as in a hook; the report does not always say which.
      fail(`${file.name}\n${indent(tail(file.message || exit.output, 30))}`);
    }
  }
  if (tally.passed + tally.failed === 0) fail(`${name}: no test ran`);
  if (exit.code !== 0 && tally.failed === 0)
    fail(`${name}: ended with ${exit.code ?? 'a signal'}\n${indent(tail(exit.output, 60))}`);
  return tally;
}

/** The last line of a run, and whether the run is good: something ran and nothing failed. */
export function lastLine(tally: Tally): { text: string; ok: boolean } {
  return { text: `${tally.passed} passed, ${tally.failed} failed`, ok: tally.failed === 0 && tally.passed > 0 };
}

function tail(text: string, lines: number): string {
  return text.trimEnd().split('\n').slice(-lines).join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '    ');
}
