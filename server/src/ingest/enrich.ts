/**
 * Reads a store's API for a signal that cannot be applied without it, outside any transaction. The answer is stored beside the
 * signal, so that applying it again never needs the API. Five failed tries leave the marker `unavailable`: then the signal is
 * applied with what is known.
 */
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../storage/pool.ts';
import { type DueSignal, postpone, saveSnapshot } from '../storage/queries/signal.ts';
import type { Settings } from '../storage/settings.ts';
import type { Snapshot, StoreDefinition } from '../stores/store.ts';

export interface EnrichDeps {
  db: Database;
  clock: Clock;
  settings: Settings;
  stores: readonly StoreDefinition[];
  extraRoots: readonly Uint8Array[];
  allowPrivateTargets: boolean;
  log: Log;
  metrics: Metrics;
}

/** A store gives up by itself; this bounds one that does not. */
const TRIES = 5;
/** The app's set-up for the store is gone or cannot be read; it may come back. */
export const SETUP_MISSING_MS = 60_000;

export interface Reader {
  /** Leaves an answer, a marker, or a later due time with the signal. */
  readFor(stored: DueSignal): Promise<void>;
}

export function createReader(deps: EnrichDeps): Reader {
  /** Apps whose credentials were refused: epoch ms until which their API is left alone. Their notifications keep flowing. */
  const paused = new Map<string, number>();

  return {
    async readFor(stored) {
      const { clock, extraRoots, allowPrivateTargets, metrics } = deps;
      const definition = deps.stores.find((entry) => entry.id === stored.store);
      const account = deps.settings.storeAccount(stored.appId, stored.store)?.account;
      if (!definition || !account) {
        return postpone(deps.db, [{ ...stored, dueAt: clock.now() + SETUP_MISSING_MS }]);
      }
      const name = `${stored.appId}:${stored.store}`;
      if ((paused.get(name) ?? 0) > clock.now()) return save(deps, stored, unavailable(clock.now()));
      const signal = definition.decode(stored.body, stored.kind);
      const { tries } = stored;
      const result = await definition.read('history', signal, account, {
        clock,
        extraRoots,
        allowPrivateTargets,
        tries,
      });
      if (result.ok) {
        metrics.storeRead(stored.store, result.snapshot.kind === 'history' ? 'ok' : result.snapshot.kind);
        return save(deps, stored, result.snapshot);
      }
      deps.log.warn(
        { store: stored.store, signalId: stored.signalId, tries },
        `Store API read failed: ${result.message}`,
      );
      if (result.kind === 'credentials') {
        paused.set(name, clock.now() + result.delayMs);
        deps.log.error(
          { app: account.appSlug, store: stored.store },
          'The store refuses the API credentials; its API is left alone for a while',
        );
        metrics.storeRead(stored.store, 'credentials');
        return save(deps, stored, unavailable(clock.now()));
      }
      const failures = tries + (result.kind === 'limited' ? 0 : 1);
      if (failures >= TRIES) {
        metrics.storeRead(stored.store, 'unavailable');
        return save(deps, stored, unavailable(clock.now()));
      }
      metrics.storeRead(stored.store, 'again');
      await postpone(deps.db, [{ ...stored, dueAt: clock.now() + result.delayMs, tries: failures }]);
    },
  };
}

function unavailable(now: number): Snapshot {
  return { kind: 'unavailable', items: [], readAt: now };
}

async function save(deps: EnrichDeps, stored: DueSignal, snapshot: Snapshot): Promise<void> {
  await deps.db.transaction(async (sql) => {
    await saveSnapshot(sql, stored, snapshot);
    await postpone(sql, [{ ...stored, dueAt: deps.clock.now(), why: 'read' }]);
  });
}
