/**
 * The door: verify, then share a group commit with whoever arrives at the same moment. The answer goes out after the commit,
 * so what was answered 200 is on disk; nothing here ever waits for a store's API.
 *
 * Where a chain has nothing pending and can be locked without waiting, its signals are applied in that same transaction.
 * Everything else is stored, answered, and left to the worker (process.ts).
 */
import { isUtf8 } from 'node:buffer';
import { type ErrorCode, ERRORS } from '../errors.ts';
import { type Batcher, createBatcher } from '../lib/batcher.ts';
import type { Clock } from '../lib/clock.ts';
import { uuidv7 } from '../lib/ids.ts';
import type { Database } from '../storage/pool.ts';
import type { App } from '../storage/settings.ts';
import type { SignalKind, StoreDefinition, Verdict } from '../stores/store.ts';
import type { ApplyDeps } from './apply.ts';
import { storeGroup, type StoredGroup, storeOnly } from './group.ts';
import type { Rejections } from './rejections.ts';
import { type Arriving, chainIdOf, type Incoming } from './signal.ts';

export interface ReceiveDeps extends ApplyDeps {
  db: Database;
  clock: Clock;
  stores: readonly StoreDefinition[];
  rejections: Rejections;
  /** DER of roots trusted besides the stores' own: simulators only. */
  extraRoots: readonly Uint8Array[];
  /** After each commit. */
  onCommitted(result: { deliveries: number; pending: number }): void;
  /** A verified signal came in; used to see test notifications arrive. */
  onSignal?(incoming: Incoming): void;
}

export interface Receipt {
  status: number;
  code?: ErrorCode;
}

export interface HandInRequest {
  app: App;
  store: string;
  signed: string;
  ownerId: string;
}

export interface Receiver {
  /** @param remoteAddress logged with refused notifications */
  receive(store: string, slug: string, body: Buffer, remoteAddress: string): Promise<Receipt>;
  /** Counts a notification that was refused before its body was read whole. */
  refused(store: string, slug: string, code: ErrorCode): void;
  handIn(request: HandInRequest): Promise<Receipt>;
  /** Resolves when everything accepted so far is committed. */
  idle(): Promise<void>;
}

const GROUP_MAX = 128;
const GROUPS_AT_ONCE = 2;
/** Real time. At 500/s it makes groups of five instead of one, and a group costs as much as a handful of signals. */
const GROUP_GAP_MS = 10;
/** Beyond this many waiting signals the store is asked to come back: memory stays bounded, nothing is lost. */
const WAITING_MAX = 5_000;

