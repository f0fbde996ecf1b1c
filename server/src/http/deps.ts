/** What the HTTP layer is given by the composition root; it starts nothing and owns no connection itself. */
import type { FastifyBaseLogger } from 'fastify';
import type { ErrorCode } from '../errors.ts';
import type { IntegrationDefinition } from '../integrations/integration.ts';
import type { Clock } from '../lib/clock.ts';
import type { Health } from '../observe/health.ts';
import type { Database } from '../storage/pool.ts';
import type { Sealer } from '../storage/seal.ts';
import type { App, Settings } from '../storage/settings.ts';
import type { CheckStep, StoreAccount, StoreDefinition } from '../stores/store.ts';

/** The part of the configuration that HTTP reads. */
export interface HttpConfig {
  /** Without a trailing slash. */
  publicUrl?: string | undefined;
  /** Addresses and networks whose `X-Forwarded-*` headers are believed. */
  trustedProxies: readonly string[];
  /** Requests a minute of one app key from one address. */
  sdkRequestsPerMinute: number;
}

/** What became of a notification or a hand-in: an HTTP status, and the code when it is an error. */
export interface Receipt {
  status: number;
  code?: ErrorCode;
}

/** A purchase handed in by an app: `signed` is the store's own signed transaction, untouched. */
export interface HandIn {
  app: App;
  /** Id of a store, e.g. `apple`. */
  store: string;
  signed: string;
  /** Whose purchase it is: the logged-in user, else the installation. Exists by the time of the call. */
  ownerId: string;
}

export interface HttpDeps {
  db: Database;
  clock: Clock;
  settings: Settings;
  stores: readonly StoreDefinition[];
  integrations: readonly IntegrationDefinition[];
  sealer: Sealer;
  config: HttpConfig;
  version: string;
  /** Started with `--simulator`: every answer says so. */
  simulator: boolean;
  /** ingest/receive: resolves once the signal is on disk or refused; never waits for a store's API. */
  receive(store: string, slug: string, body: Buffer, remoteAddress: string): Promise<Receipt>;
  /** A notification was refused before ingest saw it (its body was too large or too slow): counted, nothing else. */
  refused(store: string, slug: string, code: ErrorCode): void;
  handIn(purchase: HandIn): Promise<Receipt>;
  /** Runs the definition's `check` with what only the composition root has: roots, clock, and who waits for test notifications. */
  checkStore(store: string, account: StoreAccount): Promise<CheckStep[]>;
  /** Something that waited may go on (an owner, a client id): ingest and delivery look again. */
  onWake(): void;
  health: Pick<Health, 'live' | 'ready'>;
  /** The Prometheus text. */
  metrics?: { text(): Promise<string>; contentType: string };
  log: FastifyBaseLogger;
}
