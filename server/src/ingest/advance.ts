/** The second half of applying: reduce, then one multi-row statement per table. */
import { deliveriesFor } from '../delivery/enqueue.ts';
import type { Environment } from '../events/event.ts';
import type { Facts } from '../lifecycle/fact.ts';
import type { RecordState } from '../lifecycle/record.ts';
import { reduce } from '../lifecycle/reduce.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Sql } from '../storage/pool.ts';
import { type ChainRow, upsertChains } from '../storage/queries/chain.ts';
import { insertDeliveries } from '../storage/queries/delivery.ts';
import { type EventRow, insertEvents } from '../storage/queries/event.ts';
import { type KnownOwner, loadOwners, type Revenue, saveRevenue } from '../storage/queries/owner.ts';
import {
  loadRecords,
  loadReturning,
  type RecordRow,
  type ReturningKey,
  upsertRecords,
} from '../storage/queries/record.ts';
import type { Settings } from '../storage/settings.ts';
import { chainIdOf, type ChainWork, type Incoming } from './signal.ts';

export interface ApplyDeps {
  settings: Settings;
  log: Log;
  metrics: Metrics;
}

export type Fate =
  | { incoming: Incoming; state: 'done' | 'ignored' | 'failed'; reason: string | null }
  | { incoming: Incoming; state: 'pending'; why: 'identity' | 'read' | 'order'; dueAt: number };

/** One chain while it is worked on. */
export interface ChainPlan {
  work: ChainWork;
  appId: number;
  store: string;
  environment: Environment;
  accountKey: string | null;
  ownerId: string | null;
  memory: unknown;
  /** What each signal says, in order; the memory after it. */
  steps: { incoming: Incoming; facts: Facts[]; memory: unknown }[];
}

export function failed(incoming: Incoming, error: unknown, { log }: ApplyDeps): Fate {
  log.error({ err: error, signalId: incoming.signalId, type: incoming.signal.type }, 'Signal could not be applied');
  return { incoming, state: 'failed', reason: error instanceof Error ? error.message.slice(0, 500) : String(error) };
}

/** What is to be written. */
export interface Advance {
  chains: ChainRow[];
  records: RecordRow[];
  events: EventRow[];
  revenue: Revenue[];
}

export interface Written {
  /** Codes of the events written. */
  codes: string[];
  deliveries: number;
}

/** Reduces what was translated; no I/O. Adds the fate of every translated signal to `fates`. */
export function advanceChains(
  deps: ApplyDeps,
  plans: readonly ChainPlan[],
  known: Known,
  fates: Fate[],
  now: number,
): Advance {
  const chains: ChainRow[] = [];
  const records = new Map<string, RecordRow>();
  const events: EventRow[] = [];
  const revenue = new Map<string, Revenue>();

  for (const entry of plans) {
    const first = entry.work.incoming[0]!;
    const { app } = first;
    const purse = `${app.id}:${entry.ownerId}:${entry.environment}`;
    const owner = known.owners.get(purse)?.owner ?? null;
    let mine = (entry.work.chain?.recordIds ?? []).flatMap((id) => known.records.get(`${app.id}:${id}`) ?? []);
    let statusAt = entry.work.chain?.statusAt ?? null;
    let memory: unknown = entry.work.chain?.memory ?? null;
    for (const step of entry.steps) {
      try {
        const before = known.owners.get(purse)?.revenue ?? 0;
        let state = { records: mine, statusAt, cumulated: before };
        const told: EventRow[] = [];
        for (const facts of step.facts) {
          const returning = state.records.length === 0 ? known.returning.get(entry) : undefined;
          const output = reduce({
            ...state,
            facts,
            owner,
            ...(returning && { returning }),
            plans: deps.settings.plans(app.id, entry.store),
            currency: app.currency,
            // Other currencies need exchange rates; without one the converted attributes are left out.
            rate: (from) => (from === app.currency ? 1 : undefined),
            now,
          });
          state = output;
          for (const event of output.events)
            told.push({ appId: app.id, chainId: step.incoming.chainId!, signalId: step.incoming.signalId, event });
          for (const note of output.notes) deps.metrics.noted(note);
        }
        mine = state.records;
        statusAt = state.statusAt;
        memory = step.memory;
        events.push(...told);
        if (owner && state.cumulated !== before) {
          known.owners.set(purse, { owner, revenue: state.cumulated });
          revenue.set(purse, {
            appId: app.id,
            ownerId: owner.id,
            environment: entry.environment,
            amount: state.cumulated,
          });
        }
        fates.push({ incoming: step.incoming, state: 'done', reason: null });
      } catch (error) {
        fates.push(failed(step.incoming, error, deps));
      }
    }
    for (const state of mine) {
      known.records.set(`${app.id}:${state.id}`, state);
      records.set(`${app.id}:${state.id}`, {
        appId: app.id,
        chainId: chainIdOf(app.id, entry.store, state)!,
        accountKey: entry.accountKey,
        state,
      });
    }
    if (entry.steps.length === 0) continue;
    chains.push({
      appId: app.id,
      id: first.chainId!,
      store: entry.store,
      environment: entry.environment,
      storeChainId: first.signal.chainId!,
      shard: Number.parseInt(first.chainId!.slice(0, 2), 16),
      ownerId: entry.ownerId,
      accountKey: entry.accountKey,
      memory,
      statusAt,
      recordIds: mine.map((state) => state.id),
    });
  }
  return { chains, records: [...records.values()], events, revenue: [...revenue.values()] };
}

