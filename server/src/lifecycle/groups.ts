/** Groups: the events of one fact, ordered, numbered and named. State is final when a group is closed, so attributes see it "after". */
import { type EventCode, EVENT_RANK } from '../events/catalogue.ts';
import { attributesOf } from './attributes.ts';
import type { Work } from './chain.ts';
import type { OfferFact } from './fact.ts';
import { eventId, factKey, type MovementKind } from './ids.ts';
import { convertedCharge } from './ledger.ts';
import type { Movement, Period, RecordState } from './record.ts';
import { sourceOf } from './transitions.ts';

export interface MovedMoney {
  transaction: Period;
  /** Minor units of the transaction's currency, signed. */
  amount: number;
  /** Minor units of the integration currency; undefined = no rate. */
  converted: number | undefined;
  estimated: boolean;
  source?: EventCode;
}

export interface GroupItem {
  record: RecordState;
  code: EventCode;
  key: string;
  /** A closing event speaks of the offer that ends. */
  offer?: OfferFact;
  money?: MovedMoney;
}

export interface Group {
  /** Epoch ms. */
  occurredAt: number;
  items: GroupItem[];
  /** The transaction the group announces or corrects; the others of the record show its newest. */
  announced?: Period;
  corrected?: Period;
  /** A grace that this group ends, and a record that it ends: its events still tell the dates. */
  graceEnd?: { record: RecordState; at: number };
  ended?: RecordState;
  deferredTo?: number;
}

export function openGroup(occurredAt: number): Group {
  return { occurredAt, items: [] };
}

export function add(group: Group, record: RecordState, key: string, ...codes: readonly EventCode[]): void {
  for (const code of codes) group.items.push({ record, code, key });
}

export function hasCode(group: Group, record: RecordState, code: EventCode): boolean {
  return group.items.some((item) => item.record === record && item.code === code);
}

/** The key of facts told by a notification alone, and of toggles shown beside another fact. */
export function noticeKey(work: Work, occurredAt: number): string {
  return factKey.notice(occurredAt, work.facts.wholeSeconds ? work.facts.storeEventId : undefined);
}

export function addCharge(work: Work, group: Group, record: RecordState, period: Period, source?: EventCode): void {
  const amount = period.price ?? 0;
  const converted = convertedCharge(record, period, work.input.currency);
  addMoney(work, group, record, 'charge', 1, {
    transaction: period,
    amount,
    converted,
    estimated: false,
    ...(source ? { source } : {}),
  });
}

/** `movement` has just been booked on `period`: it is the newest of its kind there. */
export function addMovement(
  work: Work,
  group: Group,
  record: RecordState,
  period: Period,
  movement: Movement,
  source?: EventCode,
): void {
  const { kind, amount } = movement;
  const before = (period.movements ?? []).slice(0, (period.movements ?? []).indexOf(movement) + 1);
  const n = before.filter((other) => other.kind === kind).length;
  const sameCurrency = (period.currency ?? record.currency) === work.input.currency;
  addMoney(work, group, record, kind, n, {
    transaction: period,
    amount,
    converted: sameCurrency ? amount : movement.converted,
    estimated: kind === 'proration',
    ...(source ? { source } : {}),
  });
}

function addMoney(
  work: Work,
  group: Group,
  record: RecordState,
  kind: MovementKind,
  n: number,
  money: MovedMoney,
): void {
  if (money.amount === 0) return;
  if (money.converted === undefined) work.notes.add('no_rate');
  else work.cumulated += money.converted;
  const key = factKey.movement(money.transaction.id, kind, n);
  group.items.push({ record, code: 'TRANSACTION_PROCESSED', key, money });
}

/** Old side before new: the record that a plan change replaced comes first at equal rank. */
function side(item: GroupItem, group: Group): number {
  return group.items.some((other) => other.record.from?.recordId === item.record.id) ? 0 : 1;
}

/** Orders the group, numbers its events within their records and hands them out. An empty group leaves nothing. */
export function closeGroup(work: Work, group: Group): void {
  if (group.items.length === 0) return;
  const { facts, input } = work;
  const items = group.items.toSorted(
    (a, b) =>
      EVENT_RANK[a.code] - EVENT_RANK[b.code] ||
      side(a, group) - side(b, group) ||
      (a.money?.amount ?? 0) - (b.money?.amount ?? 0),
  );
  const source = sourceOf(new Set(items.map((item) => item.code)));
  for (const item of items) {
    const { record, code } = item;
    const oneTime = record.purchaseType !== 'RENEWING_SUBSCRIPTION';
    record.sequence += 1;
    if (code === 'ACTIVATE' || code === 'DEACTIVATE') record.access = code === 'ACTIVATE';
    const id = eventId(facts, item.key, code);
    const sourceName =
      item.money?.source ?? source ?? (oneTime ? 'SUBSCRIPTION_STARTED' : 'SUBSCRIPTION_REFUNDED_REVOKED');
    work.events.push({
      eventId: id,
      code,
      recordId: record.id,
      sequence: record.sequence,
      group: work.groups,
      occurredAt: group.occurredAt,
      createdAt: input.now,
      ownerId: record.ownerId,
      attributes: attributesOf(work, group, item, id, sourceName),
    });
  }
  work.groups += 1;
}
