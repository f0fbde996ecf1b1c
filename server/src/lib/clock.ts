/** The time the product lives in: real, or the simulator's (`npm start`). Leases and socket timeouts stay on real time. */
export interface Clock {
  /** Epoch ms. */
  now(): number;
  /** Called when time jumps or changes its rate, so that sleepers look again. Returns the un-subscribe. */
  onJump(listener: () => void): () => void;
  /** Real milliseconds until the clock shows `at` (0 if past; Infinity if it stands still). */
  realDelayUntil(at: number): number;
}

export const realClock: Clock = {
  now: () => Date.now(),
  onJump: () => () => {},
  realDelayUntil: (at) => Math.max(0, at - Date.now()),
};
