/** What is due when, earliest first; things due at the same moment keep the order in which they were planned. */

export interface Due {
  /** Epoch ms of the simulated clock. */
  at: number;
  run(at: number): void | Promise<void>;
}

interface Entry extends Due {
  order: number;
  cancelled: boolean;
}

const before = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Agenda {
  /** Binary heap: many thousand subscribers may each have a renewal planned. */
  readonly #heap: Entry[] = [];
  #order = 0;

  /** Returns the cancel. */
  plan(due: Due): () => void {
    const entry: Entry = { at: due.at, run: due.run, order: this.#order++, cancelled: false };
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1);
    return () => {
      entry.cancelled = true;
    };
  }

  /** Time of the earliest thing planned. */
  next(): number | null {
    while (this.#heap[0]?.cancelled) this.#removeFirst();
    return this.#heap[0]?.at ?? null;
  }

  /** Takes the earliest thing planned, if it is due at `now`. */
  take(now: number): Due | null {
    const next = this.next();
    return next !== null && next <= now ? this.#removeFirst() : null;
  }

  #removeFirst(): Entry {
    const first = this.#heap[0] as Entry;
    const last = this.#heap.pop() as Entry;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #rise(start: number): void {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(start: number): void {
    let index = start;
    for (;;) {
      const left = 2 * index + 1;
      if (left >= this.#heap.length) return;
      const right = left + 1;
      const smaller =
        right < this.#heap.length && before(this.#heap[right] as Entry, this.#heap[left] as Entry) ? right : left;
      if (!this.#swapIfBefore(smaller, index)) return;
      index = smaller;
    }
  }

  #swapIfBefore(lower: number, upper: number): boolean {
    const [a, b] = [this.#heap[lower] as Entry, this.#heap[upper] as Entry];
    if (!before(a, b)) return false;
    this.#heap[lower] = b;
    this.#heap[upper] = a;
    return true;
  }
}
