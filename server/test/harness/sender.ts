/**
 * Plays lives against a server as Apple does: each subscriber's notifications in order, each again and again until it is
 * acknowledged. Unlike Apple, it waits milliseconds instead of hours.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Life } from './lives.ts';

export interface Sender {
  /** Ids of notifications that were answered 200, however often they were sent. */
  acknowledged: Set<string>;
  /** Tries that were answered with something else than 200, or not at all, by what happened. */
  troubles: Map<string, number>;
  /** Resolves when every notification has been acknowledged. */
  done: Promise<void>;
  /** Stops between two notifications. */
  stop(): void;
}

export interface SenderOptions {
  url: string;
  lives: readonly Life[];
  /** Lives under way at once. */
  parallel: number;
  /** Real milliseconds to wait after each acknowledgement. */
  pauseMs(): number;
}

export function startSender(options: SenderOptions): Sender {
  const acknowledged = new Set<string>();
  const troubles = new Map<string, number>();
  const queue = [...options.lives];
  const abort = new AbortController();

  async function deliver(body: string): Promise<boolean> {
    try {
      const response = await fetch(options.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: AbortSignal.timeout(10_000),
      });
      await response.arrayBuffer();
      if (response.status === 200) return true;
      count(String(response.status));
    } catch (error) {
      const cause = (error as { cause?: { code?: string } }).cause?.code;
      count(cause ?? (error instanceof Error ? error.name : 'unknown'));
    }
    return false;
  }
  const count = (trouble: string) => troubles.set(trouble, (troubles.get(trouble) ?? 0) + 1);

  async function play(life: Life): Promise<void> {
    for (const notice of life.notices) {
      while (!abort.signal.aborted && !(await deliver(notice.body))) await sleep(40);
      if (abort.signal.aborted) return;
      acknowledged.add(notice.uuid);
      await sleep(options.pauseMs());
    }
  }
  const worker = async () => {
    for (let life = queue.shift(); life && !abort.signal.aborted; life = queue.shift()) await play(life);
  };
  return {
    acknowledged,
    troubles,
    done: Promise.all(Array.from({ length: options.parallel }, worker)).then(() => {}),
    stop: () => abort.abort(),
  };
}
