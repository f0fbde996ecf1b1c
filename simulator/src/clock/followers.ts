/**
 * Who keeps their own clock in step with ours. A follower long-polls for a version newer than the one it shows; asking again with
 * the new version is its acknowledgement. A change waits for that (bounded), so that nothing signed at the new time meets a
 * follower that still shows the old one.
 */
import type { SimulatedClock } from './clock.ts';

/** Real ms a follower counts as alive after it was last seen. */
export const FOLLOWER_ALIVE_MS = 30_000;
export const ACKNOWLEDGE_MS = 2_000;
export const POLL_MS = 25_000;

interface Follower {
  seenAt: number;
  version: number;
}

export class Followers {
  readonly #clock: SimulatedClock;
  readonly #followers = new Map<string, Follower>();
  readonly #waiting = new Set<() => void>();

  constructor(clock: SimulatedClock) {
    this.#clock = clock;
  }

  /**
   * Somebody that shows `version` asks; resolves when there is another one, after `pollMs`, or when the caller is gone. Only who
   * gives an id is waited for later.
   */
  async poll(id: string | null, version: number, gone: AbortSignal, pollMs = POLL_MS): Promise<void> {
    if (id !== null) this.#followers.set(id, { seenAt: Date.now(), version });
    for (const check of this.#waiting) check();
    if (version !== this.#clock.version) return;
    await new Promise<void>((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        unsubscribe();
        gone.removeEventListener('abort', finish);
        resolve();
      };
      const timer = setTimeout(finish, pollMs);
      const unsubscribe = this.#clock.onChange(finish);
      gone.addEventListener('abort', finish);
    });
    const follower = id === null ? undefined : this.#followers.get(id);
    if (follower) follower.seenAt = Date.now();
  }

  /**
   * Waits until every follower alive has asked again with the present version, `timeoutMs` at most. One that does not is forgotten
   * until it asks again, so that a stopped server slows one step and not all that follow. Gives the ids of those.
   */
  async acknowledged(timeoutMs = ACKNOWLEDGE_MS): Promise<string[]> {
    const deadline = Date.now() + timeoutMs;
    while (this.#behind().length > 0 && Date.now() < deadline) await this.#nextPoll(deadline - Date.now());
    const lost = this.#behind();
    for (const id of lost) this.#followers.delete(id);
    return lost;
  }

  #behind(): string[] {
    const alive = Date.now() - FOLLOWER_ALIVE_MS;
    const behind: string[] = [];
    for (const [id, follower] of this.#followers) {
      if (follower.seenAt < alive) this.#followers.delete(id);
      else if (follower.version !== this.#clock.version) behind.push(id);
    }
    return behind;
  }

  #nextPoll(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, timeoutMs);
      this.#waiting.add(finish);
    });
  }
}
