/**
 * The worker for signals that could not be applied in the transaction that stored them: their chain was busy, they wait for an
 * owner, or their store's API must be read first.
 *
 *   sleeping ──wake (commit, owner known, clock jumped, a due time came)──▶ looking
 *   looking  ──chains due──▶ reading (API, no transaction open) and applying (one transaction, chains locked in order) ──▶ looking
 *   looking  ──nothing due──▶ sleeping until the next due time, at most a second
 *
 * Any number of processes may run it: a chain is locked while its signals are applied, and what another one applied meanwhile
 * is no longer pending when the lock is gained.
 */
import type { Clock } from '../lib/clock.ts';
import type { Database, Sql } from '../storage/pool.ts';
import { loadChains, lock } from '../storage/queries/chain.ts';
import { type DueSignal, dueChains, nextDue, pendingOf, postpone, settleSignals } from '../storage/queries/signal.ts';
import type { StoreDefinition } from '../stores/store.ts';
import { type ApplyDeps, applyChains } from './apply.ts';
import { createReader, type EnrichDeps, type Reader, SETUP_MISSING_MS } from './enrich.ts';
import { accountLockKeys, chainLockKey, type ChainWork, type Incoming } from './signal.ts';

export interface ProcessDeps extends ApplyDeps, EnrichDeps {
  db: Database;
  clock: Clock;
  stores: readonly StoreDefinition[];
  onCommitted(result: { deliveries: number; pending: number }): void;
}

export interface Processor {
  start(): void;
  /** Something may be due. */
  wake(): void;
  /** Finishes the round under way. */
  stop(): Promise<void>;
}

type ChainKey = { appId: number; chainId: string };

const CHAINS_PER_ROUND = 200;
const CHAINS_PER_TRANSACTION = 40;
const POLL_MS = 1_000;
/** After a database failure. */
const PAUSE_MS = 500;

export function createProcessor(deps: ProcessDeps): Processor {
  const reader = createReader(deps);
  let stopping = false;
  let awake = false;
  let rouse: (() => void) | null = null;
  let loop: Promise<void> = Promise.resolve();
  let unsubscribe: (() => void) | null = null;
  const wake = () => {
    awake = true;
    rouse?.();
  };
  const sleep = (ms: number) =>
    new Promise<void>((done) => {
      const timer = setTimeout(done, ms);
      rouse = () => {
        clearTimeout(timer);
        done();
      };
    }).finally(() => {
      rouse = null;
    });
  const run = async () => {
    while (!stopping) {
      awake = false;
      try {
        if (await round(deps, reader)) continue;
        if (awake) continue;
        const due = await nextDue(deps.db, deps.clock.now());
        if (!awake && !stopping)
          await sleep(Math.min(POLL_MS, due === null ? POLL_MS : Math.max(5, deps.clock.realDelayUntil(due))));
      } catch (error) {
        deps.log.error({ err: error }, 'Processing round failed');
        if (!stopping) await sleep(PAUSE_MS);
      }
    }
  };
  return {
    start() {
      unsubscribe = deps.clock.onJump(wake);
      loop = run();
    },
    wake,
    async stop() {
      stopping = true;
      unsubscribe?.();
      wake();
      await loop;
    },
  };
}

/** @returns whether anything was due */
async function round(deps: ProcessDeps, reader: Reader): Promise<boolean> {
  const chains = await dueChains(deps.db, deps.clock.now(), CHAINS_PER_ROUND);
  if (chains.length === 0) return false;
  const pending = Map.groupBy(await pendingOf(deps.db, chains), (signal) => `${signal.appId}:${signal.chainId}`);
  const reads = [...pending.values()].flatMap(([first]) =>
    first?.why === 'read' && first.snapshot === null ? [first] : [],
  );
  await Promise.all(
    reads.map((signal) =>
      // One signal that cannot be read must not keep the others from being applied.
      reader.readFor(signal).catch((error: unknown) => {
        deps.log.error({ err: error, signalId: signal.signalId }, 'Store API could not be read');
        return postponeChain(deps, signal);
      }),
    ),
  );
  const reading = new Set(reads.map((signal) => `${signal.appId}:${signal.chainId}`));
  const ready = chains.filter((chain) => !reading.has(`${chain.appId}:${chain.chainId}`));
  for (let at = 0; at < ready.length; at += CHAINS_PER_TRANSACTION)
    await applyTogether(deps, ready.slice(at, at + CHAINS_PER_TRANSACTION));
  return true;
}

