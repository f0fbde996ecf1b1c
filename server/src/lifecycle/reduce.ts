/**
 * The heart: records and the facts of one signal in, records and events out. Pure: no clock, no I/O, inputs are never written,
 * and no store is known by name. What the rows of the lifecycle are is in `transitions.ts`; this file is the order of work.
 */
import { announce, creditLate, isBooking, payDebt } from './announce.ts';
import { current, type Entry, find, isSubscription, lastPeriod, line, startWork, type Work } from './chain.ts';
import { correctSubscription, noteRefund, noteReversal, resume, revokeByTransaction } from './corrections.ts';
import type { TransactionFact } from './fact.ts';
import { addLaterQuietly, assumeTrouble, meet, precedes } from './first-sight.ts';
import { add, closeGroup, type Group, noticeKey, openGroup } from './groups.ts';
import { factKey } from './ids.ts';
import { reduceOneTime } from './one-time.ts';
import { place, placeKnown, refresh, returnsAfterEnd } from './periods.ts';
import type { RecordState, ReduceInput, ReduceOutput } from './record.ts';
import { correctEnd, endRecord, noteGrace, noteStatus, settle, updateEnd } from './status.ts';
import { hasAccess, isEnded } from './transitions.ts';

const KEPT_NOTICES = 8;

/** A missed end before a return, in a group of its own, dated at the end we knew. */
function endBeforeReturn(work: Work, record: RecordState, returned: TransactionFact): void {
  const at = Math.min(record.effectiveEndAt ?? returned.purchasedAt, returned.purchasedAt);
  const unpaid = (record.status === 'IN_GRACE_PERIOD' || record.status === 'ON_HOLD') && record.autoRenew !== false;
  const group = openGroup(at);
  const assumed = work.facts.hint === 'resubscribe' ? {} : { assumed: true as const };
  endRecord(group, record, { status: unpaid ? 'UNPAID' : 'DEACTIVATED', toldAt: returned.purchasedAt, at, ...assumed });
  closeGroup(work, group);
}

/** The replaced side of an immediate plan change must stand in the ledger before a credit can be taken from it. */
function announceReplaced(work: Work, record: RecordState, fact: TransactionFact): void {
  const last = lastPeriod(record);
  if (!last?.quiet || last.until === undefined || fact.reason === 'renewal' || fact.purchasedAt >= last.until) return;
  const shown = work.facts.history.find((other) => other.id === last.id);
  if (shown) announce(work, { ...placeKnown(work, { record, period: last }, shown), newest: false }, shown, true);
}

function announceKnown(work: Work, entry: Entry, fact: TransactionFact, known: boolean): void {
  announce(work, placeKnown(work, entry, fact), fact, known);
  creditLate(work);
}

/** Brings a transaction in: announced if it is new or was only known silently, else completed. */
function absorb(work: Work, fact: TransactionFact, known: boolean): Entry | undefined {
  const entry = find(work, fact.id);
  if (entry && !entry.period.quiet) {
    refresh(work, entry, fact);
    payDebt(work, entry.record, entry.period);
    creditLate(work);
    return entry;
  }
  const record = current(work);
  if (entry) {
    refresh(work, entry, fact);
    announceKnown(work, entry, fact, known);
    return entry;
  }
  if (!record) return undefined;
  const newest = lastPeriod(record);
  const follows = !newest || fact.purchasedAt > newest.at;
  if (follows && newest && !isEnded(record.status) && returnsAfterEnd(work, record, fact))
    endBeforeReturn(work, record, fact);
  if (follows && !isEnded(record.status) && newest && fact.productId !== record.productId)
    announceReplaced(work, record, fact);
  const placed = place(work, fact);
  announce(work, placed, fact, known);
  creditLate(work);
  return find(work, fact.id);
}

/** History read from the store: missed periods of a chain we know are caught up, everything else is kept silently. */
function absorbHistory(work: Work, wasKnown: boolean): Entry[] {
  const { history, transaction } = work.facts;
  const touched: Entry[] = [];
  if (!wasKnown) return touched;
  const firstSight = Math.min(...line(work).map(({ period }) => (period.quiet ? Infinity : period.at)));
  for (const fact of history) {
    if (fact.id === transaction?.id || !isSubscription(fact)) continue;
    const entry = find(work, fact.id);
    if (entry) {
      if (noteRefund(entry.period, fact) && !entry.period.quiet) touched.push(entry);
      continue;
    }
    if (transaction && !precedes(fact, transaction)) continue;
    if (transaction && fact.purchasedAt > firstSight) {
      absorb(work, fact, true);
      const added = find(work, fact.id);
      if (added && noteRefund(added.period, fact)) touched.push(added);
    } else {
      const placed = place(work, fact);
      placed.period.quiet = true;
      noteRefund(placed.period, fact);
    }
  }
  return touched;
}

