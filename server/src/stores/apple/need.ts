/** Which notifications cannot be understood from what they carry and what the chain remembers. Almost none. */
import type { StoreAccount, VerifiedSignal } from '../store.ts';
import { hintOf } from './hints.ts';
import { type Json, stringAt, timeAt } from './json.ts';
import { type AppleMemory, memoryOf } from './memory.ts';
import { type AppleContent, contentOf } from './payload.ts';
import { type AppleSettings, apiKeyOf } from './settings.ts';
import { purchaseTypeOf } from './transaction.ts';

const HOUR = 3_600_000;
/** A renewal this long after the last known end skipped a period we never saw. Sandbox periods last minutes. */
const GAP = { Production: 24 * HOUR, Sandbox: HOUR / 6 };

/** Whether nothing of the chain can lie before this transaction. */
function opensChain(content: AppleContent, transaction: Json): boolean {
  // Only subscriptions renew: any other transaction is its own chain.
  if (purchaseTypeOf(transaction) !== 'RENEWING_SUBSCRIPTION') return true;
  if (hintOf(content.type, content.subtype).hint === 'purchase') return true;
  // The app hands a purchase in at once: its first period still runs, so nothing has followed it.
  const first = stringAt(transaction, 'transactionId') === stringAt(transaction, 'originalTransactionId');
  return content.source === 'hand_in' && first && (timeAt(transaction, 'expiresDate') ?? 0) > content.signedDate;
}

function replacedIsUnknown(memory: AppleMemory, purchasedAt: number): boolean {
  return !memory.periods.some((period) => period.purchasedAt <= purchasedAt && period.expiresAt > purchasedAt);
}

function skippedPeriod(memory: AppleMemory, purchasedAt: number, gap: number): boolean {
  const before = memory.periods.filter((period) => period.purchasedAt < purchasedAt);
  const lastEnd = Math.max(...before.map((period) => period.expiresAt));
  return before.length > 0 && purchasedAt - lastEnd > gap;
}

/** `history` where the API has to be asked first; null where the signal is self-contained or the app has no API key. */
export function need(
  signal: VerifiedSignal,
  memory: unknown,
  { settings }: Pick<StoreAccount<AppleSettings>, 'settings'>,
): 'history' | null {
  if (signal.ignored !== null || !apiKeyOf(settings)) return null;
  const content = contentOf(signal);
  const { transaction } = content;
  if (!transaction) return null;
  const known = memoryOf(memory);
  if (!known) return opensChain(content, transaction) ? null : 'history';
  const id = stringAt(transaction, 'transactionId');
  const purchasedAt = timeAt(transaction, 'purchaseDate');
  if (purchasedAt === undefined || known.periods.some((period) => period.id === id)) return null;
  // Only an upgrade replaces a running transaction; Apple's notification does not name it.
  const upgrade = hintOf(content.type, content.subtype).grade === 'up';
  if (upgrade) return replacedIsUnknown(known, purchasedAt) ? 'history' : null;
  const plainRenewal = content.type === 'DID_RENEW' && content.subtype === undefined;
  return plainRenewal && skippedPeriod(known, purchasedAt, GAP[content.environment]) ? 'history' : null;
}
