export interface Spread {
  n: number;
  p50: number;
  p99: number;
  max: number;
}

/** Nearest-rank percentiles of a sample, in its own unit; null for an empty one. */
export function spread(sample: readonly number[]): Spread | null {
  if (sample.length === 0) return null;
  const sorted = Float64Array.from(sample).toSorted();
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { n: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) };
}