/** Facts told by the signal alone: refund declined, extension, retention message. */
function notices(work: Work, group: Group, record: RecordState, entry: Entry | undefined, wasShown: boolean): void {
  const { facts } = work;
  const key = noticeKey(work, facts.storeTime);
  const code =
    facts.hint === 'refund_declined'
      ? 'ACTIVATE'
      : facts.hint === 'retention_message'
        ? 'RETENTION_MESSAGE_REQUESTED'
        : undefined;
  if (code && !work.records.some((other) => other.notices?.includes(key))) {
    const confirms = hasAccess(record.status) && !work.late;
    if (code !== 'ACTIVATE' || confirms) add(group, record, key, code);
    record.notices = [...(record.notices ?? []), key].slice(-KEPT_NOTICES);
  }
  const to = facts.deferredUntil;
  if (facts.hint === 'deferral' && to !== undefined && entry && !work.late) {
    const { period } = entry;
    const moved = period.paidUntil === undefined ? !wasShown : to > period.paidUntil;
    if (moved && period.deferredTo !== to) {
      group.deferredTo = to;
      add(group, entry.record, factKey.deferral(to), 'SUBSCRIPTION_DEFERRED');
    }
    period.deferredTo = to;
  }
}

/**
 * What was told of access must be true in the end. Almost always it is by now; a period first seen when it was over may have
 * brought a record back without a word on access, and a plan change told late may have taken it away.
 */
function confirmAccess(work: Work, group: Group): void {
  for (const record of work.records) {
    if (record.status === null || record.access === undefined) continue;
    const now = hasAccess(record.status);
    const told = group.items.findLast(
      (item) => item.record === record && (item.code === 'ACTIVATE' || item.code === 'DEACTIVATE'),
    );
    if ((told ? told.code === 'ACTIVATE' : record.access) === now) continue;
    add(group, record, noticeKey(work, work.facts.storeTime), now ? 'ACTIVATE' : 'DEACTIVATE');
  }
}

function reduceSubscription(work: Work): void {
  const { facts } = work;
  const wasKnown = current(work) !== undefined;
  const known = meet(work);
  const corrected = absorbHistory(work, wasKnown);
  const wasShown = facts.transaction !== undefined && find(work, facts.transaction.id) !== undefined;
  const entry = facts.transaction ? absorb(work, facts.transaction, known) : undefined;
  addLaterQuietly(work);
  const record = current(work);
  if (!record) return;
  if (!wasKnown) assumeTrouble(work, record);
  noteGrace(work, record);
  updateEnd(record);

  const group = openGroup(facts.storeTime);
  const refunded = entry && facts.transaction ? noteRefund(entry.period, facts.transaction) : false;
  const reversed = entry !== undefined && facts.hint === 'refund_reversed' && noteReversal(work, entry.period);
  if (refunded && facts.transaction?.revocation) group.occurredAt = facts.transaction.revocation.at;
  if (entry && (refunded || reversed)) group.corrected = entry.period;
  if (work.late) correctEnd(work);
  else noteStatus(work, record);
  if (entry && reversed) resume(work, group, entry);
  const into = settle(work, group, record);
  if (into !== group) closeGroup(work, into);
  if (!work.late) {
    if (entry && refunded) revokeByTransaction(work, group, entry);
    if (isBooking(facts) && facts.grade) {
      const productId = facts.status?.pendingProductId;
      record.booked = { grade: facts.grade, ...(productId ? { productId } : {}) };
    }
  }
  if (entry && (refunded || reversed)) correctSubscription(work, group, entry, refunded);
  else if (entry?.period.refunds) corrected.push(entry);
  notices(work, group, record, entry, wasShown);
  confirmAccess(work, group);
  closeGroup(work, group);
  if (reversed) creditLate(work);
  for (const other of corrected) {
    const at = other.period.refunds?.at(-1)?.at ?? facts.storeTime;
    const correction = openGroup(at);
    correction.corrected = other.period;
    correctSubscription(work, correction, other, other.period.revocations === undefined || other !== entry);
    closeGroup(work, correction);
  }
}

export function reduce(input: ReduceInput): ReduceOutput {
  const work = startWork(input);
  const { facts, statusAt } = input;
  if (work.late) work.notes.add('late_signal');
  if (facts.transaction && !isSubscription(facts.transaction)) reduceOneTime(work, facts.transaction);
  else reduceSubscription(work);
  return {
    records: work.records,
    events: work.events,
    statusAt: facts.status ? Math.max(statusAt ?? facts.storeTime, facts.storeTime) : statusAt,
    cumulated: work.cumulated,
    notes: [...work.notes],
  };
}
