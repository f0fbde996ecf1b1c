/** One-time purchases: consumables, non-consumables and non-renewing subscriptions. Each transaction is a record of its own. */
import { type Entry, find, type Work } from './chain.ts';
import { correctOneTime, correctSubscription, noteRefund, noteReversal } from './corrections.ts';
import type { TransactionFact } from './fact.ts';
import { add, addCharge, closeGroup, type Group, openGroup } from './groups.ts';
import { factKey } from './ids.ts';
import { charged, convertCharge, isFullyRefunded } from './ledger.ts';
import { isFree } from './offers.ts';
import { createRecord, insert, periodOf, refresh } from './periods.ts';
import { payDebt } from './announce.ts';
import { endRecord } from './status.ts';
import { isEnded } from './transitions.ts';

/** Scenarios 58–60. A non-renewing subscription runs, by nature without renewal; it ends by itself only if its plan has a duration. */
function buy(work: Work, fact: TransactionFact): Entry {
  const record = createRecord(work, fact, fact.id);
  const period = periodOf(work, fact);
  delete period.seen;
  const duration = work.input.plans.get(fact.productId)?.durationMs;
  if (fact.purchaseType === 'NON_RENEWING_SUBSCRIPTION') {
    record.status = 'AUTO_RENEWING_CANCELED';
    if (period.until === undefined && duration !== undefined) period.until = fact.purchasedAt + duration;
  }
  insert(work, record, period, fact);
  record.opened = 'SUBSCRIPTION_STARTED';
  record.effectiveEndAt = period.until ?? null;
  const group = openGroup(period.at);
  group.announced = period;
  add(group, record, factKey.transaction(period.id), 'ACTIVATE', 'SUBSCRIPTION_STARTED');
  if (!record.familyShared) {
    if (period.price === undefined && !isFree(period)) {
      period.owes = 'SUBSCRIPTION_STARTED';
      work.notes.add('unpriced_movement');
    } else {
      convertCharge(record, period, work.input);
      if (charged(record, period) > 0) addCharge(work, group, record, period);
    }
  }
  closeGroup(work, group);
  return { record, period };
}

/** Scenarios 64 and 44: a running non-renewing subscription is revoked by a full refund, and runs again when that is reversed. */
function correctNonRenewing(work: Work, group: Group, entry: Entry, before: boolean): void {
  const { record, period } = entry;
  const after = isFullyRefunded(period);
  const refund = period.refunds?.at(-1);
  if (after && !before && !isEnded(record.status) && refund) {
    endRecord(group, record, { status: 'REVOKED', toldAt: work.facts.storeTime, at: refund.at });
  }
  if (
    !after &&
    before &&
    period.end?.status === 'REVOKED' &&
    (period.until === undefined || work.facts.storeTime < period.until)
  ) {
    delete period.end;
    record.status = 'AUTO_RENEWING_CANCELED';
    record.effectiveEndAt = period.until ?? null;
    add(group, record, factKey.movement(period.id, 'refund_reversal', (period.reversals ?? []).length), 'ACTIVATE');
  }
  correctSubscription(work, group, entry, after && !before);
}

/** Scenario 61: the time is over. Told by a due timer, as no store does. */
function lapse(work: Work, { record, period }: Entry): void {
  if (work.facts.status?.state !== 'expired' || record.status === null || isEnded(record.status)) return;
  const at = Math.min(period.until ?? work.facts.storeTime, work.facts.storeTime);
  const group = openGroup(at);
  endRecord(group, record, { status: 'DEACTIVATED', toldAt: work.facts.storeTime, at });
  closeGroup(work, group);
}

export function reduceOneTime(work: Work, fact: TransactionFact): void {
  const { facts } = work;
  const known = find(work, fact.id);
  // A restored non-consumable is the purchase we have.
  const restored = !known && fact.purchaseType === 'NON_CONSUMABLE' && work.records.length > 0;
  if (restored) return;
  const entry = known ?? buy(work, fact);
  if (known) {
    refresh(work, known, fact);
    payDebt(work, known.record, known.period);
  }
  const { record, period } = entry;
  const before = isFullyRefunded(period);
  const refunded = noteRefund(period, fact);
  const reversed = facts.hint === 'refund_reversed' && noteReversal(work, period);
  const group = openGroup(refunded ? (fact.revocation?.at ?? facts.storeTime) : facts.storeTime);
  group.corrected = period;
  if (refunded || reversed) {
    if (record.status === null) correctOneTime(work, group, entry, before);
    else correctNonRenewing(work, group, entry, before);
  }
  closeGroup(work, group);
  lapse(work, entry);
}
