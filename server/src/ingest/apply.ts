/**
 * Applies signals to chains inside the caller's transaction: translate, whose purchase is it, reduce, then one multi-row
 * statement per table. The chains, and the account keys their signals carry, are locked and loaded by the caller; owners are
 * locked here, after them, so that the order of locks is the same everywhere: signal keys, chains, account keys, owners.
 *
 * A signal that cannot be applied never fails its neighbours: it ends as `failed` with its reason, its chain stays as it was.
 */
import { accountKeyOf, accountLockKey } from '../identity/account-key.ts';
import { resolveOwners } from '../identity/owners.ts';
import type { Sql } from '../storage/pool.ts';
import { lock, tryLock } from '../storage/queries/chain.ts';
import {
  advanceChains,
  type ApplyDeps,
  type ChainPlan,
  failed,
  type Fate,
  loadKnown,
  writeAdvance,
  type Written,
} from './advance.ts';
import { type ChainWork, ownerLockKey } from './signal.ts';

export type { ApplyDeps, Fate } from './advance.ts';

export interface Applied {
  fates: Fate[];
  /** Writes what came of it; call it once, in the same transaction. */
  write(): Promise<Written>;
}

const MINUTE_MS = 60_000;

/**
 * @param owners `try` leaves chains whose owner is busy pending; `wait` waits for them
 * @param now epoch ms
 */
export async function applyChains(
  sql: Sql,
  deps: ApplyDeps,
  works: readonly ChainWork[],
  owners: 'try' | 'wait',
  now: number,
): Promise<Applied> {
  const fates: Fate[] = [];
  let plans = works.map(plan);
  await attachOwners(sql, plans);
  plans = plans.filter((entry) => !waitsForOwner(entry, fates, now));
  for (const entry of plans) translateAll(entry, deps, fates, now);
  // Locks first, then reads: in this order, in one round trip.
  const [locked, known] = await Promise.all([lockOwners(sql, plans, owners, fates, now), loadKnown(sql, plans)]);
  const advance = advanceChains(deps, locked, known, fates, now);
  return { fates, write: () => writeAdvance(sql, deps, advance, now) };
}

function plan(work: ChainWork): ChainPlan {
  const [first] = work.incoming;
  if (!first) throw new Error('a chain without signals has nothing to apply');
  const given = work.incoming.find((entry) => entry.signal.accountKey)?.signal.accountKey ?? null;
  const accountKey = work.chain?.accountKey ?? (given === null ? null : accountKeyOf(given));
  return {
    work,
    appId: first.app.id,
    store: first.definition.id,
    environment: first.signal.environment,
    accountKey,
    ownerId: work.chain?.ownerId ?? null,
    memory: work.chain?.memory ?? null,
    steps: [],
  };
}

/** The owner already attached; else the store's account key, if it is known to us; else whoever handed the purchase in. */
async function attachOwners(sql: Sql, plans: readonly ChainPlan[]): Promise<void> {
  const open = plans.filter((entry) => entry.ownerId === null);
  const asked = open.flatMap((entry) =>
    entry.accountKey === null ? [] : [{ appId: entry.appId, accountKey: entry.accountKey }],
  );
  const found = asked.length > 0 ? await resolveOwners(sql, asked) : new Map<string, string>();
  for (const entry of open) {
    entry.ownerId =
      (entry.accountKey === null ? undefined : found.get(`${entry.appId}:${entry.accountKey}`)) ??
      entry.work.incoming.find((incoming) => incoming.handedInBy !== null)?.handedInBy ??
      null;
  }
}

/** A chain's first signal waits a while for its owner: an event sent before we know whose it is reaches nobody (ruling 12). */
function waitsForOwner({ work, ownerId }: ChainPlan, fates: Fate[], now: number): boolean {
  if (work.chain !== null || ownerId !== null || work.hasWaited) return false;
  const [first] = work.incoming;
  const minutes = first!.definition.identityWaitMinutes(first!.inForce.account.settings);
  const dueAt = first!.receivedAt + minutes * MINUTE_MS;
  if (dueAt <= now) return false;
  for (const incoming of work.incoming) fates.push({ incoming, state: 'pending', why: 'identity', dueAt });
  return true;
}

/** Signals after one that must read its store's API first stay behind it: order within a chain is part of its meaning. */
function translateAll(entry: ChainPlan, deps: ApplyDeps, fates: Fate[], now: number): void {
  let blocked = false;
  for (const incoming of entry.work.incoming) {
    const { definition, signal, snapshot, inForce } = incoming;
    if (blocked) {
      fates.push({ incoming, state: 'pending', why: 'order', dueAt: now });
      continue;
    }
    try {
      if (snapshot === null && definition.need(signal, entry.memory, inForce.account) !== null) {
        blocked = true;
        fates.push({ incoming, state: 'pending', why: 'read', dueAt: now });
        continue;
      }
      const { facts, memory } = definition.translate(signal, snapshot, entry.memory);
      entry.memory = memory;
      entry.steps.push({ incoming, facts, memory });
    } catch (error) {
      fates.push(failed(incoming, error, deps));
    }
  }
}

async function lockOwners(
  sql: Sql,
  plans: readonly ChainPlan[],
  mode: 'try' | 'wait',
  fates: Fate[],
  now: number,
): Promise<ChainPlan[]> {
  const keysOf = (entry: ChainPlan) => [
    ...(entry.ownerId === null ? [] : [ownerLockKey(entry.appId, entry.ownerId)]),
    ...(entry.accountKey === null ? [] : [accountLockKey(entry.appId, entry.accountKey)]),
  ];
  const keys = [...new Set(plans.flatMap(keysOf))].toSorted((a, b) => a - b);
  if (mode === 'wait') {
    await lock(sql, keys);
    return [...plans];
  }
  const held = await tryLock(sql, keys);
  return plans.filter((entry) => {
    if (keysOf(entry).every((key) => held.has(key))) return true;
    for (const { incoming } of entry.steps) fates.push({ incoming, state: 'pending', why: 'order', dueAt: now });
    return false;
  });
}
