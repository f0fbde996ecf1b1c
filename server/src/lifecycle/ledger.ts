/**
 * The ledger of a transaction: its charge, then credits, refunds and reversals. What should be booked follows from the facts
 * alone (price, refunds, reversals, each with its store time), what is booked is kept, and the difference is emitted: so
 * the sum is right in whatever order the facts arrive, and never leaves the range from zero to the charge.
 */
import { convert, proportionOf, shareOf } from '../events/money.ts';
import { currencyOf } from './chain.ts';
import type { Movement, Period, RecordState, ReduceInput } from './record.ts';

/** Shares are decimals with five digits at most: sums within this of 1 are all of it. */
const ALL = 1 - 1e-9;

/** The charge in minor units; 0 where none is booked: free, family-shared, unpriced, or not announced. */
export function charged(record: RecordState, period: Period): number {
  return record.familyShared || period.quiet ? 0 : (period.price ?? 0);
}

/** What is left of the charge after everything booked on it. */
export function remainder(record: RecordState, period: Period): number {
  return (period.movements ?? []).reduce((sum, movement) => sum + movement.amount, charged(record, period));
}

/** Charges convert at the rate of their UTC day; what is booked on them later reuses it. */
export function convertCharge(
  record: RecordState,
  period: Period,
  input: Pick<ReduceInput, 'currency' | 'rate'>,
): void {
  const currency = currencyOf(record, period);
  if (currency === undefined || currency === input.currency || period.rate !== undefined) return;
  const rate = input.rate(currency, period.at);
  if (rate === undefined) return;
  period.rate = rate;
  period.converted = convert(charged(record, period), currency, input.currency, rate);
}

/** The charge in the integration currency; undefined = no rate. */
export function convertedCharge(record: RecordState, period: Period, integrationCurrency: string): number | undefined {
  return currencyOf(record, period) === integrationCurrency ? charged(record, period) : period.converted;
}

function convertedRemainder(record: RecordState, period: Period, integrationCurrency: string): number | undefined {
  const charge = convertedCharge(record, period, integrationCurrency);
  if (charge === undefined) return undefined;
  return (period.movements ?? []).reduce((sum, movement) => sum + (movement.converted ?? movement.amount), charge);
}

/** Books a movement and returns it. A movement that empties or refills the charge converts to exactly what is left or missing. */
function book(
  record: RecordState,
  period: Period,
  kind: Movement['kind'],
  amount: number,
  integrationCurrency: string,
): Movement {
  const currency = currencyOf(record, period);
  const left = remainder(record, period);
  const convertedLeft = convertedRemainder(record, period, integrationCurrency);
  const movement: Movement = { kind, amount };
  if (
    currency !== undefined &&
    currency !== integrationCurrency &&
    convertedLeft !== undefined &&
    period.rate !== undefined
  ) {
    const charge = charged(record, period);
    if (amount === -left) movement.converted = -convertedLeft;
    else if (amount === charge - left) movement.converted = (period.converted ?? 0) - convertedLeft;
    else movement.converted = convert(amount, currency, integrationCurrency, period.rate);
  }
  period.movements = [...(period.movements ?? []), movement];
  return movement;
}

/** Refunds and reversals the facts call for, in the order of their store times. Amounts are positive. */
function called(record: RecordState, period: Period): { kind: 'refund' | 'refund_reversal'; amount: number }[] {
  const charge = charged(record, period);
  const credit = (period.movements ?? []).reduce((sum, m) => (m.kind === 'proration' ? sum - m.amount : sum), 0);
  const steps = [
    ...(period.refunds ?? []).map((refund) => ({ at: refund.at, share: refund.share })),
    ...(period.reversals ?? []).map((at) => ({ at, share: null })),
  ].sort((a, b) => a.at - b.at);
  const result: { kind: 'refund' | 'refund_reversal'; amount: number }[] = [];
  let refunded = 0;
  let shared = 0;
  for (const { share } of steps) {
    shared = share === null ? 0 : Math.min(1, shared + share);
    // Shares that add up to all of it leave nothing behind, whatever the rounding of each.
    const asked = share === null ? refunded : shared > ALL ? charge : shareOf(charge, share);
    const amount = share === null ? asked : Math.min(asked, charge - credit - refunded);
    refunded += share === null ? -amount : amount;
    if (amount > 0) result.push({ kind: share === null ? 'refund_reversal' : 'refund', amount });
  }
  return result;
}