export async function writeAdvance(
  sql: Sql,
  deps: ApplyDeps,
  { chains, records, events, revenue }: Advance,
  now: number,
): Promise<Written> {
  const [fresh] = await Promise.all([
    insertEvents(sql, events),
    upsertChains(sql, chains, now),
    upsertRecords(sql, records, now),
    saveRevenue(sql, revenue),
  ]);
  const written = events.filter((row) => fresh.has(`${row.appId}:${row.event.eventId}`));
  const deliveries = written.flatMap((row) => {
    const app = deps.settings.appById(row.appId);
    return app ? deliveriesFor(row.event, app, deps.settings.integrations(row.appId)) : [];
  });
  await insertDeliveries(sql, deliveries, now);
  return { codes: written.map((row) => row.event.code), deliveries: deliveries.length };
}

export interface Known {
  records: Map<string, RecordState>;
  /** By app, owner and environment. */
  owners: Map<string, KnownOwner>;
  /** A returning customer's ended record. */
  returning: Map<ChainPlan, RecordState>;
}

/** Lock the owners first. */
export async function loadKnown(sql: Sql, plans: readonly ChainPlan[]): Promise<Known> {
  const ownerKeys = plans.flatMap((entry) =>
    entry.ownerId === null ? [] : [{ appId: entry.appId, id: entry.ownerId, environment: entry.environment }],
  );
  const recordKeys = plans.flatMap((entry) =>
    (entry.work.chain?.recordIds ?? []).map((id) => ({ appId: entry.appId, id })),
  );
  const asked: { entry: ChainPlan; key: ReturningKey }[] = plans.flatMap((entry) => {
    const facts = entry.steps.flatMap((step) => step.facts).find((fact) => fact.transaction !== undefined);
    if (entry.work.chain !== null || !facts?.transaction || (entry.ownerId === null && entry.accountKey === null))
      return [];
    const { appId, store: _, environment, ownerId, accountKey } = entry;
    return [
      {
        entry,
        key: { appId, store: facts.store, environment, productId: facts.transaction.productId, ownerId, accountKey },
      },
    ];
  });
  const [records, owners, found] = await Promise.all([
    loadRecords(sql, recordKeys),
    loadOwners(sql, ownerKeys),
    loadReturning(
      sql,
      asked.map(({ key }) => key),
    ),
  ]);
  const returning = new Map([...found].map(([position, state]) => [asked[position]!.entry, state]));
  return { records, owners, returning };
}
