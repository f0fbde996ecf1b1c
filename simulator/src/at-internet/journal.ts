/**
 * Everything the collector received, in order of reception, bounded; and counts, which go on beyond the bound. Written on the hot path:
 * one small object per event, which shares its request with its neighbours; properties are read only when an entry is looked at.
 */
import type { Exclusion } from './acceptance.ts';
import type { CollectorConfig } from './config.ts';
import type { Model } from './model.ts';

/** One request. */
export interface Received {
  method: string;
  url: string;
  /** Name, value, name, value … as on the wire. Empty when the journal is slim. */
  rawHeaders: readonly string[];
  /** The body as text; for GET the `events` parameter. Empty when the journal is slim. */
  body: string;
  status: number;
  site: string;
  idclient: string;
  /** Epoch ms of the simulated clock. */
  at: number;
  /** What the request was judged by. */
  model: Model;
  config: CollectorConfig;
  flags: readonly string[];
}

export type Outcome = 'accepted' | 'excluded' | 'rejected';

export interface Entry {
  /** 1, 2, 3 … in order of reception. */
  id: number;
  received: Received;
  /** Position of the event in its request; -1 for a request refused as a whole. */
  index: number;
  name: string;
  eventId: string | null;
  outcome: Outcome;
  exclusion: Exclusion | null;
  /** Id of the first entry with the same event id. */
  repeatOf: number | null;
}

export interface Filter {
  site?: string;
  idclient?: string;
  name?: string;
  outcome?: string;
  cause?: string;
  eventId?: string;
  /** Epoch ms. */
  since?: number;
}

export interface Count {
  name: string;
  outcome: Outcome;
  cause: string | null;
  count: number;
}

export interface Stats {
  total: number;
  requests: number;
  counts: Count[];
  /** Events received again, and which: id → times beyond the first. */
  repeats: number;
  repeated: Record<string, number>;
}

interface Waiter {
  matches(entry: Entry): boolean;
  missing: number;
  done(): void;
}

const fits = (filter: Filter, entry: Entry): boolean =>
  (filter.eventId === undefined || entry.eventId === filter.eventId) &&
  (filter.idclient === undefined || entry.received.idclient === filter.idclient) &&
  (filter.name === undefined || entry.name === filter.name) &&
  (filter.outcome === undefined || entry.outcome === filter.outcome) &&
  (filter.cause === undefined || entry.exclusion?.cause === filter.cause) &&
  (filter.site === undefined || entry.received.site === filter.site) &&
  (filter.since === undefined || entry.received.at >= filter.since);

export class Journal {
  #limit: number;
  #repeatMemory: number;
  /** Entry `id` lies at `id % limit`. */
  #ring: (Entry | undefined)[];
  #lastId = 0;
  #counts = new Map<string, Count>();
  #firstById = new Map<string, number>();
  #repeated = new Map<string, number>();
  #repeats = 0;
  #total = 0;
  #requests = 0;
  readonly #waiters = new Set<Waiter>();

  constructor(limit: number, repeatMemory: number) {
    this.#limit = limit;
    this.#repeatMemory = repeatMemory;
    // Grown as entries come: room for millions would be reserved for nothing.
    this.#ring = [];
  }

