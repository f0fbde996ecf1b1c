/** The status of the running record: what the newest word of the store, or a new period without such a word, makes of it. */
import type { EventCode } from '../events/catalogue.ts';
import type { SubscriptionStatus } from '../events/event.ts';
import { lastPeriod, type Work } from './chain.ts';
import type { StatusFact } from './fact.ts';
import { add, type Group, hasCode, noticeKey, openGroup } from './groups.ts';
import { factKey } from './ids.ts';
import { offerCode } from './offers.ts';
import type { Period, PeriodEnd, RecordState } from './record.ts';
import { isEnded, statusCodes, toggleCodes } from './transitions.ts';

/** Store, on an end: billing → `UNPAID`, anything else → `DEACTIVATED`; without a reason, only failed payment ends a renewing one. */
export function endStatus(status: Pick<StatusFact, 'endReason' | 'autoRenew'>): 'UNPAID' | 'DEACTIVATED' {
  if (status.endReason !== undefined) return status.endReason === 'billing' ? 'UNPAID' : 'DEACTIVATED';
  return status.autoRenew === true ? 'UNPAID' : 'DEACTIVATED';
}

function live(autoRenew: boolean | null): SubscriptionStatus {
  return autoRenew === false ? 'AUTO_RENEWING_CANCELED' : 'AUTO_RENEWING';
}

/** Whether the store already knew the period when it told the status: an older word says nothing of it. */
export function speaksOf(toldAt: number, period: Period | undefined): boolean {
  return period?.seen === undefined || toldAt >= period.seen[0];
}

/**
 * What the record's facts make of its status: an end told for its newest period, else the newest status told with that period in
 * view, else running with automatic renewal on (a purchase or renewal proves it was on).
 */
export function derive(record: RecordState): { status: SubscriptionStatus; autoRenew: boolean } {
  const last = lastPeriod(record);
  const told = record.latest && speaksOf(record.latest.at, last) ? record.latest : undefined;
  const autoRenew = told ? (told.autoRenew ?? record.autoRenew ?? true) : true;
  if (last?.end) return { status: last.end.status, autoRenew };
  switch (told?.state) {
    case 'grace':
      return { status: 'IN_GRACE_PERIOD', autoRenew };
    case 'retry':
      return { status: 'ON_HOLD', autoRenew };
    case 'expired':
      return { status: endStatus(told), autoRenew };
    case 'revoked':
      return { status: 'REVOKED', autoRenew };
    // A pause needs its own rows (booked, begun, resumed): until they exist the record stays as it is.
    case 'paused':
      return { status: isEnded(record.status) ? 'AUTO_RENEWING' : (record.status ?? 'AUTO_RENEWING'), autoRenew };
    default:
      return { status: live(autoRenew), autoRenew };
  }
}

/** When access ended: with the refund, or with the period or its grace, but never after the store told of the end. */
export function endedAt(period: Period, end: Omit<PeriodEnd, 'at'> & { at?: number }): number {
  if (end.replaced && end.at !== undefined) return end.at;
  if (end.status === 'REVOKED') return period.refunds?.findLast(({ at }) => at <= end.toldAt)?.at ?? end.toldAt;
  return Math.min(period.graceUntil ?? period.until ?? end.toldAt, end.toldAt);
}

/** An end that the newest status tells of a period it was told with in view. */
export function endToldBy(record: RecordState, period: Period, status: SubscriptionStatus, toldAt: number): PeriodEnd {
  const told = {
    status: status === 'REVOKED' || status === 'UNPAID' ? status : 'DEACTIVATED',
    toldAt: record.latest?.at ?? toldAt,
  } as const;
  return { ...told, at: endedAt(period, told) };
}

/** End of access as far as known. On hold and after a lapse it ended with the grace or the period, whatever was told first. */
export function updateEnd(record: RecordState): void {
  const last = lastPeriod(record);
  if (!last) return;
  const until = last.until ?? null;
  const withGrace = last.graceUntil ?? until;
  if (last.end) {
    last.end = { ...last.end, at: endedAt(last, last.end) };
    record.effectiveEndAt = last.end.at;
  } else if (record.status === 'IN_GRACE_PERIOD') record.effectiveEndAt = record.graceEndAt ?? withGrace;
  else record.effectiveEndAt = record.status === 'ON_HOLD' ? withGrace : until;
}

/** Remembers the end of a grace, also one told late: it decides when access ended. */
export function noteGrace(work: Work, record: RecordState): void {
  const { status, storeTime } = work.facts;
  const last = lastPeriod(record);
  if (!last || status?.state !== 'grace' || status.graceExpiresAt === undefined || !speaksOf(storeTime, last)) return;
  last.graceUntil = Math.max(last.graceUntil ?? 0, status.graceExpiresAt);
}

/** Sets a status, counting what is left, and remembers what only some statuses have. */
export function enter(record: RecordState, status: SubscriptionStatus, graceEndAt?: number): void {
  const last = lastPeriod(record);
  if (last && record.status !== null && record.status !== status) {
    last.left = { ...last.left, [record.status]: (last.left?.[record.status] ?? 0) + 1 };
  }
  record.status = status;
  if (status === 'IN_GRACE_PERIOD') {
    if (graceEndAt !== undefined) record.graceEndAt = graceEndAt;
  } else delete record.graceEndAt;
  if (last && (status === 'IN_GRACE_PERIOD' || status === 'ON_HOLD')) last.trouble = status;
  updateEnd(record);
}

function enteredKey(record: RecordState, status: SubscriptionStatus): string {
  const last = lastPeriod(record);
  return factKey.status(last?.id ?? record.chainId, status, (last?.left?.[status] ?? 0) + 1);
}

