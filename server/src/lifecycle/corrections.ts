/** Refunds, revocations and their reversal: what a signal newly tells of them, their codes and their money. */
import { isBefore, lastPeriod, line, type Entry, type Work } from './chain.ts';
import type { TransactionFact } from './fact.ts';
import { add, addMovement, type Group, hasCode } from './groups.ts';
import { factKey } from './ids.ts';
import { bookCorrections, isFullyRefunded } from './ledger.ts';
import type { Period } from './record.ts';
import { derive, endRecord, endToldBy, enter } from './status.ts';
import { hasAccess, isEnded } from './transitions.ts';

/** Remembers a refund; one refund is known by its date. Returns whether it is new. */
export function noteRefund(period: Period, fact: TransactionFact): boolean {
  const { revocation } = fact;
  if (!revocation || period.refunds?.some((refund) => refund.at === revocation.at)) return false;
  period.refunds = [...(period.refunds ?? []), revocation].sort((a, b) => a.at - b.at);
  return true;
}

/** Remembers that all refunds up to now were reversed. Returns whether that is new. */
export function noteReversal(work: Work, period: Period): boolean {
  const { storeTime } = work.facts;
  if (period.reversals?.includes(storeTime)) return false;
  period.reversals = [...(period.reversals ?? []), storeTime].sort((a, b) => a - b);
  return true;
}

/** Which time of being refunded this is: 1 + the reversals before its newest refund. */
function revocationNumber(period: Period): number {
  const newest = period.refunds?.at(-1)?.at ?? 0;
  return 1 + (period.reversals ?? []).filter((at) => at < newest).length;
}

function addMovements(work: Work, group: Group, { record, period }: Entry): void {
  for (const movement of bookCorrections(record, period, work.input.currency))
    addMovement(work, group, record, period, movement);
}

/** Scenarios 41, 42, 45, 64 and the money of 44: `SUBSCRIPTION_REFUNDED_REVOKED` once per transaction and reversal. */
export function correctSubscription(work: Work, group: Group, entry: Entry, refunded: boolean): void {
  const { record, period } = entry;
  const n = revocationNumber(period);
  if (refunded && !record.familyShared && !period.revocations?.includes(n) && !period.quiet) {
    period.revocations = [...(period.revocations ?? []), n];
    if (!hasCode(group, record, 'SUBSCRIPTION_REFUNDED_REVOKED')) {
      add(group, record, factKey.revocation(period.id, n), 'SUBSCRIPTION_REFUNDED_REVOKED');
    }
  }
  addMovements(work, group, entry);
}

/** Scenario 44: the refund of a still running period was reversed, so it runs on. */
export function resume(work: Work, group: Group, { record, period }: Entry): void {
  const { storeTime } = work.facts;
  const running = period.until !== undefined && storeTime < period.until;
  if (period.end?.status !== 'REVOKED' || period.end.toldAt > storeTime || !running) return;
  // Who came back before the reversal came back after an end.
  if (line(work).some((entry) => isBefore(period, entry.period) && entry.period.at <= storeTime)) return;
  delete period.end;
  if (period !== lastPeriod(record) || record.status !== 'REVOKED') return;
  const target = derive(record);
  if (isEnded(target.status)) period.end = endToldBy(record, period, target.status, storeTime);
  record.autoRenew = target.autoRenew;
  enter(record, target.status);
  if (hasAccess(target.status)) {
    add(group, record, factKey.movement(period.id, 'refund_reversal', (period.reversals ?? []).length), 'ACTIVATE');
  }
}

/** A refund told by the transaction alone, without a word on the status: all of the running period back means no access. */
export function revokeByTransaction(work: Work, group: Group, { record, period }: Entry): void {
  const refund = period.refunds?.at(-1);
  if (work.facts.status || work.late || !refund || period !== lastPeriod(record) || isEnded(record.status)) return;
  const toldLater = record.latest !== undefined && record.latest.at >= refund.at;
  const running = period.until === undefined || refund.at < period.until;
  if (toldLater || !running || !isFullyRefunded(period)) return;
  endRecord(group, record, { status: 'REVOKED', toldAt: work.facts.storeTime, at: refund.at });
}

/** Scenarios 62, 63, 65 for what has no status: access follows the refunds. `before` = it was fully refunded before this signal. */
export function correctOneTime(work: Work, group: Group, entry: Entry, before: boolean): void {
  const { record, period } = entry;
  const after = isFullyRefunded(period);
  if (after && !before) add(group, record, factKey.revocation(period.id, revocationNumber(period)), 'DEACTIVATE');
  if (!after && before) {
    add(group, record, factKey.movement(period.id, 'refund_reversal', (period.reversals ?? []).length), 'ACTIVATE');
  }
  addMovements(work, group, entry);
}
