/**
 * Our share of Apple's rate limit. Apple: "Identifying rate limits" – 50 requests a second per app in production, a tenth of that in
 * the sandbox, counted by the hour; half of it is for live reads, so that sweeps and people always find room.
 */
import type { AppleEnvironment } from './payload.ts';

const PER_SECOND: Readonly<Record<AppleEnvironment, number>> = { Production: 25, Sandbox: 2.5 };
/** What may be used at once after a quiet minute, in seconds of the rate. */
const BURST_SECONDS = 60;

export interface Quota {
  /** Takes one request; 0 = go ahead, else the ms until there is room again. `at` is monotonic ms. */
  take(appId: number, environment: AppleEnvironment, at: number): number;
}

export function createQuota(): Quota {
  const buckets = new Map<string, { left: number; at: number }>();
  return {
    take(appId, environment, at) {
      const rate = PER_SECOND[environment];
      const key = `${environment}:${appId}`;
      const bucket = buckets.get(key) ?? { left: rate * BURST_SECONDS, at };
      buckets.set(key, bucket);
      bucket.left = Math.min(rate * BURST_SECONDS, bucket.left + ((at - bucket.at) / 1000) * rate);
      bucket.at = at;
      if (bucket.left < 1) return Math.ceil(((1 - bucket.left) / rate) * 1000);
      bucket.left--;
      return 0;
    },
  };
}
