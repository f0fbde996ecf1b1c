/**
 * The contract of an integration: a definition is data plus two pure functions. `encode` builds the request,
 * `read` judges the answer; delivery/ does the sending. Adding one touches its own folder and one line of `index.ts`.
 */
import type { ZodType } from 'zod';
import type { EventCode } from '../events/catalogue.ts';
import type { Environment, UnifiedEvent } from '../events/event.ts';

export interface EventSetting {
  enabled: boolean;
  /** Override; empty or absent = the preset name. */
  name?: string;
}
export type EventTable = Partial<Record<EventCode, EventSetting>>;

/** One saved, append-only version of an integration's settings. */
export interface IntegrationSettings<Settings = unknown> {
  appId: number;
  integrationId: number;
  kind: string;
  version: number;
  settings: Settings;
  events: EventTable;
  /** The app's integration currency, ISO 4217 upper case. */
  currency: string;
}

/** What is known of the visitor at the moment of the attempt. */
export interface Visitor {
  /** Client id exactly as handed in; null = none known. */
  clientId: string | null;
  /** Stored privacy mode; null = nothing stored, the integration's default applies. */
  privacyMode: string | null;
  /** Stored consent for a custom mode. */
  privacyConsent: boolean | null;
  /** "No third-party forwarding" (consent withdrawn). */
  forwardingRevoked: boolean;
  erased: boolean;
  userAgent: string | null;
  address: string | null;
}

/** Is the event sent at all? Judged when the event is born (toggle) or at each attempt (privacy, client id). */
export type Admission =
  | { send: true }
  | { send: false; state: 'suppressed' | 'held'; reason: SuppressReason | HoldReason };

/** The closed list, for all integrations (ruling 26). */
export const SUPPRESS_REASONS = [
  'unknown_user',
  'no_client_id',
  'no_identity',
  'privacy',
  'forwarding_revoked',
  'erased',
  'sandbox_dropped',
  'import',
] as const;
/** `privacy` is stored with its mode: `privacy_optout`, `privacy_exempt` … */
export type SuppressReason = Exclude<(typeof SUPPRESS_REASONS)[number], 'privacy'> | `privacy_${string}`;
export type HoldReason = 'no_client_id' | 'model_propagation' | 'not_declared' | 'visitor_cap';

export interface OutgoingRequest {
  method: 'POST';
  /** Absolute URL. */
  url: string;
  /** In wire order. */
  headers: Record<string, string>;
  body: string;
  /** What was cut or dropped, per event id. */
  notes: Record<string, string[]>;
}

/** What came back, or what failed, and whether request bytes had been written by then. */
export type Answer =
  | { kind: 'status'; status: number; headers: Record<string, string> }
  | { kind: 'failure'; code: string; bytesWritten: boolean };

export type OutcomeClass = 'success' | 'transient' | 'throttle' | 'setup' | 'invalid';
export interface Outcome {
  class: OutcomeClass;
  /** The request may have been received although no success came back. */
  ambiguous: boolean;
  /** A floor for the next try, from `Retry-After`; ms. */
  retryAfterMs: number | null;
  /** In words, for the attempt's page. Never contains secrets. */
  message: string;
  /** For `invalid`: `single` = try each event alone, `halve` = try half the batch, `dead` = give up. */
  split?: 'single' | 'halve';
}

export interface Pace {
  enabled: boolean;
  /** Requests in flight at once, per process and environment. */
  maxParallel: number;
  /** How long after its first attempt a failing event is tried again; ms. Pauses of the destination do not count. */
  retryWindowMs: number;
}

export interface IntegrationDefinition<Settings = unknown> {
  /** Never renamed. */
  kind: string;
  label: string;
  settings: ZodType<Settings>;
  secretFields: readonly (keyof Settings & string)[];
  /** Events switched on by a preset, e.g. the main ten. */
  presets: Record<string, readonly EventCode[]>;
  batch: { maxEvents: number; maxBytes: number };
  /** Name of the id, handed in by apps, under which the visitor is known there. */
  visitorIdName: string;
  /** Is the name acceptable as an override? Null = yes. `error` blocks saving; `notice` is shown. */
  checkName(name: string): { level: 'error' | 'warning' | 'notice'; message: string } | null;
  /** When the event is born. Null = no delivery row (toggle off, integration disabled). */
  wants(
    event: { code: EventCode; environment: Environment; ownerId: string | null },
    settings: IntegrationSettings<Settings>,
    app: { sendUnknownUsers: boolean },
  ): Admission | null;
  /** At each attempt. */
  admit(visitor: Visitor, environment: Environment, settings: IntegrationSettings<Settings>): Admission;
  /** How long an event may wait for a client id; ms. */
  holdMs(settings: IntegrationSettings<Settings>): number;
  /** How delivery may go about it. Not `enabled` = what is queued waits. */
  pace(settings: IntegrationSettings<Settings>): Pace;
  /** Pure. All events are of one visitor and environment, in order. */
  encode(
    events: readonly UnifiedEvent[],
    visitor: Visitor,
    environment: Environment,
    settings: IntegrationSettings<Settings>,
    context: { now: number; version: string },
  ): OutgoingRequest;
  /** Pure. */
  read(answer: Answer, context: { now: number }): Outcome;
}
