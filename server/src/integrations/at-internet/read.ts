/**
 * What an answer of the collector means. No error format of the real service is published, so only the status line counts; the
 * classes are data, so that a finding changes a row.
 */
import type { Answer, Outcome, OutcomeClass } from '../integration.ts';

interface StatusRule {
  from: number;
  to: number;
  class: OutcomeClass;
  /** A gateway's word: the collector behind it may have received the request. */
  ambiguous?: boolean;
  split?: 'single' | 'halve';
}

/** The first row that holds decides. */
const STATUS_RULES: readonly StatusRule[] = [
  { from: 200, to: 299, class: 'success' },
  // The collector redirects when it sees no visitor id: a redirect proves a wrong set-up, and is never followed.
  { from: 300, to: 399, class: 'setup' },
  { from: 401, to: 401, class: 'setup' },
  { from: 403, to: 404, class: 'setup' },
  { from: 408, to: 408, class: 'transient' },
  { from: 413, to: 413, class: 'invalid', split: 'halve' },
  { from: 429, to: 429, class: 'throttle' },
  { from: 400, to: 499, class: 'invalid', split: 'single' },
  { from: 502, to: 502, class: 'transient', ambiguous: true },
  { from: 504, to: 504, class: 'transient', ambiguous: true },
];

const UNDEFINED: StatusRule = { from: 500, to: Infinity, class: 'transient' };

/** Failures that another try does not cure: no such host, a refused target, certificates. */
const SETUP_FAILURES =
  /^(ENOTFOUND|PRIVATE_TARGET|ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_)/;

const MAX_RETRY_AFTER_MS = 3_600_000;
const DEFAULT_THROTTLE_MS = 60_000;

export function read(answer: Answer, { now }: { now: number }): Outcome {
  if (answer.kind === 'failure') {
    const isSetup = SETUP_FAILURES.test(answer.code);
    return {
      class: isSetup ? 'setup' : 'transient',
      ambiguous: answer.bytesWritten,
      retryAfterMs: null,
      message: `${answer.code}${answer.bytesWritten ? ' after the request was written' : ''}`,
    };
  }
  const { status, headers } = answer;
  // Statuses nobody has defined are the server's trouble, as 5xx are.
  const rule = STATUS_RULES.find((row) => status >= row.from && status <= row.to) ?? UNDEFINED;
  const asked = rule.class === 'throttle' || status === 503 ? retryAfter(headers, now) : null;
  return {
    class: rule.class,
    ambiguous: rule.ambiguous ?? false,
    retryAfterMs: rule.class === 'throttle' ? (asked ?? DEFAULT_THROTTLE_MS) : asked,
    message: `HTTP ${status}`,
    ...(rule.split && { split: rule.split }),
  };
}

/** `Retry-After` in seconds or as a date, ms from now, one hour at most; null = absent or unreadable. */
function retryAfter(headers: Record<string, string>, now: number): number | null {
  const text = headers['retry-after']?.trim();
  if (!text) return null;
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  const until = Date.parse(text);
  if (Number.isNaN(until)) return null;
  // The server's own clock says how far off its date is; ours only if it does not tell.
  const since = Date.parse(headers['date'] ?? '');
  return Math.min(Math.max(0, until - (Number.isNaN(since) ? now : since)), MAX_RETRY_AFTER_MS);
}
