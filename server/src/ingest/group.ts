/** One group of verified signals in one transaction: dedupe keys, chains, and, where possible, everything that follows from them. */
import { accountKeyOf } from '../identity/account-key.ts';
import type { Sql } from '../storage/pool.ts';
import { loadChains, tryLock } from '../storage/queries/chain.ts';
import {
  claimKeys,
  insertPending,
  insertSignals,
  type PendingSignal,
  releaseChains,
  type StoredSignal,
} from '../storage/queries/signal.ts';
import { type ApplyDeps, applyChains, type Fate } from './apply.ts';
import { accountLockKeys, byStoreOrder, chainLockKey, type Arriving, type ChainWork, type Incoming } from './signal.ts';

export interface StoredGroup {
  /** In the order of the items. */
  results: ('stored' | 'duplicate' | 'ignored')[];
  codes: string[];
  deliveries: number;
  pending: number;
}

/** Stores the group and applies what can be applied without waiting. @param now epoch ms */
export async function storeGroup(
  sql: Sql,
  deps: ApplyDeps,
  items: readonly Arriving[],
  now: number,
): Promise<StoredGroup> {
  const { fresh, works, fates } = await open(sql, items, now);
  const applied = await applyChains(sql, deps, works, 'try', now);
  fates.push(...applied.fates);
  for (const item of fresh)
    if (!applies(item)) fates.push({ incoming: item, state: 'ignored', reason: item.signal.ignored });

  // Every fresh signal has exactly one fate; one without would be a bug, and must not be answered as stored.
  const fateOf = new Map(fates.map((fate) => [fate.incoming, fate]));
  const rows = [...fresh].map((item) => toRow(item, fateOf.get(item)!, now));
  const pending = fates.flatMap(toPending);
  const handedIn = [...fresh].filter((item) => applies(item) && item.handedInBy !== null);
  const [written] = await Promise.all([
    applied.write(),
    insertSignals(sql, rows),
    insertPending(sql, pending),
    releaseChains(
      sql,
      handedIn.map((item) => ({ appId: item.app.id, chainId: item.chainId! })),
      now,
    ),
  ]);
  for (const fate of fates)
    deps.metrics.signalProcessed(
      fate.incoming.definition.id,
      'folded',
      fate.state === 'pending' ? 'waiting' : fate.state,
    );
  return {
    results: resultsOf(items, fresh),
    ...written,
    pending: pending.length,
  };
}

/** Stores one signal without applying it. */
export async function storeOnly(sql: Sql, item: Arriving, now: number): Promise<StoredGroup> {
  const fresh = await claim(sql, [item]);
  if (fresh.size > 0) {
    const fate: Fate = applies(item)
      ? { incoming: item, state: 'pending', why: 'order', dueAt: now }
      : { incoming: item, state: 'ignored', reason: item.signal.ignored };
    await insertSignals(sql, [toRow(item, fate, now)]);
    await insertPending(sql, toPending(fate));
  }
  return { results: resultsOf([item], fresh), codes: [], deliveries: 0, pending: fresh.size };
}

/** Whether the signal has something to say about a chain. */
function applies({ chainId, signal }: Incoming): boolean {
  return chainId !== null && signal.ignored === null;
}

/** A repeat within the group once. In ascending order of the keys, so that two groups that share some never wait in a circle. */
function distinct(items: readonly Arriving[]): Arriving[] {
  const byKey = new Map<string, Arriving>();
  for (const item of items) {
    const key = `${item.app.id} ${item.signal.dedupeKey}`;
    if (!byKey.has(key)) byKey.set(key, item);
  }
  return [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
}

/** @returns the items whose dedupe key nobody had */
async function claim(sql: Sql, items: readonly Arriving[]): Promise<Set<Arriving>> {
  const claimed = await claimKeys(
    sql,
    items.map((item) => ({
      appId: item.app.id,
      dedupeKey: item.signal.dedupeKey,
      signalId: item.signalId,
      receivedAt: item.receivedAt,
    })),
  );
  return new Set(items.filter((item) => claimed.has(item.signalId)));
}

/**
 * Claims the keys, then tries the chains' locks, then reads the chains: three statements in that order, one round trip. Chains
 * that are free and have nothing pending can be worked on; the signals of the others stay pending behind what is there.
 */
async function open(
  sql: Sql,
  items: readonly Arriving[],
  now: number,
): Promise<{ fresh: Set<Arriving>; works: ChainWork[]; fates: Fate[] }> {
  const ordered = distinct(items);
  const chains = Map.groupBy(ordered.filter(applies), (item) => item.chainId!);
  const keys = new Map(
    [...chains].map(([chainId, signals]) => [
      chainId,
      [chainLockKey(signals[0]!.app.id, chainId), ...accountLockKeys(signals)],
    ]),
  );
  const [fresh, held, loaded] = await Promise.all([
    claim(sql, ordered),
    tryLock(sql, [...new Set([...keys.values()].flat())]),
    loadChains(
      sql,
      [...chains].map(([id, [first]]) => ({ appId: first!.app.id, id })),
    ),
  ]);
  const works: ChainWork[] = [];
  const fates: Fate[] = [];
  for (const [chainId, signals] of chains) {
    const incoming = signals.filter((item) => fresh.has(item));
    if (incoming.length === 0) continue;
    const found = loaded.get(`${incoming[0]!.app.id}:${chainId}`)!;
    if (found.pendingUntil === null && keys.get(chainId)!.every((key) => held.has(key))) {
      works.push({ chain: found.chain, incoming: incoming.toSorted(byStoreOrder), hasWaited: false });
      continue;
    }
    const dueAt = Math.max(now, found.pendingUntil ?? now);
    for (const item of incoming) fates.push({ incoming: item, state: 'pending', why: 'order', dueAt });
  }
  return { fresh, works, fates };
}

function resultsOf(items: readonly Arriving[], fresh: ReadonlySet<Arriving>): StoredGroup['results'] {
  return items.map((item) => (!fresh.has(item) ? 'duplicate' : item.signal.ignored === null ? 'stored' : 'ignored'));
}

function toRow(incoming: Arriving, fate: Fate, now: number): StoredSignal {
  const { signal } = incoming;
  return {
    appId: incoming.app.id,
    id: incoming.signalId,
    receivedAt: incoming.receivedAt,
    kind: incoming.kind,
    store: incoming.definition.id,
    environment: signal.environment,
    chainId: incoming.chainId,
    type: signal.type,
    storeTime: signal.storeTime,
    sortOrder: signal.order,
    dedupeKey: signal.dedupeKey,
    transactionIds: signal.transactionIds,
    handedInBy: incoming.handedInBy,
    body: incoming.body,
    settingsVersion: incoming.inForce.version,
    state: fate.state,
    reason: fate.state === 'pending' ? null : fate.reason,
    processedAt: fate.state === 'pending' ? null : now,
  };
}

function toPending(fate: Fate): PendingSignal[] {
  if (fate.state !== 'pending') return [];
  const { incoming, why, dueAt } = fate;
  const { accountKey } = incoming.signal;
  return [
    {
      appId: incoming.app.id,
      chainId: incoming.chainId!,
      signalId: incoming.signalId,
      receivedAt: incoming.receivedAt,
      dueAt,
      why,
      accountKey: why === 'identity' && accountKey !== null ? accountKeyOf(accountKey) : null,
    },
  ];
}
