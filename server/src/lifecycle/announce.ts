/** A transaction becomes events: period, access, offer and money codes, in a group dated at its purchase. */
import type { EventCode } from '../events/catalogue.ts';
import { lastPeriod, line, periodBefore, productOf, type Work } from './chain.ts';
import type { Facts, OfferFact, TransactionFact } from './fact.ts';
import { gradeOf } from './grades.ts';
import { add, addCharge, addMovement, closeGroup, type Group, openGroup } from './groups.ts';
import { factKey } from './ids.ts';
import { bookCredit, charged, convertCharge } from './ledger.ts';
import { isFree, nextPeriod, offerCode, sameRun } from './offers.ts';
import { type Place, replace } from './periods.ts';
import type { Period, RecordState } from './record.ts';
import { addToggle, derive, endToldBy, enter, noteStatus, speaksOf, updateEnd } from './status.ts';
import { hasAccess, isEnded, OPENING_CODE, RECOVERY_CODE, sourceOf, toggleCodes } from './transitions.ts';

const OWN_HINTS: ReadonlySet<Facts['hint']> = new Set([
  'purchase',
  'resubscribe',
  'renewal',
  'recovery',
  'plan_change',
  'offer_redeemed',
  'one_time',
  'hand_in',
]);

/** A plan change booked for later carries the running transaction, not one of its own. */
export function isBooking({ hint, status, transaction }: Facts): boolean {
  const pending = status?.pendingProductId;
  return hint === 'plan_change' && pending !== undefined && pending !== transaction?.productId;
}

/** Whether the signal is the transaction's own: then both form one group. */
export function isOwn(facts: Facts): boolean {
  return OWN_HINTS.has(facts.hint) && !isBooking(facts);
}

/** What the new period makes of the record's status, if it is the chain's newest. Returns whether access is granted by it. */
function openStatus(work: Work, group: Group, place: Place, own: boolean): boolean {
  const { record, period, as, old } = place;
  const { facts, late } = work;
  const subject = old ?? record;
  const accessBefore = old ? false : hasAccess(record.status);
  const before = record.autoRenew;
  if (old) {
    if (old.latest) record.latest = old.latest;
    if (old.toggles) record.toggles = old.toggles;
    delete old.latest;
    delete old.toggles;
    if (!isEnded(old.status)) {
      const left = lastPeriod(old);
      const key = factKey.status(left?.id ?? old.chainId, 'REPLACED');
      if (old.graceEndAt !== undefined) group.graceEnd = { record: old, at: old.graceEndAt };
      if (hasAccess(old.status) || !late) add(group, old, key, 'DEACTIVATE');
      group.ended = old;
    }
    replace(old, period.at, facts.storeTime);
  }
  if (!late) delete subject.booked;
  if (period.end) {
    record.status = period.end.status;
    updateEnd(record);
    return false;
  }
  // Known from a silent read, the period may have a status already; only the signal's own group may change it.
  const settled = period.quiet && record.latest !== undefined && speaksOf(record.latest.at, period);
  const followed = facts.history.some(({ purchasedAt }) => purchasedAt > period.at && purchasedAt <= facts.storeTime);
  const over = followed || (period.until !== undefined && period.until <= facts.storeTime);
  if (settled) return hasAccess(record.status) && !late && !over;
  const merges = own && facts.status?.state === 'active';
  if (merges) noteStatus(work, record);
  if (facts.status && !late && !merges) {
    // The status follows in a group of its own; until then nothing speaks against automatic renewal.
    if (as !== 'renewal' || before === null) record.autoRenew = true;
    openLive(record);
    return !over;
  }
  const target = derive(record);
  record.autoRenew = target.autoRenew;
  if (isEnded(target.status)) {
    period.end ??= endToldBy(record, period, target.status, facts.storeTime);
  }
  if (as === 'renewal' && !late && before !== null && before !== target.autoRenew) {
    addToggle(work, group, record, toggleCodes(target.autoRenew, target.status, target.status));
  }
  delete record.graceEndAt;
  record.status = target.status;
  if (target.status === 'IN_GRACE_PERIOD') enter(record, target.status, record.latest?.graceExpiresAt);
  updateEnd(record);
  if (!hasAccess(target.status)) return false;
  if (late) return !accessBefore;
  return merges || !over;
}

