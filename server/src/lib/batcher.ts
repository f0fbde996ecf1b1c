/**
 * Group commit: items that arrive while a flush is under way, or within `gapMs` of the start of the one before, share the next.
 * A lone item after a quiet moment is flushed at once; under load groups grow by themselves, up to `maxItems`.
 */
export interface Batcher<Item, Result> {
  /** Resolves with this item's result once its group is flushed; rejects when the group's flush failed. */
  submit(item: Item): Promise<Result>;
  /** Items not yet flushed or under way. */
  depth(): number;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

export interface BatcherOptions<Item, Result> {
  maxItems: number;
  /** Flushes under way at once. */
  parallel: number;
  /** Least real time between the starts of two flushes that are not full; what a group costs by itself is then shared by more items. */
  gapMs?: number;
  /** Results in the order of `items`. */
  flush(items: Item[]): Promise<Result[]>;
}

interface Waiting<Item, Result> {
  item: Item;
  done(result: Result): void;
  fail(error: unknown): void;
}

export function createBatcher<Item, Result>({
  maxItems,
  parallel,
  gapMs = 0,
  flush,
}: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  let scheduled = false;
  /** Running while a group that is not full waits for the gap to end. */
  let gap: NodeJS.Timeout | null = null;
  let inFlight = 0;
  let idlers: (() => void)[] = [];
  let startedAt = -Infinity;

  /** After this turn of the event loop, so that bodies read in the same turn join the same group; or when the gap is over. */
  const schedule = () => {
    const isFull = waiting.length >= maxItems;
    if (running >= parallel || waiting.length === 0 || (scheduled && !(gap && isFull))) return;
    if (gap) clearTimeout(gap);
    gap = null;
    scheduled = true;
    const rest = startedAt + gapMs - performance.now();
    if (rest > 0 && !isFull) gap = setTimeout(pump, rest);
    else setImmediate(pump);
  };
  const pump = () => {
    scheduled = false;
    gap = null;
    if (running < parallel && waiting.length > 0) {
      const group = waiting.splice(0, maxItems);
      startedAt = performance.now();
      running++;
      inFlight += group.length;
      void run(group);
      schedule();
    }
  };
  const run = async (group: Waiting<Item, Result>[]) => {
    try {
      const results = await flush(group.map((entry) => entry.item));
      group.forEach((entry, index) => entry.done(results[index]!));
    } catch (error) {
      for (const entry of group) entry.fail(error);
    } finally {
      running--;
      inFlight -= group.length;
      schedule();
      if (running === 0 && waiting.length === 0) {
        for (const wake of idlers) wake();
        idlers = [];
      }
    }
  };

  return {
    submit: (item) =>
      new Promise((done, fail) => {
        waiting.push({ item, done, fail });
        schedule();
      }),
    depth: () => waiting.length + inFlight,
    idle: () => (running === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((done) => idlers.push(done))),
  };
}