  resize(limit: number, repeatMemory: number): void {
    this.#repeatMemory = repeatMemory;
    if (limit === this.#limit) return;
    const kept = [...this.between(Math.max(0, this.#lastId - limit), this.#lastId)];
    this.#limit = limit;
    this.#ring = [];
    for (const entry of kept) this.#ring[entry.id % limit] = entry;
  }

  countRequest(): void {
    this.#requests++;
  }

  add(fields: Omit<Entry, 'id' | 'repeatOf'>): Entry {
    const id = ++this.#lastId;
    const entry: Entry = { ...fields, id, repeatOf: this.#noteRepeat(fields.eventId, id) };
    this.#ring[id % this.#limit] = entry;
    this.#total++;
    this.#count(entry);
    if (this.#waiters.size > 0) for (const waiter of this.#waiters) this.#tell(waiter, entry);
    return entry;
  }

  get(id: number): Entry | null {
    const entry = this.#ring[id % this.#limit];
    return entry?.id === id ? entry : null;
  }

  /** Entries kept whose id is above `after` and not above `to`, oldest first. */
  *between(after: number, to: number): Generator<Entry> {
    for (let id = Math.max(after + 1, this.#lastId - this.#limit + 1); id <= Math.min(to, this.#lastId); id++) {
      const entry = this.get(id);
      if (entry) yield entry;
    }
  }

  /**
   * A page of matching entries. Newest first, going down from below `cursor`; or oldest first, going up from above it.
   * `next` is the cursor of the following page, null at the end.
   */
  page(
    filter: Filter,
    order: 'desc' | 'asc',
    cursor: number | null,
    limit: number,
  ): { items: Entry[]; next: number | null } {
    const items: Entry[] = [];
    const step = order === 'asc' ? 1 : -1;
    const lowest = Math.max(1, this.#lastId - this.#limit + 1);
    let id = order === 'asc' ? Math.max(lowest, (cursor ?? 0) + 1) : Math.min(this.#lastId, (cursor ?? Infinity) - 1);
    for (; id >= lowest && id <= this.#lastId; id += step) {
      const entry = this.get(id);
      if (!entry || !fits(filter, entry)) continue;
      if (items.length === limit) return { items, next: (items.at(-1) as Entry).id };
      items.push(entry);
    }
    return { items, next: null };
  }

  /** Resolves true as soon as `count` entries match, those already there included; false after `timeoutMs` of real time. */
  wait(filter: Filter, count: number, timeoutMs: number, gone: AbortSignal): Promise<boolean> {
    let missing = count;
    for (const entry of this.between(0, this.#lastId)) if (missing > 0 && fits(filter, entry)) missing--;
    if (missing <= 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const finish = (met: boolean): void => {
        clearTimeout(timer);
        this.#waiters.delete(waiter);
        resolve(met);
      };
      const waiter: Waiter = { matches: (entry) => fits(filter, entry), missing, done: () => finish(true) };
      const timer = setTimeout(() => finish(false), timeoutMs);
      gone.addEventListener('abort', () => finish(false));
      this.#waiters.add(waiter);
    });
  }

  stats(): Stats {
    return {
      total: this.#total,
      requests: this.#requests,
      counts: [...this.#counts.values()],
      repeats: this.#repeats,
      repeated: Object.fromEntries(this.#repeated),
    };
  }

  /** Forgets everything; ids go on, so that a reader's cursor stays valid. */
  clear(): void {
    this.#ring = [];
    this.#counts = new Map();
    this.#firstById = new Map();
    this.#repeated = new Map();
    this.#repeats = 0;
    this.#total = 0;
    this.#requests = 0;
  }

  #noteRepeat(eventId: string | null, id: number): number | null {
    if (eventId === null || this.#repeatMemory === 0) return null;
    const first = this.#firstById.get(eventId);
    if (first !== undefined) {
      this.#repeats++;
      this.#repeated.set(eventId, (this.#repeated.get(eventId) ?? 0) + 1);
      return first;
    }
    this.#firstById.set(eventId, id);
    if (this.#firstById.size > this.#repeatMemory) {
      const [oldest] = this.#firstById.keys();
      if (oldest !== undefined) this.#firstById.delete(oldest);
    }
    return null;
  }

  #count(entry: Entry): void {
    const cause = entry.exclusion?.cause ?? null;
    const key = `${entry.name}\n${entry.outcome}\n${cause ?? ''}`;
    const count = this.#counts.get(key);
    if (count) count.count++;
    else this.#counts.set(key, { name: entry.name, outcome: entry.outcome, cause, count: 1 });
  }

  #tell(waiter: Waiter, entry: Entry): void {
    if (waiter.matches(entry) && --waiter.missing <= 0) waiter.done();
  }
}
