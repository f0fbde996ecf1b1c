/**
 * The contract of a store. A store is a folder with one definition; adding one touches that folder and one line of `index.ts`.
 * Everything here is pure but `read` and `check`, which talk to the store's API and are only called by `ingest/enrich.ts` and the API.
 */
import type { ZodType } from 'zod';
import type { ErrorCode } from '../errors.ts';
import type { Environment, StoreCode } from '../events/event.ts';
import type { Facts } from '../lifecycle/fact.ts';

/** A store account as saved, secrets opened. `settings` has been parsed by the definition's schema. */
export interface StoreAccount<Settings = unknown> {
  appId: number;
  appSlug: string;
  settings: Settings;
}

export interface VerifyContext {
  /** Epoch ms. */
  now: number;
  /** `live`: dates checked at now (with the store's own leniency); `history`: at the signed date. */
  dates: 'live' | 'history';
  /** DER of extra roots this instance trusts (simulators only). */
  extraRoots: readonly Uint8Array[];
}

/** A notification or hand-in whose origin is proven. */
export interface VerifiedSignal {
  /** Unique per app, e.g. `apple:Production:<uuid>`. */
  dedupeKey: string;
  environment: Environment;
  /** `store_original_transaction_id`; null = concerns no chain (test message, summary, unknown shape). */
  chainId: string | null;
  /** Epoch ms of the store's snapshot. */
  storeTime: number;
  /** Breaks ties of equal `storeTime` in one chain; compared as text. */
  order: string;
  /** The store's account key that ties the purchase to an owner (`appAccountToken` …), as given. */
  accountKey: string | null;
  /** Transaction ids the signal carries, for search. */
  transactionIds: string[];
  /** e.g. `DID_RENEW/BILLING_RECOVERY`. */
  type: string;
  /** Stored and answered 200, but yields no facts: why (`unknown_type`, `environment_off`, `test`, `no_event`). */
  ignored: string | null;
  /** The decoded payload; read only by the same store's `need` and `translate`. */
  payload: unknown;
}

export type Verdict = { ok: true; signal: VerifiedSignal } | { ok: false; code: ErrorCode };

/** What the store's API answered, already verified; stored beside the signal so that history can be run again without the API. */
export interface Snapshot {
  /** `history` = transactions read; the others are markers. */
  kind: 'history' | 'unavailable' | 'not_found';
  /** Signed strings or bodies exactly as read. */
  items: unknown[];
  /** Epoch ms. */
  readAt: number;
}

export interface ReadContext {
  clock: { now(): number };
  extraRoots: readonly Uint8Array[];
  /** For `http://127.0.0.1…` hosts: allowed with the simulator only. */
  allowPrivateTargets: boolean;
}

export type ReadResult =
  | { ok: true; snapshot: Snapshot }
  /**
   * Try again after `delayMs`. `limited`: the store asked for patience, which is no failure; `credentials`: they are refused,
   * and API reads of the app pause for so long.
   */
  | { ok: false; kind: 'again' | 'limited' | 'credentials'; delayMs: number; message: string };

export interface Translation {
  facts: Facts[];
  memory: unknown;
}

export interface CheckStep {
  name: string;
  ok: boolean;
  message: string;
  fix?: string;
}

export interface StoreDefinition<Settings = unknown> {
  /** URL segment. Never renamed. */
  id: string;
  code: StoreCode;
  label: string;
  settings: ZodType<Settings>;
  /** Keys of `settings` that are sealed at rest and masked in every answer. */
  secretFields: readonly (keyof Settings & string)[];
  /** The store's own name of the app (bundle id), unique per store and installation. */
  bundleId(settings: Settings): string;
  /** Minutes a first signal without owner waits (ruling 12). */
  identityWaitMinutes(settings: Settings): number;
  bodyLimit: number;
  verify(body: Uint8Array, account: StoreAccount<Settings>, context: VerifyContext): Verdict;
  /** A single transaction handed in by an app or back end. */
  verifyHandIn(signed: string, account: StoreAccount<Settings>, context: VerifyContext): Verdict;
  /** Reads a stored body again, without checking it: it was checked before it was stored. `kind` is the signal's kind. */
  decode(body: string, kind: SignalKind): VerifiedSignal;
  /** Which API read the signal needs before `translate`; null = it is self-contained. `canRead` false = there is no API key. */
  need(signal: VerifiedSignal, memory: unknown, account: StoreAccount<Settings>): 'history' | null;
  /** `tries`: how often reading for this signal failed before (0 = never); the delays grow with it, and at last the answer is a marker. */
  read(
    need: 'history',
    signal: VerifiedSignal,
    account: StoreAccount<Settings>,
    context: ReadContext & { tries?: number },
  ): Promise<ReadResult>;
  /** Pure. `snapshot` is null when `need` said null. Facts are ordered as they are to be applied. */
  translate(signal: VerifiedSignal, snapshot: Snapshot | null, memory: unknown): Translation;
  /** The "Check" button: proves the credentials and the notification URL. `arrived`: whether a signal with that dedupe key came to our door within the time (real ms). */
  check(
    account: StoreAccount<Settings>,
    context: ReadContext & { arrived(dedupeKey: string, timeoutMs: number): Promise<boolean> },
  ): Promise<CheckStep[]>;
  /** Ends the connections to the store's API. */
  close?(): Promise<void>;
}

export type SignalKind = 'notification' | 'sweep' | 'sdk' | 'api' | 'timer';
