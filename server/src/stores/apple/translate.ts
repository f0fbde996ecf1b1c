/** From a proven signal to neutral facts. Pure: no clock, no I/O, the same input gives the same facts on every run. */
import type { Facts, TransactionFact } from '../../lifecycle/fact.ts';
import type { Snapshot, Translation, VerifiedSignal } from '../store.ts';
import { type Hinted, hintOf } from './hints.ts';
import { stringAt } from './json.ts';
import { peekJws } from './jws.ts';
import { memoryOf, remember } from './memory.ts';
import { type AppleContent, contentOf } from './payload.ts';
import { statusFact } from './status.ts';
import { transactionFact } from './transaction.ts';

/** The transactions of one chain in a stored answer of the API, oldest first. They were verified when they were read. */
function historyOf(snapshot: Snapshot | null, chainId: string): TransactionFact[] {
  const history: TransactionFact[] = [];
  for (const item of snapshot?.kind === 'history' ? snapshot.items : []) {
    const transaction = typeof item === 'string' ? peekJws(item) : null;
    if (!transaction || stringAt(transaction, 'originalTransactionId') !== chainId) continue;
    const fact = transactionFact(transaction);
    if (fact) history.push(fact);
  }
  return history.toSorted((a, b) => a.purchasedAt - b.purchasedAt || (a.id < b.id ? -1 : 1));
}

function hinted(content: AppleContent, transaction: TransactionFact | undefined, chainId: string): Hinted {
  if (content.source === 'hand_in') return { hint: 'hand_in' };
  // SUBSCRIBED without a subtype we know: a chain begins with the transaction it is named after.
  if (content.type === 'SUBSCRIBED' && content.subtype !== 'INITIAL_BUY' && transaction && transaction.id !== chainId) {
    return { hint: 'resubscribe' };
  }
  return hintOf(content.type, content.subtype);
}

export function translate(signal: VerifiedSignal, snapshot: Snapshot | null, memory: unknown): Translation {
  const { chainId } = signal;
  if (signal.ignored !== null || chainId === null) return { facts: [], memory };
  const content = contentOf(signal);
  const transaction = content.transaction ? transactionFact(content.transaction) : undefined;
  const history = historyOf(snapshot, chainId);
  const status = statusFact(content);
  const { hint, grade } = hinted(content, transaction, chainId);
  const facts: Facts = {
    store: 'APPLE_APP_STORE',
    environment: signal.environment,
    bundleId: content.bundleId,
    chainId,
    hint,
    ...(grade ? { grade } : {}),
    storeTime: signal.storeTime,
    ...(transaction ? { transaction } : {}),
    history,
    ...(status ? { status } : {}),
    ...(hint === 'deferral' && transaction?.expiresAt !== undefined ? { deferredUntil: transaction.expiresAt } : {}),
  };
  const seen = transaction ? [...history, transaction] : history;
  // A chain counts as known from its first transaction on.
  return { facts: [facts], memory: seen.length === 0 ? memory : remember(memoryOf(memory), seen) };
}