function openLive(record: RecordState): void {
  delete record.graceEndAt;
  record.status = record.autoRenew === false ? 'AUTO_RENEWING_CANCELED' : 'AUTO_RENEWING';
  updateEnd(record);
}

/** Offer codes of the chain's newest period. */
function offersOfNewest(
  group: Group,
  { record, period, as }: Place,
  run: OfferFact | undefined,
  before: Period | undefined,
  known: boolean,
): void {
  const key = factKey.transaction(period.id);
  if (!known) {
    // First met in mid-life: the offer may have begun before.
    if (period.offer) record.run = period.offer;
    return;
  }
  const change = nextPeriod(run, as === 'reactivation' ? undefined : before?.offer, period);
  if (change.run) record.run = change.run;
  else delete record.run;
  if (record.familyShared) return;
  if (change.close) {
    const { offer, step } = change.close;
    group.items.push({ record, code: offerCode(offer, step), key, offer });
    period.closed = true;
  }
  if (change.start) add(group, record, key, offerCode(change.start, 'STARTED'));
}

/** A period told of after its own end: its run, if it opened one, is over with it. */
function closeRunOfEnded(group: Group, record: RecordState, period: Period): void {
  if (!period.end || !record.run) return;
  const offer = record.run;
  delete record.run;
  if (record.familyShared || period.end.closedRun) return;
  period.end = { ...period.end, closedRun: true };
  group.items.push({
    record,
    code: offerCode(offer, 'NOT_CONVERTED'),
    key: factKey.status(period.id, period.end.status),
    offer,
  });
}

/** Offer codes of a period that others have followed: its run is closed already, or closes with the period after it. */
function offersOfEarlier(work: Work, group: Group, place: Place, before: Period | undefined, key: string): () => void {
  const { record, period } = place;
  const nothing = (): void => {};
  if (record.familyShared) return nothing;
  const after = record.periods[record.periods.indexOf(period) + 1];
  const { offer } = period;
  const ran = before?.offer;
  if (ran && !before.end && !sameRun(ran, offer) && !period.closed && !after?.closed && (offer || !isFree(period))) {
    const step = offer && isFree(period) ? 'NOT_CONVERTED' : 'CONVERTED';
    group.items.push({ record, code: offerCode(ran, step), key, offer: ran });
    period.closed = true;
    if (sameRun(record.run, ran)) delete record.run;
  }
  if (!offer || sameRun(ran, offer)) return nothing;
  const follows = after !== undefined && sameRun(after.offer, offer);
  if (follows && before) return nothing;
  add(group, record, key, offerCode(offer, 'STARTED'));
  if (follows || !after || after.closed || after.quiet || (!after.offer && isFree(after))) return nothing;
  const step = after.offer && isFree(after) ? 'NOT_CONVERTED' : 'CONVERTED';
  return () => {
    after.closed = true;
    const closing = openGroup(after.at);
    closing.announced = after;
    closing.items.push({ record, code: offerCode(offer, step), key: factKey.transaction(after.id), offer });
    closeGroup(work, closing);
  };
}

/** Books and emits the charge; a price the store did not say leaves a debt that a later sighting pays. */
function charge(work: Work, group: Group, record: RecordState, period: Period): void {
  delete period.quiet;
  if (record.familyShared) return;
  if (period.price === undefined && !isFree(period)) {
    period.owes =
      sourceOf(new Set(group.items.filter((item) => item.record === record).map((item) => item.code))) ?? 'ACTIVATE';
    work.notes.add('unpriced_movement');
    return;
  }
  convertCharge(record, period, work.input);
  if (charged(record, period) > 0) addCharge(work, group, record, period);
}

/** A movement that was unpriced and now has its price: alone in its group, under the name it would have had. */
export function payDebt(work: Work, record: RecordState, period: Period): void {
  if (period.owes === undefined || period.price === undefined) return;
  const source = period.owes;
  delete period.owes;
  convertCharge(record, period, work.input);
  const group = openGroup(period.at);
  group.announced = period;
  if (charged(record, period) > 0) addCharge(work, group, record, period, source);
  closeGroup(work, group);
}

