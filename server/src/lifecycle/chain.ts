/** What one signal works on: copies of the chain's records, seen as one line of periods, and what it brings forth. */
import type { UnifiedEvent } from '../events/event.ts';
import type { Facts, TransactionFact } from './fact.ts';
import type { Period, RecordState, ReduceInput } from './record.ts';

export interface Work {
  readonly input: ReduceInput;
  readonly facts: Facts;
  /** Older than the newest applied status: changes no status and no toggle (it may still tell of transactions and money). */
  readonly late: boolean;
  readonly records: RecordState[];
  readonly events: UnifiedEvent[];
  readonly notes: Set<string>;
  groups: number;
  cumulated: number;
}

export interface Entry {
  record: RecordState;
  period: Period;
}

/** Deep enough that nothing reachable from `records` is ever written through the copy. */
function copyOf(record: RecordState): RecordState {
  const periods = record.periods.map((period) => {
    const copy: Period = { ...period };
    if (period.seen) copy.seen = [...period.seen];
    if (period.movements) copy.movements = [...period.movements];
    if (period.refunds) copy.refunds = [...period.refunds];
    if (period.reversals) copy.reversals = [...period.reversals];
    if (period.left) copy.left = { ...period.left };
    return copy;
  });
  return { ...record, periods };
}

export function startWork(input: ReduceInput): Work {
  const { facts, statusAt } = input;
  const records = input.records.map(copyOf);
  // The owner is the chain's; a transfer moves it with its records.
  if (input.owner) for (const record of records) record.ownerId = input.owner.id;
  return {
    input,
    facts,
    late: (statusAt !== null && facts.storeTime < statusAt) || isLeft(records, facts),
    records,
    events: [],
    notes: new Set(),
    groups: 0,
    cumulated: input.cumulated,
  };
}

/** The customer came back on another chain and the record went along: this one has nothing to say of its status any more. */
function isLeft(records: readonly RecordState[], facts: Facts): boolean {
  if (records.length === 0 || records.some((record) => record.chainId === facts.chainId)) return false;
  const at = facts.transaction?.purchasedAt ?? 0;
  return records.some((record) => record.periods.some((period) => period.at >= at));
}

export function adopt(work: Work, returning: RecordState): RecordState {
  const record = copyOf(returning);
  work.records.push(record);
  return record;
}

/** Order of transactions in a chain: by purchase, then by id (Apple's own tie-break is not told in a transaction). */
export function isBefore(a: Pick<Period, 'at' | 'id'>, b: Pick<Period, 'at' | 'id'>): boolean {
  return a.at < b.at || (a.at === b.at && a.id < b.id);
}

/** The subscription's periods across its plan runs, oldest first. */
export function line(work: Work): Entry[] {
  const entries: Entry[] = [];
  for (const record of work.records) {
    if (!isSubscription(record)) continue;
    for (const period of record.periods) entries.push({ record, period });
  }
  return work.records.length < 2 ? entries : entries.sort((a, b) => (isBefore(a.period, b.period) ? -1 : 1));
}

export function find(work: Work, transactionId: string): Entry | undefined {
  for (const record of work.records) {
    const period = record.periods.find((candidate) => candidate.id === transactionId);
    if (period) return { record, period };
  }
  return undefined;
}

/** The record that runs, or ran last: the one with the newest period, or the only one while it has none. */
export function current(work: Work): RecordState | undefined {
  let newest: RecordState | undefined;
  for (const record of work.records) {
    if (!isSubscription(record)) continue;
    const period = lastPeriod(record);
    const other = newest && lastPeriod(newest);
    if (!newest || !other || (period && isBefore(other, period))) newest = record;
  }
  return newest;
}

export function isSubscription(subject: Pick<RecordState | TransactionFact, 'purchaseType'>): boolean {
  return subject.purchaseType === 'RENEWING_SUBSCRIPTION';
}

export function lastPeriod(record: RecordState): Period | undefined {
  return record.periods.at(-1);
}

/** The period before, within the record. */
export function periodBefore(record: RecordState, period: Period): Period | undefined {
  const index = record.periods.indexOf(period);
  return index > 0 ? record.periods[index - 1] : undefined;
}

export function productOf(record: RecordState, period: Period | undefined): string {
  return period?.productId ?? record.productId;
}

export function currencyOf(record: RecordState, period: Period): string | undefined {
  return period.currency ?? record.currency;
}
