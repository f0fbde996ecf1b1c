/**
 * Every metric the server exposes at `/metrics`. The list is closed: a new metric is a row here and a named function in
 * `Metrics`, so that docs/reference and dashboards can be checked against it. prom-client is imported nowhere else.
 *
 * Label values come from closed lists only (error codes, event codes, states, classes); never an app, a user or an id.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** What became of a notification that was answered 200. */
export type SignalResult = 'stored' | 'duplicate' | 'ignored';
/** What processing made of a signal; `waiting` = put back (owner, API read, a busy chain). */
export type ProcessResult = 'done' | 'ignored' | 'failed' | 'waiting';

export interface Metrics {
  /** A notification or hand-in answered with success. */
  signalReceived(store: string, result: SignalResult): void;
  /** Refused, with a code of errors.ts. */
  signalRefused(store: string, code: string): void;
  /** `folded` = applied in the very transaction that stored it, `worker` = later. */
  signalProcessed(store: string, path: 'folded' | 'worker', result: ProcessResult): void;
  /** Events written, one call per group or batch. */
  eventsEmitted(codes: readonly string[]): void;
  /** Something worth counting that changed nothing, e.g. `unpriced_movement`, `late_signal`, `unknown_offer_type`. */
  noted(note: string): void;
  /** A read of a store's API. */
  storeRead(store: string, result: 'ok' | 'again' | 'credentials' | 'unavailable' | 'not_found'): void;
  /** Deliveries that reached a state in one settle. */
  deliverySettled(state: string, n: number): void;
  /** One request to an integration: its outcome class; `ambiguous` = it may have arrived although no success came back. */
  attempt(outcomeClass: string, ambiguous?: boolean): void;
  /** Request in to answer out, seconds of real time. */
  ackSeconds(seconds: number): void;
  /** One request to an integration, seconds of real time. */
  attemptSeconds(seconds: number): void;
  /** Notification in to its events accepted by the integration, seconds of real time. */
  inToOutSeconds(seconds: number): void;
}

/** Rows by state, read when a scrape asks. Keys are the queue names of `QUEUES`. */
export type QueueDepths = Partial<Record<Queue, number>>;
export const QUEUES = [
  'signals_pending',
  'deliveries_queued',
  'deliveries_retrying',
  'deliveries_held',
  'deliveries_parked',
  'deliveries_dead_letter',
] as const;
export type Queue = (typeof QUEUES)[number];

export interface MetricsRegistry extends Metrics {
  /** Called at most once per scrape; a failure leaves the gauges out of that scrape and nothing else. */
  watchQueues(read: () => Promise<QueueDepths>): void;
  /** The scrape's body. */
  text(): Promise<string>;
  contentType: string;
}

const PREFIX = 'pianola_';

/** The closed list: name without prefix, what it says, its labels. */
export const METRICS = {
  build_info: ['gauge', 'Always 1; the version that runs.', ['version']],
  signals_received_total: [
    'counter',
    'Notifications and hand-ins answered with success, by what became of them.',
    ['store', 'result'],
  ],
  signals_refused_total: ['counter', 'Notifications and hand-ins refused, by error code.', ['store', 'code']],
  signals_processed_total: ['counter', 'Signals processed, by path and result.', ['store', 'path', 'result']],
  events_total: ['counter', 'Unified events written, by event code.', ['code']],
  notes_total: ['counter', 'Things worth counting that changed nothing.', ['note']],
  store_reads_total: ['counter', 'Reads of store APIs, by result.', ['store', 'result']],
  deliveries_settled_total: ['counter', 'Deliveries that reached a state, by state.', ['state']],
  attempts_total: ['counter', 'Requests sent to integrations, by outcome class.', ['class']],
  attempts_ambiguous_total: ['counter', 'Requests that may have arrived although no success came back.', []],
  ack_seconds: ['histogram', 'Store request in to answer out.', []],
  attempt_seconds: ['histogram', 'One request to an integration.', []],
  in_to_out_seconds: ['histogram', 'Notification in to its events accepted by the integration.', []],
  queue_rows: ['gauge', 'Rows waiting, by queue.', ['queue']],
} as const satisfies Record<
  string,
  readonly [kind: 'counter' | 'gauge' | 'histogram', help: string, labels: readonly string[]]
>;
type MetricName = keyof typeof METRICS;

/** The promises are 60 ms (ack) and 150 ms (in to out); the steps are close there and coarse above. */
const BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 10, 60];

/** A registry of its own, so that two servers in one test process do not share counters. */
export function createMetrics(options: { version: string; processMetrics?: boolean }): MetricsRegistry {
  const registry = new Registry();
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry });
  let readQueues: (() => Promise<QueueDepths>) | null = null;

  const describe = (name: MetricName) => ({
    name: PREFIX + name,
    help: METRICS[name][1],
    labelNames: [...METRICS[name][2]],
    registers: [registry],
  });
  const counter = (name: MetricName) => new Counter<string>(describe(name));
  const histogram = (name: MetricName) => new Histogram<string>({ ...describe(name), buckets: BUCKETS });

  new Gauge<string>(describe('build_info')).set({ version: options.version }, 1);
  const received = counter('signals_received_total');
  const refused = counter('signals_refused_total');
  const processed = counter('signals_processed_total');
  const events = counter('events_total');
  const notes = counter('notes_total');
  const reads = counter('store_reads_total');
  const settled = counter('deliveries_settled_total');
  const attempts = counter('attempts_total');
  const ambiguous = counter('attempts_ambiguous_total');
  const ack = histogram('ack_seconds');
  const attemptTime = histogram('attempt_seconds');
  const inToOut = histogram('in_to_out_seconds');
  const queues = new Gauge<string>({
    ...describe('queue_rows'),
    async collect() {
      const depths = await readQueues?.().catch(() => null);
      queues.reset();
      for (const [queue, rows] of Object.entries(depths ?? {})) queues.set({ queue }, rows);
    },
  });

  return {
    signalReceived: (store, result) => received.inc({ store, result }),
    signalRefused: (store, code) => refused.inc({ store, code }),
    signalProcessed: (store, path, result) => processed.inc({ store, path, result }),
    eventsEmitted: (codes) => {
      for (const code of codes) events.inc({ code });
    },
    noted: (note) => notes.inc({ note }),
    storeRead: (store, result) => reads.inc({ store, result }),
    deliverySettled: (state, n) => settled.inc({ state }, n),
    attempt: (outcomeClass, wasAmbiguous = false) => {
      attempts.inc({ class: outcomeClass });
      if (wasAmbiguous) ambiguous.inc();
    },
    ackSeconds: (seconds) => ack.observe(seconds),
    attemptSeconds: (seconds) => attemptTime.observe(seconds),
    inToOutSeconds: (seconds) => inToOut.observe(seconds),
    watchQueues: (read) => {
      readQueues = read;
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

/** Counts nothing: for tests and tools. */
export const silentMetrics: Metrics = {
  signalReceived: () => {},
  signalRefused: () => {},
  signalProcessed: () => {},
  eventsEmitted: () => {},
  noted: () => {},
  storeRead: () => {},
  deliverySettled: () => {},
  attempt: () => {},
  ackSeconds: () => {},
  attemptSeconds: () => {},
  inToOutSeconds: () => {},
};
