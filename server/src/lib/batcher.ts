/**
 * Group commit: items that arrive while a flush is under way share the next one. A lone item is flushed at once;
 * under load groups grow by themselves, up to `maxItems`, and no item ever waits for a timer.
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
  flush,
}: BatcherOptions<Item, Result>): Batcher<Item, Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  let scheduled = false;
  let inFlight = 0;
  let idlers: (() => void)[] = [];

  const pump = () => {
    scheduled = false;
    while (running < parallel && waiting.length > 0) {
      const group = waiting.splice(0, maxItems);
      running++;
      inFlight += group.length;
      void run(group);
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
      pump();
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
        // After this turn of the event loop: bodies that were read in the same turn join the same group.
        if (!scheduled && running < parallel) {
          scheduled = true;
          setImmediate(pump);
        }
      }),
    depth: () => waiting.length + inFlight,
    idle: () => (running === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((done) => idlers.push(done))),
  };
}
