/**
 * Deterministic ids: the same store fact gives the same id on every machine and every run, so that storing an event twice
 * is impossible. All ids are UUIDv5 over parts joined by line feeds, and every fact of a chain has one key.
 */
import { createHash } from 'node:crypto';
import type { EventCode } from '../events/catalogue.ts';
import type { SubscriptionStatus } from '../events/event.ts';
import type { Facts } from './fact.ts';

const RECORD_NAMESPACE = Buffer.from('00da07b528285751acbfad3f90341bb8', 'hex');
const EVENT_NAMESPACE = Buffer.from('47662e7d7fe95f8098af6be813b2de90', 'hex');

/** RFC 9562 version 5 (SHA-1), as 32 hexadecimal digits without dashes. */
function uuidHex(namespace: Buffer, parts: readonly string[]): string {
  const hash = createHash('sha1').update(namespace).update(parts.join('\n')).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  return hash.toString('hex', 0, 16);
}

/** What names a chain in every id: store, environment, bundle id, the store's chain id. */
export type ChainName = Pick<Facts, 'store' | 'environment' | 'bundleId' | 'chainId'>;

/** `subs_…` or `otp_…`, from the chain and the transaction that opened the plan run or is the one-time purchase. */
export function recordId(prefix: 'subs' | 'otp', chain: ChainName, openingTransactionId: string): string {
  const parts = [chain.store, chain.environment, chain.bundleId, chain.chainId, openingTransactionId];
  return `${prefix}_${uuidHex(RECORD_NAMESPACE, parts)}`;
}

/** UUIDv5 with dashes. `role` only for transfers. */
export function eventId(chain: ChainName, factKey: string, code: EventCode, role?: 'from' | 'to'): string {
  const parts = [chain.store, chain.environment, chain.bundleId, chain.chainId, factKey, code];
  const hex = uuidHex(EVENT_NAMESPACE, role === undefined ? parts : [...parts, role]);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export type MovementKind = 'charge' | 'refund' | 'proration' | 'refund_reversal';

/** One key per fact; two codes of one fact share it, two facts never do. */
export const factKey = {
  /** A period opened, or a purchase was made. */
  transaction: (transactionId: string): string => `tx:${transactionId}`,
  /** Money moved. `n`: the store's own refund id, else 1, 2, … of that kind on that transaction. */
  movement: (transactionId: string, kind: MovementKind, n: number | string): string =>
    `mv:${transactionId}:${kind}:${n}`,
  /** The other codes of a refund or revocation; `n` = 1 + the reversals before it. */
  revocation: (transactionId: string, n: number): string => `rv:${transactionId}:${n}`,
  /** A status held over a period; `n` = 1 + how often it was left in that period, written from the second time on. */
  status: (transactionId: string, status: SubscriptionStatus | 'REPLACED' | 'RESUMED', n = 1): string =>
    n === 1 ? `pe:${transactionId}:${status}` : `pe:${transactionId}:${status}:${n}`,
  /** Told by a notification alone. Where the store's clock has whole seconds, its event id keeps two of one second apart. */
  notice: (occurredAt: number, storeEventId?: string): string =>
    storeEventId === undefined ? `nt:${occurredAt}` : `nt:${occurredAt}:${storeEventId}`,
  deferral: (endAt: number): string => `df:${endAt}`,
  transfer: (transferId: string): string => `tr:${transferId}`,
};
