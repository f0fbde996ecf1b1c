/** Reads the transactions of a chain: what is needed where a notification alone does not tell the story. */
import type { ReadContext, ReadResult, Snapshot, StoreAccount, VerifiedSignal } from '../store.ts';
import { type ApiAnswer, callApi } from './api.ts';
import { stringAt } from './json.ts';
import { openJws } from './jws.ts';
import { chainIdOf, contentOf } from './payload.ts';
import type { AppleSettings } from './settings.ts';

const SECOND = 1_000;
/** Waits after failed tries, then the marker `unavailable`: processing goes on with what is known. */
const FAILED_DELAYS = [1 * SECOND, 5 * SECOND, 30 * SECOND, 120 * SECOND];
const NOT_YET_DELAYS = [1 * SECOND, 5 * SECOND, 30 * SECOND];
/** While credentials are refused, Apple is asked so often, ms. */
const CREDENTIALS_PROBE = 15 * 60 * SECOND;
/** 20 transactions a page; no chain is that long, so more means an answer that turns in circles. */
const MAX_PAGES = 500;

function marker(kind: Snapshot['kind'], now: number, items: unknown[] = []): ReadResult {
  return { ok: true, snapshot: { kind, items, readAt: now } };
}

/** What an answer without a page means, after `tries` failed ones. */
function resultOf(answer: Exclude<ApiAnswer, { kind: 'ok' }>, tries: number, now: number): ReadResult {
  if (answer.kind === 'not_found' || answer.kind === 'refused') {
    return marker(answer.kind === 'not_found' ? 'not_found' : 'unavailable', now);
  }
  if (answer.kind === 'credentials') {
    return { ok: false, kind: 'credentials', delayMs: CREDENTIALS_PROBE, message: answer.message };
  }
  if (answer.kind === 'limited') {
    return {
      ok: false,
      kind: 'limited',
      delayMs: Math.max(SECOND, answer.until - now),
      message: 'rate limit of Apple',
    };
  }
  const delayMs = (answer.reason === 'later' ? NOT_YET_DELAYS : FAILED_DELAYS)[tries];
  if (delayMs === undefined) return marker('unavailable', now);
  return { ok: false, kind: 'again', delayMs, message: answer.message };
}

/**
 * Every transaction of the signal's chain, oldest first, each signed string verified at its own signed date. The answer holds
 * all the customer bought in the app; other chains are left out, they are not ours to keep here.
 */
export async function readHistory(
  signal: VerifiedSignal,
  account: StoreAccount<AppleSettings>,
  context: ReadContext & { tries?: number },
): Promise<ReadResult> {
  const { environment, bundleId, transaction } = contentOf(signal);
  const tries = context.tries ?? 0;
  const id = stringAt(transaction, 'transactionId') ?? signal.chainId;
  if (id === null) return marker('unavailable', context.clock.now());
  const failed = (message: string): ReadResult =>
    resultOf({ kind: 'again', reason: 'failed', message }, tries, context.clock.now());
  const items: string[] = [];
  const revisions = new Set<string>();
  let revision: string | undefined;
  do {
    const from = revision === undefined ? '' : `revision=${encodeURIComponent(revision)}&`;
    const path = `/inApps/v2/history/${encodeURIComponent(id)}?${from}sort=ASCENDING`;
    const answer = await callApi({ account, environment, context }, 'GET', path);
    const now = context.clock.now();
    if (answer.kind !== 'ok') return resultOf(answer, tries, now);
    const { signedTransactions, hasMore } = answer.body;
    for (const signed of Array.isArray(signedTransactions) ? signedTransactions : []) {
      const opened =
        typeof signed === 'string'
          ? openJws(signed, { now, dates: 'history', extraRoots: context.extraRoots })
          : undefined;
      if (typeof signed !== 'string' || !opened?.ok)
        return failed('a transaction in the answer is not signed by Apple');
      if (opened.payload['bundleId'] !== bundleId || opened.payload['environment'] !== environment) {
        return failed('a transaction in the answer belongs elsewhere');
      }
      if (chainIdOf(opened.payload, null) === signal.chainId) items.push(signed);
    }
    if (hasMore !== true) return marker('history', now, items);
    revision = stringAt(answer.body, 'revision');
    if (revision === undefined || revisions.has(revision)) return failed('the pages of the answer do not end');
    revisions.add(revision);
  } while (revisions.size < MAX_PAGES);
  return failed('the answer has too many pages');
}
