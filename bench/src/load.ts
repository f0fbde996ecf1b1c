/**
 * The load: which notification is sent when. Lives are sent step by step, all lives' first step, then all lives' second, so
 * that a chain is touched again only after all the others were. Pure but for `post` and the clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';

export type Pace =
  /** As fast as answers come, `parallel` at once, never more than `window` ahead of what came out at the other end. */
  | { kind: 'closed'; parallel: number; window: number }
  /** A fixed rate, whatever the answers do; latency counts from the moment a request was due. */
  | { kind: 'rate'; perSecond: number };

export interface Sent {
  /** Real epoch ms at which the notification was due. */
  at: number[];
  /** Milliseconds until its answer. */
  ackMs: number[];
  /** Answers other than 200. */
  refused: number;
}

export interface LoadOptions {
  bodies: readonly string[];
  pace: Pace;
  /** Answers the HTTP status. */
  post(body: string): Promise<number>;
  /** How many of the notifications sent so far have come out at the other end. */
  completed(): number;
}

export async function sendLoad({ bodies, pace, post, completed }: LoadOptions): Promise<Sent> {
  const sent: Sent = { at: [], ackMs: [], refused: 0 };
  const one = async (index: number, dueAt: number) => {
    sent.at[index] = performance.timeOrigin + dueAt;
    const status = await post(bodies[index]!).catch(() => 0);
    sent.ackMs[index] = performance.now() - dueAt;
    if (status !== 200) sent.refused += 1;
  };
  if (pace.kind === 'closed') {
    let next = 0;
    const worker = async () => {
      while (next < bodies.length) {
        if (next - completed() >= pace.window) {
          await sleep(5);
          continue;
        }
        const index = next;
        next += 1;
        await one(index, performance.now());
      }
    };
    await Promise.all(Array.from({ length: pace.parallel }, worker));
    return sent;
  }
  const startedAt = performance.now();
  const flying: Promise<void>[] = [];
  for (let index = 0; index < bodies.length; ) {
    const dueAt = startedAt + (index * 1000) / pace.perSecond;
    const ahead = dueAt - performance.now();
    if (ahead > 1) {
      await sleep(ahead);
      continue;
    }
    flying.push(one(index, dueAt));
    index += 1;
  }
  await Promise.all(flying);
  return sent;
}
