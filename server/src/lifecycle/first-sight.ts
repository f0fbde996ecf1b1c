/** A chain met for the first time: its record is created from what the store shows, silently, as it was before this signal. */
import { isOwn } from './announce.ts';
import { adopt, current, find, isBefore, isSubscription, lastPeriod, productOf, type Work } from './chain.ts';
import type { TransactionFact } from './fact.ts';
import { noteRefund } from './corrections.ts';
import { createRecord, insert, opensChain, periodOf, place, replace } from './periods.ts';
import type { RecordState } from './record.ts';
import { enter, updateEnd } from './status.ts';
import { isEnded } from './transitions.ts';

const HOUR = 3_600_000;

/** Adds a transaction of the history without a word; announced once a signal of its own, or one about it, arrives. */
export function addQuietly(work: Work, record: RecordState, fact: TransactionFact): RecordState {
  const period = periodOf(work, fact);
  period.quiet = true;
  noteRefund(period, fact);
  const before = lastPeriod(record);
  if (before && productOf(record, before) !== fact.productId) {
    const returned = fact.reason === 'purchase' && before.until !== undefined && fact.purchasedAt >= before.until;
    if (!returned) {
      const created = createRecord(work, fact, fact.id);
      insert(work, created, period, fact);
      created.status = 'AUTO_RENEWING';
      if (record.latest) created.latest = record.latest;
      delete record.latest;
      const offerType = before.offer?.kind ?? 'NONE';
      created.from = { recordId: record.id, productId: productOf(record, before), offerType };
      replace(record, period.at, work.facts.storeTime);
      return created;
    }
  }
  if (before?.until !== undefined && fact.reason === 'purchase' && fact.purchasedAt >= before.until) {
    before.end = { status: 'DEACTIVATED', toldAt: fact.purchasedAt, at: before.until, assumed: true };
  }
  insert(work, record, period, fact);
  if (period.offer) record.run = period.offer;
  else delete record.run;
  updateEnd(record);
  return record;
}

/** How the record stood before the signal, as far as the signal's kind tells. */
function assumePrior(work: Work, record: RecordState): void {
  const { hint, status, transaction } = work.facts;
  const last = lastPeriod(record);
  record.autoRenew = status?.autoRenew ?? true;
  record.status = record.autoRenew ? 'AUTO_RENEWING' : 'AUTO_RENEWING_CANCELED';
  if (hint === 'recovery' && transaction) {
    // Apple tells a recovery, not from what: within an hour of the end it was the grace period.
    const gap = last?.until === undefined ? HOUR + 1 : transaction.purchasedAt - last.until;
    enter(record, gap > HOUR ? 'ON_HOLD' : 'IN_GRACE_PERIOD');
  }
  if (hint === 'resubscribe') {
    const at = last?.until ?? transaction?.purchasedAt ?? work.facts.storeTime;
    record.status = 'DEACTIVATED';
    record.effectiveEndAt = at;
    delete record.run;
    if (last) last.end = { status: 'DEACTIVATED', toldAt: at, at };
  }
}

/**
 * Makes sure the chain has a record. Returns whether the signal's transaction begins it, so that nothing of it precedes.
 * Without a history the record of an unknown chain opens with the chain's own id.
 */
export function meet(work: Work): boolean {
  const { facts, input } = work;
  if (current(work)) return true;
  const { transaction } = facts;
  const history = facts.history.filter((fact) => isSubscription(fact) && (!transaction || precedes(fact, transaction)));
  const changes = facts.hint === 'plan_change' && isOwn(facts);
  const begins = transaction !== undefined && (opensChain(work, transaction) || changes);
  if (begins && input.returning && !transaction.familyShared && isEnded(input.returning.status)) {
    const record = adopt(work, input.returning);
    const last = lastPeriod(record);
    record.chainId = facts.chainId;
    // What the other chain was told has nothing to say here.
    delete record.latest;
    if (last?.end) last.end = { ...last.end, toldAt: Math.min(last.end.toldAt, last.at) };
    return true;
  }
  const first = history[0] ?? transaction;
  if (!first) return false;
  let record = createRecord(work, first, openingOf(work, history[0], begins));
  for (const fact of history) record = addQuietly(work, record, fact);
  if (begins && history.length === 0) record.status = null;
  else assumePrior(work, record);
  return begins || history.length > 0 || facts.hint === 'resubscribe' || facts.hint === 'offer_redeemed';
}

export function precedes(fact: TransactionFact, other: TransactionFact): boolean {
  return (
    fact.id !== other.id && isBefore({ at: fact.purchasedAt, id: fact.id }, { at: other.purchasedAt, id: other.id })
  );
}

/**
 * What the history holds after the signal's transaction is kept silently until it is told of. An answer may be newer than the
 * signal it was asked for: what was bought after that has a signal of its own to come and is left to it.
 */
export function addLaterQuietly(work: Work): void {
  const { history, transaction, storeTime } = work.facts;
  for (const fact of history) {
    const record = current(work);
    const newest = record && lastPeriod(record);
    if (!record || !isSubscription(fact) || find(work, fact.id)) continue;
    if (!transaction || !precedes(transaction, fact) || fact.purchasedAt > storeTime) continue;
    if (!newest || isBefore(newest, { at: fact.purchasedAt, id: fact.id })) addQuietly(work, record, fact);
    else {
      const placed = place(work, fact);
      placed.period.quiet = true;
      noteRefund(placed.period, fact);
    }
  }
}

/** The transaction that opened the oldest plan run we can see. */
function openingOf({ facts }: Work, oldest: TransactionFact | undefined, begins: boolean): string {
  const { transaction } = facts;
  if (!oldest) return begins && transaction ? transaction.id : facts.chainId;
  const older =
    transaction &&
    isBefore({ at: transaction.purchasedAt, id: transaction.id }, { at: oldest.purchasedAt, id: oldest.id });
  return older && transaction.productId === oldest.productId ? transaction.id : oldest.id;
}

/** What a signal about a record's trouble or toggle says of the moment before it, once its transaction stands. */
export function assumeTrouble(work: Work, record: RecordState): void {
  const { hint, status } = work.facts;
  if (isEnded(record.status)) return;
  if (hint === 'grace_expired') enter(record, 'IN_GRACE_PERIOD', status?.graceExpiresAt);
  if (hint === 'toggle' && status?.autoRenew !== undefined) {
    record.autoRenew = !status.autoRenew;
    record.status = record.autoRenew ? 'AUTO_RENEWING' : 'AUTO_RENEWING_CANCELED';
  }
}
