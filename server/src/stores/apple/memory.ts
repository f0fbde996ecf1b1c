/** What the App Store part remembers of a chain: just enough to know when the API has to be asked. Plain JSON. */
import type { TransactionFact } from '../../lifecycle/fact.ts';
import { isJson } from './json.ts';

export interface Period {
  id: string;
  productId: string;
  /** Epoch ms. */
  purchasedAt: number;
  expiresAt: number;
}

export interface AppleMemory {
  /** The newest known paid periods, oldest first. */
  periods: Period[];
}

/** Late signals reach back a few periods at most; older ones are of no use here. */
const KEPT = 8;

export function memoryOf(memory: unknown): AppleMemory | null {
  return isMemory(memory) ? memory : null;
}

function isMemory(memory: unknown): memory is AppleMemory {
  return isJson(memory) && Array.isArray(memory['periods']);
}

/** Adds transactions, in any order; one known before keeps the later of its ends (an extension moves it). */
export function remember(memory: AppleMemory | null, transactions: readonly TransactionFact[]): AppleMemory {
  const periods = new Map(memory?.periods.map((period) => [period.id, period]));
  for (const { id, productId, purchasedAt, expiresAt } of transactions) {
    if (expiresAt === undefined) continue;
    periods.set(id, { id, productId, purchasedAt, expiresAt: Math.max(expiresAt, periods.get(id)?.expiresAt ?? 0) });
  }
  const sorted = [...periods.values()].toSorted((a, b) => a.purchasedAt - b.purchasedAt || (a.id < b.id ? -1 : 1));
  return { periods: sorted.slice(-KEPT) };
}
