/**
 * Writes outcomes down. Answers that come in while a write is under way share the next one; a lone answer is written at once.
 * An outcome is never given up while we run: if the database is away it is tried again, and if our lease is gone meanwhile the
 * new holder has already taken the request for ambiguous.
 */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Outcome } from '../integrations/integration.ts';
import type { Log } from '../observe/log.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Database } from '../storage/pool.ts';
import { type AttemptRow, type Fate, settleDelivered, settleFailed } from '../storage/queries/attempt.ts';
import { noteDeliveries } from '../storage/queries/delivery.ts';
import { fatesOf } from './fate.ts';
import { type Gate, type Gates } from './gates.ts';
import type { Batch } from './lanes.ts';

/** A request on its way. */
export interface Flight {
  id: string;
  batch: Batch;
  gate: Gate;
  probe: boolean;
  shard: number;
  epoch: number;
  /** Epoch ms. */
  sentAt: number;
}

/** A request that came to an end. */
export interface Landing {
  flight: Flight;
  answer: Answer;
  outcome: Outcome;
  durationMs: number;
}

const MAX_GROUP = 256;
/** Real time between two writes: a few more answers share each, and nobody waits for them but the next event of the same visitor. */
const GAP_MS = 10;
const RETRY_MS = 250;
const LONG_RETRY_MS = 5_000;

export interface SettlerOptions {
  db: Database;
  log: Log;
  gates: Gates;
  version: string;
  now(): number;
  random(): number;
  metrics?: Pick<Metrics, 'attempt' | 'attemptSeconds' | 'deliverySettled' | 'inToOutSeconds'> | undefined;
  /** The flights' lanes may move again. */
  onSettled(flights: readonly Flight[]): void;
}

export interface Settler {
  add(landing: Landing): void;
  /** Gives up on outcomes that cannot be written now: whoever takes over finds them in flight. */
  abandon(): void;
}