/** The unused part of the old period goes back when a plan changes before its end. */
function credit(
  work: Work,
  group: Group,
  old: RecordState,
  period: Period,
  changedAt: number,
  source: EventCode | undefined,
): void {
  if (period.quiet || old.familyShared) return;
  const movement = bookCredit(old, period, changedAt, work.input.currency);
  if (movement) addMovement(work, group, old, period, movement, source);
}

/** The period of the old record that the change cut short. */
function cutShort(old: RecordState, changedAt: number): Period | undefined {
  return old.periods.findLast((period) => period.at <= changedAt);
}

/**
 * Adds the codes of one transaction and closes its group. `fact` is only read for its place; `known` = something came before it
 * that we know of, or it opens the chain.
 */
export function announce(work: Work, place: Place, fact: TransactionFact, known: boolean): void {
  const { record, period, as, newest, old } = place;
  const { facts } = work;
  const own = fact === facts.transaction && isOwn(facts);
  const key = factKey.transaction(period.id);
  const group = openGroup(period.at);
  group.announced = period;
  const before = old ? cutShort(old, period.at) : periodBefore(record, period);
  const trouble = newest && !work.late ? record.status : before?.trouble;
  const graceEndAt = record.graceEndAt;
  let opening = as === 'plan_change' ? undefined : OPENING_CODE[as];
  if (as === 'plan_change') {
    const oldProductId = old ? (before?.productId ?? old.productId) : undefined;
    const booked =
      old?.booked && (old.booked.productId ?? fact.productId) === fact.productId ? old.booked.grade : undefined;
    const word = own && facts.hint === 'plan_change' ? facts.grade : undefined;
    opening = OPENING_CODE[gradeOf(work, oldProductId, fact.productId, word ?? booked)];
    if (old) {
      record.from = {
        recordId: old.id,
        productId: oldProductId ?? old.productId,
        offerType: before?.offer?.kind ?? 'NONE',
      };
    }
  }
  // Known from a silent read, the period is the open run's newest itself: what ran before it is what counts.
  const run = period.quiet ? (before?.end && !before.end.replaced ? undefined : before?.offer) : (old ?? record).run;
  const access = newest && openStatus(work, group, place, own);
  if (access) add(group, record, key, 'ACTIVATE');
  if (opening) add(group, record, key, opening);
  if (opening && (as === 'start' || as === 'plan_change')) record.opened = opening;
  if (as === 'renewal' && (trouble === 'IN_GRACE_PERIOD' || trouble === 'ON_HOLD')) {
    add(group, record, key, RECOVERY_CODE[trouble]);
    if (trouble === 'IN_GRACE_PERIOD' && graceEndAt !== undefined) group.graceEnd = { record, at: graceEndAt };
  }
  let after = (): void => {};
  if (newest) {
    offersOfNewest(group, place, run, before, known);
    closeRunOfEnded(group, record, period);
  } else after = offersOfEarlier(work, group, place, before, key);
  charge(work, group, record, period);
  if (old && before && !period.renewal) credit(work, group, old, before, period.at, opening);
  closeGroup(work, group);
  after();
}

/**
 * Credits of plan changes that could not be taken when they were told, because the old transaction, or the one that made the
 * change, came late. A purchase of another product within a period is a change, unless that period had really ended.
 */
export function creditLate(work: Work): void {
  const entries = line(work);
  for (const [index, { record: next, period: opening }] of entries.entries()) {
    const before = entries[index - 1];
    if (!before || opening.renewal || opening.quiet) continue;
    const { record: old, period } = before;
    const over = period.end && !period.end.replaced && !period.end.assumed;
    if (over || productOf(old, period) === productOf(next, opening)) continue;
    const group = openGroup(opening.at);
    group.corrected = period;
    credit(work, group, old, period, opening.at, next === old ? undefined : next.opened);
    closeGroup(work, group);
  }
}