/** Codes and state of an end. The first end stays: callers have checked that the record has not ended. */
export function endRecord(group: Group, record: RecordState, end: PeriodEnd, cancelledNow = false): void {
  const before = record.status ?? 'AUTO_RENEWING';
  const last = lastPeriod(record);
  const revoked = end.status === 'REVOKED';
  const revocation = 1 + (last?.reversals ?? []).filter((at) => at < end.toldAt).length;
  const key = revoked && last ? factKey.revocation(last.id, revocation) : enteredKey(record, end.status);
  if (record.graceEndAt !== undefined) group.graceEnd = { record, at: record.graceEndAt };
  for (const code of statusCodes(before, end.status, cancelledNow)) {
    if (code !== 'SUBSCRIPTION_REFUNDED_REVOKED') add(group, record, key, code);
    else if (record.familyShared) add(group, record, key, 'FAMILY_SHARED_REVOKED');
    else if (!last?.revocations?.includes(revocation)) add(group, record, key, code);
  }
  if (revoked && last) last.revocations = [...(last.revocations ?? []), revocation];
  const { run } = record;
  delete record.run;
  if (run && !record.familyShared) group.items.push({ record, code: offerCode(run, 'NOT_CONVERTED'), key, offer: run });
  if (last) last.end = run ? { ...end, closedRun: true } : end;
  group.ended = record;
  enter(record, end.status);
}

/** The end a status tells of, dated at the end of access. A store that ends at once ends before the nominal date. */
function endOf(record: RecordState, status: StatusFact, toldAt: number): PeriodEnd {
  const last = lastPeriod(record);
  const told = { status: status.state === 'revoked' ? 'REVOKED' : endStatus(status), toldAt } as const;
  return { ...told, at: last ? endedAt(last, told) : toldAt };
}

/** A late word on an end that came before the one we know: the first end of a period counts, without a new event. */
export function correctEnd(work: Work): void {
  const { facts } = work;
  const state = facts.status?.state;
  if (!facts.status || (state !== 'expired' && state !== 'revoked')) return;
  for (const record of work.records) {
    const last = lastPeriod(record);
    if (!last?.end || last.end.replaced || !record.latest) continue;
    const reversed = (last.reversals ?? []).some((at) => at > facts.storeTime && at < (last.until ?? at));
    if (reversed || facts.storeTime >= last.end.toldAt || !speaksOf(facts.storeTime, last)) continue;
    last.end = { ...endOf(record, facts.status, facts.storeTime), ...(last.end.closedRun ? { closedRun: true } : {}) };
    record.status = last.end.status;
    updateEnd(record);
  }
}

/** Remembers the newest word of the store, whatever becomes of it. */
export function noteStatus(work: Work, record: RecordState): void {
  const { facts } = work;
  if (!facts.status || work.late) return;
  record.latest = { ...facts.status, at: facts.storeTime };
}

/**
 * Adds the codes of a switch of automatic renewal. One word of the store may switch it twice: once for the period we knew, and
 * again for one that we had taken for newer than that word.
 */
export function addToggle(work: Work, group: Group, record: RecordState, codes: readonly EventCode[]): void {
  const base = noticeKey(work, group.occurredAt);
  const kind = codes.includes('RENEWAL_ENABLED') ? 'RENEWAL_ENABLED' : 'RENEWAL_DISABLED';
  const last = record.toggles?.[kind];
  const times = last?.key === base ? last.times + 1 : 1;
  record.toggles = { ...record.toggles, [kind]: { key: base, times } };
  const key = times === 1 ? base : `${base}:${times}`;
  add(group, record, key, ...codes.filter((code) => !hasCode(group, record, code)));
}

/**
 * Compares the store's newest word with the record and adds what changed: toggles, trouble, end. Usually that word is this
 * signal's; it is an older one when the transaction it spoke of became known only now. Returns the group the codes went to:
 * `group`, or one of its own, dated at the end of access, where the record lapsed.
 */
export function settle(work: Work, group: Group, record: RecordState): Group {
  const { facts } = work;
  const told = record.latest;
  if (!told || record.status === null || isEnded(record.status) || !speaksOf(told.at, lastPeriod(record))) return group;
  const before = record.status;
  const target = derive(record);
  const ends = isEnded(target.status);
  const asked = facts.hint === 'toggle' && told.at === facts.storeTime;
  // A snapshot that ends the record shows automatic renewal off: that is no act of the customer, unless the store says so.
  const toggled = target.autoRenew !== record.autoRenew && record.autoRenew !== null && (!ends || asked);
  const cancelled = toggled && !target.autoRenew;
  record.autoRenew = target.autoRenew;
  let into = told.at === facts.storeTime ? group : openGroup(told.at);
  if (ends) {
    const end = endOf(record, told, told.at);
    if (end.status !== 'REVOKED') into = openGroup(end.at);
    else into.occurredAt = end.at;
    endRecord(into, record, end, cancelled);
  } else if (target.status !== before) {
    const resumes = before === 'ON_HOLD' && target.status !== 'IN_GRACE_PERIOD';
    const key = resumes ? noticeKey(work, into.occurredAt) : enteredKey(record, target.status);
    if (record.graceEndAt !== undefined) into.graceEnd = { record, at: record.graceEndAt };
    add(into, record, key, ...statusCodes(before, target.status, cancelled));
    enter(record, target.status, told.graceExpiresAt);
  } else if (target.status === 'IN_GRACE_PERIOD' && told.graceExpiresAt !== undefined) {
    record.graceEndAt = told.graceExpiresAt;
    updateEnd(record);
  }
  if (toggled) addToggle(work, into, record, toggleCodes(target.autoRenew, before, target.status));
  return into;
}
