/** One group of verified signals in one transaction: dedupe keys, chains, and, where possible, everything that follows from them. */
import type { Sql } from '../storage/pool.ts';
import { loadChains, tryLock } from '../storage/queries/chain.ts';
import {
  claimKeys,
  insertPending,
  insertSignals,
  type PendingSignal,
  releaseChain,
  type StoredSignal,
} from '../storage/queries/signal.ts';
import { type ApplyDeps, applyChains, type Fate } from './apply.ts';
import { accountLockKeys, byStoreOrder, chainLockKey, type ChainWork, type Incoming } from './signal.ts';

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
  items: readonly Incoming[],
  now: number,
): Promise<StoredGroup> {
  const fresh = await claim(sql, items);
  const chained = [...fresh].filter((item) => item.chainId !== null && item.signal.ignored === null);
  const { works, fates } = await openChains(sql, chained, now);
  const applied = await applyChains(sql, deps, works, 'try', now);
  fates.push(...applied.fates);
  for (const item of fresh)
    if (item.chainId === null || item.signal.ignored !== null)
      fates.push({ incoming: item, state: 'ignored', reason: item.signal.ignored });

  await insertSignals(
    sql,
    fates.map((fate) => toRow(fate, now)),
  );
  const pending = fates.flatMap(toPending);
  await insertPending(sql, pending);
  for (const item of chained) if (item.handedInBy !== null) await releaseChain(sql, item.app.id, item.chainId!, now);
  for (const fate of fates)
    deps.metrics.signalProcessed(
      fate.incoming.definition.id,
      'folded',
      fate.state === 'pending' ? 'waiting' : fate.state,
    );
  return {
    results: resultsOf(items, fresh),
    codes: applied.codes,
    deliveries: applied.deliveries,
    pending: pending.length,
  };
}

/** Stores one signal without applying it. */
export async function storeOnly(sql: Sql, item: Incoming, now: number): Promise<StoredGroup> {
  const fresh = await claim(sql, [item]);
  if (fresh.size > 0) {
    const applies = item.chainId !== null && item.signal.ignored === null;
    const fate: Fate = applies
      ? { incoming: item, state: 'pending', why: 'order', dueAt: now }
      : { incoming: item, state: 'ignored', reason: item.signal.ignored };
    await insertSignals(sql, [toRow(fate, now)]);
    await insertPending(sql, toPending(fate));
  }
  return { results: resultsOf([item], fresh), codes: [], deliveries: 0, pending: fresh.size };
}

/** @returns the items whose dedupe key nobody had, a repeat within the group included once */
async function claim(sql: Sql, items: readonly Incoming[]): Promise<Set<Incoming>> {
  const byKey = new Map<string, Incoming>();
  for (const item of items) {
    const key = `${item.app.id} ${item.signal.dedupeKey}`;
    if (!byKey.has(key)) byKey.set(key, item);
  }
  // Ascending, so that two groups that share keys never wait for each other in a circle.
  const ordered = [...byKey].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item);
  const claimed = await claimKeys(
    sql,
    ordered.map((item) => ({
      appId: item.app.id,
      dedupeKey: item.signal.dedupeKey,
      signalId: item.signalId,
      receivedAt: item.receivedAt,
    })),
  );
  return new Set(ordered.filter((item) => claimed.has(item.signalId)));
}

/** Chains that are free and have nothing pending are opened; the signals of the others stay pending behind what is there. */
async function openChains(
  sql: Sql,
  items: readonly Incoming[],
  now: number,
): Promise<{ works: ChainWork[]; fates: Fate[] }> {
  const fates: Fate[] = [];
  const byChain = Map.groupBy(items, (item) => item.chainId!);
  const keys = new Map(
    [...byChain].map(([chainId, signals]) => [
      chainId,
      [chainLockKey(signals[0]!.app.id, chainId), ...accountLockKeys(signals)],
    ]),
  );
  const held = await tryLock(sql, [...new Set([...keys.values()].flat())]);
  const free = [...byChain].filter(([chainId]) => keys.get(chainId)!.every((key) => held.has(key)));
  const loaded = await loadChains(
    sql,
    free.map(([id, [first]]) => ({ appId: first!.app.id, id })),
  );
  const works: ChainWork[] = [];
  for (const [chainId, incoming] of byChain) {
    const found = loaded.get(`${incoming[0]!.app.id}:${chainId}`);
    if (found && found.pendingUntil === null) {
      works.push({
        chain: found.chain,
        pendingUntil: null,
        incoming: incoming.toSorted(byStoreOrder),
        hasWaited: false,
      });
      continue;
    }
    const dueAt = Math.max(now, found?.pendingUntil ?? now);
    for (const item of incoming) fates.push({ incoming: item, state: 'pending', why: 'order', dueAt });
  }
  return { works, fates };
}

function resultsOf(items: readonly Incoming[], fresh: ReadonlySet<Incoming>): StoredGroup['results'] {
  return items.map((item) => (!fresh.has(item) ? 'duplicate' : item.signal.ignored === null ? 'stored' : 'ignored'));
}

function toRow(fate: Fate, now: number): StoredSignal {
  const { incoming } = fate;
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
  return [
    {
      appId: incoming.app.id,
      chainId: incoming.chainId!,
      signalId: incoming.signalId,
      receivedAt: incoming.receivedAt,
      dueAt,
      why,
      accountKey: why === 'identity' ? (incoming.signal.accountKey?.toLowerCase() ?? null) : null,
    },
  ];
}