export function createReceiver(deps: ReceiveDeps): Receiver {
  const definitions = new Map(deps.stores.map((definition) => [definition.id, definition]));
  const batcher: Batcher<Arriving, 'stored' | 'duplicate' | 'ignored'> = createBatcher({
    maxItems: GROUP_MAX,
    parallel: GROUPS_AT_ONCE,
    gapMs: GROUP_GAP_MS,
    flush: (items) => commit(deps, items),
  });

  const accept = async (incoming: Arriving): Promise<Receipt> => {
    if (batcher.depth() > WAITING_MAX) return { status: 503, code: 'overloaded' };
    const started = performance.now();
    try {
      const result = await batcher.submit(incoming);
      deps.metrics.signalReceived(incoming.definition.id, result);
      deps.metrics.ackSeconds((performance.now() - started) / 1000);
      if (result !== 'duplicate') deps.onSignal?.(incoming);
      return { status: 200 };
    } catch (error) {
      deps.log.error({ err: error, type: incoming.signal.type }, 'Signal could not be stored');
      return { status: 503, code: 'store_unavailable' };
    }
  };

  const refuse = (appId: number | null, store: string, code: ErrorCode): Receipt => {
    deps.metrics.signalRefused(definitions.has(store) ? store : 'unknown', code);
    if (appId !== null) deps.rejections.count(appId, store, code);
    return { status: ERRORS[code][0], code };
  };

  const judge = (verdict: Verdict, app: App, store: string, from: string | null): Receipt | null => {
    if (verdict.ok) return null;
    deps.log.warn({ app: app.slug, store, code: verdict.code, from }, 'Notification refused');
    return refuse(app.id, store, verdict.code);
  };

  const open = (slugOrApp: App | string, store: string) => {
    const app = typeof slugOrApp === 'string' ? deps.settings.appBySlug(slugOrApp) : slugOrApp;
    const definition = definitions.get(store);
    const inForce = app && definition ? deps.settings.storeAccount(app.id, store) : undefined;
    return { app, definition, inForce };
  };

  const build = (
    app: App,
    definition: StoreDefinition,
    inForce: Incoming['inForce'],
    kind: SignalKind,
    body: Uint8Array,
    verdict: Extract<Verdict, { ok: true }>,
    ownerId: string | null,
  ): Arriving => {
    const receivedAt = deps.clock.now();
    return {
      app,
      definition,
      inForce,
      kind,
      signalId: uuidv7(receivedAt),
      receivedAt,
      signal: verdict.signal,
      body,
      snapshot: null,
      handedInBy: ownerId,
      chainId: chainIdOf(app.id, definition.id, verdict.signal),
    };
  };

  return {
    async receive(store, slug, body, remoteAddress) {
      const { app, definition, inForce } = open(slug, store);
      if (!app) return refuse(null, store, 'app_unknown');
      if (!definition || !inForce) return refuse(null, store, 'store_unknown');
      // JSON is UTF-8; what is not cannot be stored as text byte for byte.
      if (!isUtf8(body)) return refuse(app.id, store, 'store_body_invalid');
      const verdict = definition.verify(body, inForce.account, {
        now: deps.clock.now(),
        dates: 'live',
        extraRoots: deps.extraRoots,
      });
      const refused = judge(verdict, app, store, remoteAddress);
      if (refused || !verdict.ok) return refused!;
      return accept(build(app, definition, inForce, 'notification', body, verdict, null));
    },
    refused(store, slug, code) {
      refuse(deps.settings.appBySlug(slug)?.id ?? null, store, code);
    },
    async handIn({ app, store, signed, ownerId }) {
      const { definition, inForce } = open(app, store);
      if (!definition || !inForce) return { status: 404, code: 'store_unknown' };
      const verdict = definition.verifyHandIn(signed, inForce.account, {
        now: deps.clock.now(),
        dates: 'live',
        extraRoots: deps.extraRoots,
      });
      const refused = judge(verdict, app, store, null);
      if (refused || !verdict.ok) return refused!;
      return accept(build(app, definition, inForce, 'sdk', Buffer.from(signed), verdict, ownerId));
    },
    idle: () => batcher.idle(),
  };
}

async function commit(deps: ReceiveDeps, items: Arriving[]): Promise<('stored' | 'duplicate' | 'ignored')[]> {
  let group: StoredGroup;
  try {
    group = await deps.db.transaction((sql) => storeGroup(sql, deps, items, deps.clock.now()));
  } catch (error) {
    if (!isServerError(error)) throw error;
    // One signal's data, or a deadlock, broke the group: store each alone, unapplied; the worker takes them one chain at a time.
    deps.log.warn({ err: error, signals: items.length }, 'Group could not be applied; storing its signals one by one');
    deps.metrics.noted('group_fallback');
    group = await storeEach(deps, items);
  }
  deps.metrics.eventsEmitted(group.codes);
  deps.onCommitted(group);
  return group.results;
}

async function storeEach(deps: ReceiveDeps, items: Arriving[]): Promise<StoredGroup> {
  const merged: StoredGroup = { results: [], codes: [], deliveries: 0, pending: 0 };
  for (const item of items) {
    const one = await deps.db.transaction((sql) => storeOnly(sql, item, deps.clock.now()));
    merged.results.push(...one.results);
    merged.pending += one.pending;
  }
  return merged;
}

/** An answer of PostgreSQL (it has a SQLSTATE), as opposed to having none. */
function isServerError(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !code.startsWith('57P');
}