/** Together for speed; where that fails, one by one, so that a chain that cannot be applied stops only itself. */
async function applyTogether(deps: ProcessDeps, chains: readonly ChainKey[]): Promise<void> {
  try {
    const result = await deps.db.transaction((sql) => applyPending(sql, deps, chains, deps.clock.now()));
    deps.metrics.eventsEmitted(result.codes);
    deps.onCommitted({ deliveries: result.deliveries, pending: 0 });
  } catch (error) {
    const [only] = chains;
    if (chains.length > 1) {
      deps.log.warn({ err: error, chains: chains.length }, 'Chains could not be applied together; applying one by one');
      for (const chain of chains) await applyTogether(deps, [chain]);
    } else if (only) {
      deps.log.error({ err: error, chainId: only.chainId }, 'Chain could not be applied; it is tried again');
      await postponeChain(deps, only);
    }
  }
}

const RETRY_MS = [1_000, 10_000, 60_000, 600_000, 3_600_000] as const;

/** The database refused what the chain's signals led to: a bug of ours or a passing fault. Nothing is lost; it waits longer each time. */
async function postponeChain(deps: ProcessDeps, chain: ChainKey): Promise<void> {
  const signals = await pendingOf(deps.db, [chain]);
  const tries = Math.max(0, ...signals.map((signal) => signal.tries)) + 1;
  const dueAt = deps.clock.now() + RETRY_MS[Math.min(tries, RETRY_MS.length) - 1]!;
  await postpone(
    deps.db,
    signals.map((signal) => ({ ...signal, dueAt, tries })),
  );
}

async function applyPending(
  sql: Sql,
  deps: ProcessDeps,
  chains: readonly ChainKey[],
  now: number,
): Promise<{ codes: string[]; deliveries: number }> {
  const [, pending, loaded] = await Promise.all([
    lock(
      sql,
      chains.map((chain) => chainLockKey(chain.appId, chain.chainId)),
    ),
    pendingOf(sql, chains),
    loadChains(
      sql,
      chains.map((chain) => ({ appId: chain.appId, id: chain.chainId })),
    ),
  ]);
  const byChain = Map.groupBy(pending, (signal) => `${signal.appId}:${signal.chainId}`);
  const tries = new Map<string, number>();
  const works: ChainWork[] = [];
  const homeless: DueSignal[] = [];
  for (const [key, signals] of byChain) {
    const incoming = signals.flatMap((signal) => reopen(deps, signal));
    if (incoming.length < signals.length) {
      homeless.push(...signals);
      continue;
    }
    for (const signal of signals) tries.set(signal.signalId, signal.tries);
    const found = loaded.get(key);
    const waited = signals.some((signal) => signal.why !== 'order');
    if (incoming.length > 0) works.push({ chain: found?.chain ?? null, incoming, hasWaited: waited });
  }
  await lock(sql, accountLockKeys(works.flatMap((work) => work.incoming)));
  const { fates, write } = await applyChains(sql, deps, works, 'wait', now);
  const settled = fates.flatMap((fate) => (fate.state === 'pending' ? [] : [fate]));
  const waiting = fates.flatMap((fate) => (fate.state === 'pending' ? [fate] : []));
  const place = ({ app, chainId, signalId, receivedAt }: Incoming) => ({
    appId: app.id,
    chainId: chainId!,
    signalId,
    receivedAt,
  });
  const [written] = await Promise.all([
    write(),
    settleSignals(
      sql,
      settled.map((fate) => ({ ...place(fate.incoming), state: fate.state, reason: fate.reason })),
      now,
    ),
    postpone(
      sql,
      homeless.map((signal) => ({ ...signal, dueAt: now + SETUP_MISSING_MS })),
    ),
    postpone(
      sql,
      waiting.map((fate) => ({
        ...place(fate.incoming),
        dueAt: fate.dueAt,
        why: fate.why,
        tries: tries.get(fate.incoming.signalId) ?? 0,
      })),
    ),
  ]);
  for (const fate of fates)
    deps.metrics.signalProcessed(
      fate.incoming.definition.id,
      'worker',
      fate.state === 'pending' ? 'waiting' : fate.state,
    );
  return written;
}

/** A stored signal as it was when it came in; it was verified before it was stored. Without its app's set-up it stays pending. */
function reopen(deps: ProcessDeps, stored: DueSignal): Incoming[] {
  const app = deps.settings.appById(stored.appId);
  const definition = deps.stores.find((entry) => entry.id === stored.store);
  const inForce = deps.settings.storeAccount(stored.appId, stored.store);
  if (!app || !definition || !inForce) return [];
  return [
    {
      app,
      definition,
      inForce,
      kind: stored.kind,
      signalId: stored.signalId,
      receivedAt: stored.receivedAt,
      signal: definition.decode(stored.body, stored.kind),
      snapshot: stored.snapshot,
      handedInBy: stored.handedInBy,
      chainId: stored.chainId,
    },
  ];
}