export function createSettler(options: SettlerOptions): Settler {
  const { db, log, version, now } = options;
  let waiting: Landing[] = [];
  let running: Promise<void> | null = null;
  let isAbandoned = false;

  const run = async () => {
    while (waiting.length > 0 && !isAbandoned) {
      const group = waiting.splice(0, MAX_GROUP);
      await write(group);
      if (waiting.length > 0) await sleep(GAP_MS);
    }
    running = null;
  };

  /** Resolves when the whole group is written, or given up. */
  const write = async (group: readonly Landing[]): Promise<void> => {
    let left = group;
    while (left.length > 0 && !isAbandoned) {
      const { again, error } = await settle(left);
      if (again.length === 0) return;
      log.error({ err: error, requests: again.length }, 'Outcomes could not be written; trying again');
      if (isAbout(error) && again.length > 1) {
        // One outcome that cannot be stored must not keep the others from it.
        const half = Math.ceil(again.length / 2);
        await write(again.slice(0, half));
        left = again.slice(half);
        continue;
      }
      if (isAbout(error)) {
        const [one] = again;
        setTimeout(() => add(one!), LONG_RETRY_MS).unref();
        return;
      }
      await sleep(RETRY_MS);
      left = again;
    }
  };

  /** @returns what must be tried again, and why */
  const settle = async (group: readonly Landing[]): Promise<{ again: readonly Landing[]; error?: unknown }> => {
    const delivered = group.filter(({ outcome }) => outcome.class === 'success');
    const failed = group.filter(({ outcome }) => outcome.class !== 'success');
    const [notes, ...results] = await Promise.allSettled([
      writeNotes(group),
      delivered.length > 0 ? writeDelivered(delivered) : undefined,
      failed.length > 0 ? writeFailed(failed) : undefined,
    ]);
    if (notes.status === 'rejected') log.warn({ err: notes.reason }, 'Notes on encoding could not be written');
    const again = [delivered, failed].filter((_, index) => results[index]!.status === 'rejected').flat();
    const isAgain = new Set(again);
    const written = group.filter((landing) => !isAgain.has(landing));
    await learn(written);
    options.onSettled(written.map(({ flight }) => flight));
    const error: unknown = results.find((result) => result.status === 'rejected')?.reason;
    return { again, error };
  };

  const writeNotes = async (group: readonly Landing[]) => {
    const notes = group.flatMap(({ flight: { batch } }) =>
      batch.rows.flatMap(({ appId, id, eventId }) => {
        const told = batch.request.notes[eventId];
        return told ? [{ appId, id, notes: told }] : [];
      }),
    );
    if (notes.length > 0) await noteDeliveries(db, notes);
  };

  const writeDelivered = async (group: readonly Landing[]) => {
    const ours = await settleDelivered(db, group.map(toAttempt), version, now());
    const kept = confirmed(group, ours);
    const count = kept.reduce((sum, { flight }) => sum + flight.batch.rows.length, 0);
    options.metrics?.deliverySettled('delivered', count);
    for (const { flight } of kept) {
      for (const row of flight.batch.rows) options.metrics?.inToOutSeconds(Math.max(0, (now() - row.createdAt) / 1000));
    }
  };

  const writeFailed = async (group: readonly Landing[]) => {
    const at = now();
    const fates = group.flatMap(({ flight: { batch, gate }, outcome }, attempt): Fate[] =>
      fatesOf(batch.rows, outcome, {
        now: at,
        random: options.random(),
        retryWindowMs: gate.pace.retryWindowMs,
        pausedMs: options.gates.pausedMs(gate),
      }).map((fate) => ({ ...fate, attempt })),
    );
    const rows = group.map((landing) => {
      const { answer, outcome, flight } = landing;
      return {
        ...toAttempt(landing),
        class: outcome.class,
        error: outcome.message,
        ambiguous: outcome.ambiguous,
        bytesWritten: answer.kind === 'status' || answer.bytesWritten,
        requestUrl: flight.batch.request.url,
        requestBody: storable(flight.batch.request.body),
      };
    });
    const ours = await settleFailed(db, rows, fates, version, at);
    confirmed(group, ours);
    for (const { state, attempt } of fates)
      if (ours.has(group[attempt]!.flight.batch.lane)) options.metrics?.deliverySettled(state, 1);
  };

  const confirmed = (group: readonly Landing[], ours: ReadonlySet<number>) => {
    const kept = group.filter(({ flight }) => ours.has(flight.batch.lane));
    if (kept.length < group.length)
      log.warn(
        { requests: group.length - kept.length },
        'Outcomes were written before, or the shard was lost and its new holder decides',
      );
    for (const { outcome, durationMs } of kept) {
      options.metrics?.attempt(outcome.class, outcome.ambiguous);
      options.metrics?.attemptSeconds(durationMs / 1000);
    }
    return kept;
  };

  const learn = async (group: readonly Landing[]) => {
    const byGate = new Map<Gate, Landing[]>();
    for (const landing of group) {
      const { gate } = landing.flight;
      const list = byGate.get(gate);
      if (list) list.push(landing);
      else byGate.set(gate, [landing]);
    }
    for (const [gate, landings] of byGate) {
      const answers = landings.map(({ outcome, flight }) => ({ outcome, probe: flight.probe }));
      await options.gates
        .learn(gate, answers)
        .catch((error: unknown) => log.error({ err: error }, 'The state of a destination could not be written'));
    }
  };

  function add(landing: Landing): void {
    waiting.push(landing);
    running ??= Promise.resolve().then(run);
  }

  return {
    add,
    abandon() {
      isAbandoned = true;
    },
  };
}

/** Is the error about what was to be written (SQLSTATE classes of data, constraints, code), not about the database being there? */
function isAbout(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === 'string' && /^(2[0-9A-Z]|42|XX)[0-9A-Z]{3}$/.test(code);
}

function toAttempt({ flight, answer, durationMs }: Landing): AttemptRow {
  const { batch, id, sentAt, shard, epoch } = flight;
  const { visitor, settings, request } = batch;
  return {
    id,
    at: sentAt,
    appId: batch.appId,
    integrationId: batch.integrationId,
    environment: batch.environment,
    clientId: visitor.clientId,
    shard,
    epoch,
    settingsVersion: settings.version,
    userAgent: request.headers['User-Agent'] ?? null,
    address: request.headers['X-Forwarded-For'] ?? null,
    privacyMode: visitor.privacyMode,
    privacyConsent: visitor.privacyConsent,
    bodyHash: createHash('sha256').update(request.body).digest(),
    status: answer.kind === 'status' ? answer.status : null,
    durationMs: Math.round(durationMs),
  };
}

/** JSON escapes the one character that PostgreSQL cannot store; a body of another kind loses it. */
function storable(body: string): string {
  return body.replaceAll('\u0000', '');
}
