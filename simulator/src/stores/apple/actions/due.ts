/** What time itself does to a subscription, and when. */
import type { App } from '../catalogue.ts';
import type { Speed } from '../period.ts';
import { type Chain, latest } from '../state.ts';
import { graceEnds, periodEnds, retryEnds } from './renewal.ts';
import type { Scene } from './scene.ts';

export interface DueStep {
  /** Epoch ms. */
  at: number;
  run(scene: Scene, chain: Chain): void;
}

/** Apple: in the sandbox a renewal is signed seconds before it begins. */
const SANDBOX_AHEAD_MS = 10_000;

/** Null: nothing happens by itself any more. A family member's chain follows the buyer's. */
export function dueStep(app: App, chain: Chain, speed: Speed): DueStep | null {
  if (chain.ownership === 'FAMILY_SHARED') return null;
  if (chain.status === 1) {
    const renews = chain.autoRenew && !chain.paymentFails && chain.endsWith === null;
    const ahead = speed === 'sandbox' ? Math.min(app.signAheadMs, SANDBOX_AHEAD_MS) : app.signAheadMs;
    return { at: (latest(chain).expiresDate as number) - (renews ? ahead : 0), run: periodEnds };
  }
  if (chain.status === 4) return { at: chain.graceUntil as number, run: graceEnds };
  if (chain.status === 3) return { at: chain.retryUntil as number, run: retryEnds };
  return null;
}
