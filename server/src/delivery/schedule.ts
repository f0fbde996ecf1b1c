/** When to try again. All times follow the product's clock. */

const BASE_MS = 1_000;
const STEP_MS = 5_000;
const MAX_JITTER_MS = 3_600_000;

/** Transient failures in a row that open the breaker, and for how long. */
export const BREAKER_FAILURES = 10;
export const BREAKER_MS = 60_000;

const MINUTE_MS = 60_000;
const PROBE_DELAYS_MS = [1, 5, 15, 60].map((minutes) => minutes * MINUTE_MS);

/**
 * Full jitter: many lanes that failed together do not come back together.
 * @param failures so far, this one included
 * @param random from 0 up to, not including, 1
 */
export function retryDelay(failures: number, random: number): number {
  return BASE_MS + random * Math.min(MAX_JITTER_MS, STEP_MS * 2 ** failures);
}

/** How long after pausing, or after the nth failed probe, the next probe may go. */
export function probeDelay(failedProbes: number): number {
  return PROBE_DELAYS_MS[Math.min(failedProbes, PROBE_DELAYS_MS.length - 1)]!;
}

export interface Tried {
  /** Epoch ms; null = this was the first attempt. */
  firstTriedAt: number | null;
  /** The destination's finished pauses at the first attempt, and now; ms. */
  pausedMsThen: number | null;
  pausedMsNow: number;
}

/** May there be an attempt at `at`? Pauses since the first attempt extend the window. */
export function isWithinWindow(tried: Tried, at: number, retryWindowMs: number): boolean {
  if (tried.firstTriedAt === null) return true;
  const paused = tried.pausedMsNow - (tried.pausedMsThen ?? tried.pausedMsNow);
  return at <= tried.firstTriedAt + retryWindowMs + paused;
}
