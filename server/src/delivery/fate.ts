/** What becomes of each delivery of a request that did not succeed. Pure. */
import type { Outcome } from '../integrations/integration.ts';
import type { Fate } from '../storage/queries/attempt.ts';
import type { ClaimedRow } from '../storage/queries/delivery-queue.ts';
import { isWithinWindow, retryDelay } from './schedule.ts';

export interface FateContext {
  now: number;
  /** From 0 up to, not including, 1. */
  random: number;
  retryWindowMs: number;
  /** The destination's finished pauses. */
  pausedMs: number;
}

/** @param rows the request's deliveries, in order; they stay in order, so they share one due time */
export function fatesOf(
  rows: readonly ClaimedRow[],
  outcome: Outcome,
  { now, random, retryWindowMs, pausedMs }: FateContext,
): Omit<Fate, 'attempt'>[] {
  switch (outcome.class) {
    case 'success':
      throw new Error('a success has no fates');
    case 'setup':
      // The destination pauses; its events lose nothing but time, and the oldest stays the oldest.
      return rows.map((row) => ({
        id: row.id,
        state: row.state,
        reason: null,
        dueAt: row.dueAt,
        batchMax: null,
        pausedMs,
      }));
    case 'transient':
    case 'throttle': {
      const delay = outcome.class === 'throttle' ? 0 : retryDelay(rows[0]!.tries + 1, random);
      const dueAt = Math.ceil(now + Math.max(delay, outcome.retryAfterMs ?? 0));
      return rows.map((row) => {
        const tried = { firstTriedAt: row.firstTriedAt, pausedMsThen: row.pausedMs, pausedMsNow: pausedMs };
        return isWithinWindow(tried, dueAt, retryWindowMs)
          ? { id: row.id, state: 'retrying', reason: null, dueAt, batchMax: null, pausedMs }
          : { id: row.id, state: 'parked', reason: 'retry_window', dueAt: now, batchMax: null, pausedMs };
      });
    }
    default:
      return rows.map((row) => {
        if (rows.length === 1 && row.batchMax === 1) {
          return { id: row.id, state: 'dead_letter', reason: 'refused', dueAt: now, batchMax: null, pausedMs };
        }
        const isFirst = row.batchMax === null;
        const batchMax = outcome.split === 'halve' && isFirst && rows.length > 1 ? Math.ceil(rows.length / 2) : 1;
        return { id: row.id, state: 'retrying', reason: null, dueAt: now, batchMax, pausedMs };
      });
  }
}