/**
 * Books the refunds and reversals that the facts call for and that are not booked yet; returns them in order. Where facts came
 * in another order than they happened, an earlier booking may have had another amount than it would have now: it stands, and
 * the last movement makes the sum right.
 */
export function bookCorrections(record: RecordState, period: Period, integrationCurrency: string): Movement[] {
  const open = called(record, period);
  const standing = (period.movements ?? []).filter(({ kind }) => kind !== 'proration');
  const credit = (period.movements ?? []).reduce((sum, m) => (m.kind === 'proration' ? sum - m.amount : sum), 0);
  const charge = charged(record, period);
  const target = open.reduce(
    (sum, step) => sum + (step.kind === 'refund' ? -step.amount : step.amount),
    charge - credit,
  );
  const strangers = standing.filter(({ kind, amount }) => {
    const match = open.findIndex((step) => step.kind === kind && step.amount === Math.abs(amount));
    if (match >= 0) open.splice(match, 1);
    return match < 0;
  });
  for (const { kind } of strangers) {
    const match = open.findIndex((step) => step.kind === kind);
    if (match >= 0) open.splice(match, 1);
  }
  const booked: Movement[] = [];
  const add = (kind: 'refund' | 'refund_reversal', amount: number): void => {
    booked.push(book(record, period, kind, kind === 'refund' ? -amount : amount, integrationCurrency));
  };
  // A second refund has room only after the reversal of the first, though that may have come to us later.
  const fits = ({ kind, amount }: (typeof open)[number]): boolean => {
    const left = remainder(record, period);
    return kind === 'refund' ? amount <= left : left + amount <= charge - credit;
  };
  for (let next = open.findIndex(fits); next >= 0; next = open.findIndex(fits)) {
    const [step] = open.splice(next, 1);
    if (step) add(step.kind, step.amount);
  }
  const missing = target - remainder(record, period);
  if (missing !== 0) add(missing < 0 ? 'refund' : 'refund_reversal', Math.abs(missing));
  return booked;
}

/**
 * Credit of an immediate plan change, which Apple does not report: the time share of the old charge that was not used up, at most
 * what is left of it. A free extension is not paid back. Undefined = nothing to book.
 */
export function bookCredit(
  record: RecordState,
  old: Period,
  changedAt: number,
  integrationCurrency: string,
): Movement | undefined {
  const until = old.paidUntil ?? old.until;
  const done = old.movements?.some((movement) => movement.kind === 'proration') === true;
  if (done || until === undefined || changedAt >= until || until <= old.at) return undefined;
  const unused = proportionOf(charged(record, old), until - Math.max(changedAt, old.at), until - old.at);
  const credit = Math.min(unused, remainder(record, old));
  return credit > 0 ? book(record, old, 'proration', -credit, integrationCurrency) : undefined;
}

/** Whether the buyer has all money back (or, where no money is known, all of the purchase was revoked). */
export function isFullyRefunded(period: Period): boolean {
  const steps = [
    ...(period.refunds ?? []).map((refund) => ({ at: refund.at, share: refund.share })),
    ...(period.reversals ?? []).map((at) => ({ at, share: null })),
  ].sort((a, b) => a.at - b.at);
  let share = 0;
  for (const step of steps) share = step.share === null ? 0 : Math.min(1, share + step.share);
  return share > ALL;
}
