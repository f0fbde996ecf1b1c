/** Where a transaction belongs: which record, at which place, and as what. */
import { current, type Entry, isBefore, lastPeriod, line, productOf, type Work } from './chain.ts';
import type { TransactionFact } from './fact.ts';
import { recordId } from './ids.ts';
import type { Period, RecordState } from './record.ts';
import { isEnded } from './transitions.ts';

export function periodOf(work: Work, fact: TransactionFact): Period {
  const shownAt = Math.max(work.facts.storeTime, fact === work.facts.transaction ? 0 : fact.purchasedAt);
  const period: Period = { id: fact.id, at: fact.purchasedAt, seen: [shownAt, shownAt] };
  if (fact.expiresAt !== undefined) period.until = fact.expiresAt;
  if (fact.price) period.price = fact.price.amount;
  if (fact.offer.kind !== 'NONE') period.offer = fact.offer;
  if (fact.reason === 'renewal') period.renewal = true;
  return period;
}

export function createRecord(work: Work, fact: TransactionFact, openingTransactionId: string): RecordState {
  const { facts, input } = work;
  const subscription = fact.purchaseType === 'RENEWING_SUBSCRIPTION';
  let id = recordId(subscription ? 'subs' : 'otp', facts, openingTransactionId);
  // A chain first met in mid-life took the chain's own id as its opening; the true opening may still turn up as another plan run.
  for (let n = 2; work.records.some((record) => record.id === id); n += 1) {
    id = recordId(subscription ? 'subs' : 'otp', facts, `${openingTransactionId}#${n}`);
  }
  const { owner } = input;
  const record: RecordState = {
    id,
    store: facts.store,
    environment: facts.environment,
    bundleId: facts.bundleId,
    chainId: facts.chainId,
    purchaseType: fact.purchaseType,
    productId: fact.productId,
    status: null,
    sequence: 0,
    ownerId: owner?.id ?? null,
    familyShared: fact.familyShared,
    openedAt: fact.purchasedAt,
    effectiveEndAt: fact.expiresAt ?? null,
    periods: [],
    originalAt: fact.originalPurchasedAt,
    autoRenew: null,
  };
  if (owner?.deviceId || owner?.deviceType) {
    record.device = {
      ...(owner.deviceId ? { id: owner.deviceId } : {}),
      ...(owner.deviceType ? { type: owner.deviceType } : {}),
    };
  }
  work.records.push(record);
  return record;
}

/** Puts a period in its place and keeps what holds for the whole record up to date. */
export function insert(work: Work, record: RecordState, period: Period, fact: TransactionFact): void {
  const index = record.periods.findIndex((other) => isBefore(period, other));
  const isNewest = index < 0;
  if (fact.price && record.currency === undefined) record.currency = fact.price.currency;
  if (fact.price && fact.price.currency !== record.currency) period.currency = fact.price.currency;
  if (fact.productId !== record.productId) {
    if (isNewest) {
      // A return may come with another plan: the periods before keep the name of theirs.
      for (const other of record.periods) other.productId ??= record.productId;
      record.productId = fact.productId;
    } else period.productId = fact.productId;
  }
  record.periods.splice(isNewest ? record.periods.length : index, 0, period);
  record.openedAt = Math.min(record.openedAt, period.at);
  describe(record, fact, isNewest);
  forgetOldSightings(work);
}

/** What a transaction tells of its record beside its own period. */
function describe(record: RecordState, fact: TransactionFact, isNewest: boolean): void {
  record.originalAt = Math.min(record.originalAt, fact.originalPurchasedAt);
  if (!isNewest) return;
  if (fact.country) record.country = fact.country;
  if (fact.purchaseToken) record.purchaseToken = fact.purchaseToken;
}

/** Only the newest period's sightings decide anything: whether a status was told with the period in view. */
function forgetOldSightings(work: Work): void {
  const entries = line(work);
  for (const { period } of entries.slice(0, -1)) delete period.seen;
}

/** A transaction we knew, shown again: its price may have become known, its end may have moved. */
export function refresh(work: Work, { record, period }: Entry, fact: TransactionFact): void {
  const { storeTime } = work.facts;
  if (fact.price && period.price === undefined) {
    period.price = fact.price.amount;
    record.currency ??= fact.price.currency;
    if (fact.price.currency !== record.currency) period.currency = fact.price.currency;
  }
  if (!period.seen) return;
  const [first, last] = period.seen;
  if (fact.expiresAt !== undefined && period.until !== undefined && fact.expiresAt !== period.until) {
    const paidUntil = Math.min(period.paidUntil ?? period.until, fact.expiresAt);
    if (storeTime >= last) period.until = fact.expiresAt;
    if (paidUntil === period.until) delete period.paidUntil;
    else period.paidUntil = paidUntil;
  }
  period.seen = [Math.min(first, storeTime), Math.max(last, storeTime)];
  if (storeTime < first) ownEnd(work, period);
  if (storeTime >= last) describe(record, fact, true);
}

export interface Place {
  record: RecordState;
  period: Period;
  as: 'start' | 'renewal' | 'reactivation' | 'plan_change';
  /** The chain's newest period: the one its status speaks of. */
  newest: boolean;
  /** Plan change: the record that was left. */
  old?: RecordState;
}

/** Whether nothing of the chain can lie before the transaction. */
export function opensChain(work: Work, fact: TransactionFact): boolean {
  return fact.id === work.facts.chainId || (fact === work.facts.transaction && work.facts.hint === 'purchase');
}

/** Back after an end that we were never told of: a purchase by the customer, after the end of what we know. */
export function returnsAfterEnd(work: Work, record: RecordState, fact: TransactionFact): boolean {
  const { hint } = work.facts;
  const own = fact === work.facts.transaction;
  if (own && hint === 'resubscribe') return true;
  if (own && (hint === 'plan_change' || hint === 'offer_redeemed')) return false;
  return fact.reason === 'purchase' && record.effectiveEndAt !== null && fact.purchasedAt >= record.effectiveEndAt;
}

/** An end that was told when the store already knew `period` ended this one, not the one before. */
function takeEnd(before: Period, period: Period, shownAt: number): boolean {
  if (!before.end || before.end.replaced || before.end.toldAt <= shownAt) return false;
  period.end = before.end;
  delete before.end;
  return true;
}

/** The newest period turns out to be older than an end we put down to the one before: it was its own. */
function ownEnd(work: Work, period: Period): void {
  const before = line(work).at(-2)?.period;
  const own = period.end;
  const moved = { ...period };
  if (!before || !own || own.replaced || !takeEnd(before, moved, work.facts.storeTime) || !moved.end) return;
  if (moved.end.toldAt < own.toldAt) period.end = { ...moved.end, ...(own.closedRun ? { closedRun: true } : {}) };
}

/** A newer transaction than all we know. `record` is the chain's running or last one. */
function placeNewest(work: Work, record: RecordState, fact: TransactionFact): Place {
  const period = periodOf(work, fact);
  const before = lastPeriod(record);
  if (before && takeEnd(before, period, work.facts.storeTime)) {
    insert(work, record, period, fact);
    return { record, period, as: 'renewal', newest: true };
  }
  const ended = isEnded(record.status);
  if (ended && record.chainId !== work.facts.chainId) {
    record.chainId = work.facts.chainId;
    delete record.latest;
  }
  if (!ended && before && fact.productId !== record.productId) {
    const created = createRecord(work, fact, fact.id);
    insert(work, created, period, fact);
    return { record: created, period, as: 'plan_change', newest: true, old: record };
  }
  insert(work, record, period, fact);
  if (ended) return { record, period, as: 'reactivation', newest: true };
  if (!before && fact === work.facts.transaction && work.facts.hint === 'plan_change' && record.status === null) {
    return { record, period, as: 'plan_change', newest: true };
  }
  return { record, period, as: before || !opensChain(work, fact) ? 'renewal' : 'start', newest: true };
}

/** A transaction older than the newest we know. */
function placeEarlier(work: Work, before: Entry | undefined, after: Entry, fact: TransactionFact): Place {
  const period = periodOf(work, fact);
  delete period.seen;
  if (before) takeEnd(before.period, period, work.facts.storeTime);
  if (before && productOf(before.record, before.period) === fact.productId) {
    const { end } = before.period;
    insert(work, before.record, period, fact);
    return { record: before.record, period, as: end && !end.replaced ? 'reactivation' : 'renewal', newest: false };
  }
  if (productOf(after.record, after.period) === fact.productId) {
    insert(work, after.record, period, fact);
    if (before?.record === after.record || after.record.opened)
      return { record: after.record, period, as: 'renewal', newest: false };
    return before
      ? { record: after.record, period, as: 'plan_change', newest: false, old: before.record }
      : { record: after.record, period, as: opensChain(work, fact) ? 'start' : 'renewal', newest: false };
  }
  // A plan run between or before those we know. It was replaced by the one that follows.
  const created = createRecord(work, fact, fact.id);
  insert(work, created, period, fact);
  replace(created, after.period.at, work.facts.storeTime);
  if (!after.record.from) {
    const offerType = period.offer?.kind ?? 'NONE';
    after.record.from = { recordId: created.id, productId: created.productId, offerType };
  }
  if (before) return { record: created, period, as: 'plan_change', newest: false, old: before.record };
  return { record: created, period, as: opensChain(work, fact) ? 'start' : 'renewal', newest: false };
}

/** The old side of a plan change: over, without an end of its own. */
export function replace(record: RecordState, at: number, toldAt: number): void {
  const last = lastPeriod(record);
  if (last) last.end = { status: 'DEACTIVATED', toldAt, at, replaced: true };
  record.status = 'DEACTIVATED';
  record.effectiveEndAt = at;
  delete record.graceEndAt;
  delete record.booked;
  delete record.run;
}

export function place(work: Work, fact: TransactionFact): Place {
  const entries = line(work);
  const record = current(work);
  if (!record) throw new Error('a chain without a record has no place for a transaction');
  const after = entries.find((entry) => isBefore({ at: fact.purchasedAt, id: fact.id }, entry.period));
  if (!after) return placeNewest(work, record, fact);
  return placeEarlier(work, entries[entries.indexOf(after) - 1], after, fact);
}

/** A period known from a silent read, now announced: as what it stands where it is. */
export function placeKnown(work: Work, { record, period }: Entry, fact: TransactionFact): Place {
  const entries = line(work);
  const index = entries.findIndex((entry) => entry.period === period);
  const before = entries[index - 1];
  const newest = index === entries.length - 1;
  if (!before) return { record, period, as: opensChain(work, fact) ? 'start' : 'renewal', newest };
  if (before.record !== record && !record.opened && record.periods[0] === period) {
    return { record, period, as: 'plan_change', newest, old: before.record };
  }
  const own = before.record === record;
  return {
    record,
    period,
    as: own && before.period.end && !before.period.end.replaced ? 'reactivation' : 'renewal',
    newest,
  };
}
