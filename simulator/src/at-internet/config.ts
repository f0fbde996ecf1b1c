/** The switches of the collector. Defaults are the reading of the real service that we hold most likely. */
import {
  list,
  object,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalText,
  optionalTexts,
  text,
} from '../http/fields.ts';
import { invalid } from '../http/problem.ts';

export interface Site {
  id: string;
  /** Collection hosts that belong to the site; empty = any. */
  hosts: string[];
  closed: boolean;
}

/** Cases of the request stage whose answer can be set (`replies`). */
export const CASES = ['site_missing', 'visitor_missing', 'invalid_body', 'too_large'] as const;
export type Case = (typeof CASES)[number];

export interface CollectorConfig {
  /** `faithful` answers bad input silently, as the service is believed to; `strict` is for testing a sender. */
  mode: 'faithful' | 'strict';
  successReply: '204' | '200-gif' | '200-empty';
  replies: Partial<Record<Case, number>>;
  /** Empty = every site is accepted. */
  sites: Site[];
  /** User-Agents of libraries and crawlers count as robots. */
  robotAgents: boolean;
  idClientCheck: 'length' | 'shape' | 'off';
  /** `fold`: ids that differ in case are one visitor. */
  idClientCase: 'exact' | 'fold';
  eventNameCase: 'exact' | 'fold';
  /** Seconds until a validated event works; real life 1,200. */
  modelDelaySeconds: number;
  /** Bare numbers fill standard INTEGER properties. */
  coerceStandard: boolean;
  overLimit: 'truncate' | 'drop';
  /** Entries kept; the counts go on beyond. */
  journalLimit: number;
  /** `slim` keeps no request: less memory, no properties. */
  journalKeep: 'full' | 'slim';
  /** Event ids remembered, to notice repeats. */
  repeatMemory: number;
  /** The property that identifies an event; another one when the sender's prefix was changed. */
  eventIdKey: string;
}

export const DEFAULT_CONFIG: CollectorConfig = {
  mode: 'faithful',
  successReply: '204',
  replies: {},
  sites: [],
  robotAgents: true,
  idClientCheck: 'length',
  idClientCase: 'exact',
  eventNameCase: 'exact',
  modelDelaySeconds: 0,
  coerceStandard: true,
  overLimit: 'truncate',
  journalLimit: 20_000,
  journalKeep: 'full',
  repeatMemory: 500_000,
  eventIdKey: 'sub_event_id',
};

function readSite(value: unknown, name: string): Site {
  if (typeof value === 'number' || typeof value === 'string') return { id: String(value), hosts: [], closed: false };
  const fields = object(value, name);
  return {
    id: typeof fields.id === 'number' ? String(fields.id) : text(fields, 'id'),
    hosts: (optionalTexts(fields, 'hosts') ?? []).map((host) => host.toLowerCase()),
    closed: optionalBoolean(fields, 'closed') ?? false,
  };
}

function readReplies(value: unknown): Partial<Record<Case, number>> {
  const fields = object(value, 'replies');
  const replies: Partial<Record<Case, number>> = {};
  for (const name of Object.keys(fields)) {
    if (!CASES.includes(name as Case)) throw invalid(`replies.${name}`, `one of ${CASES.join(', ')}`);
    const status = optionalInteger(fields, name, 200, 599);
    if (status !== undefined) replies[name as Case] = status;
  }
  return replies;
}

/** The fields given replace those of `present`. Throws `request_invalid`, also for unknown fields. */
export function readConfig(value: unknown, present: CollectorConfig): CollectorConfig {
  const fields = object(value, 'the configuration');
  for (const name of Object.keys(fields))
    if (!(name in DEFAULT_CONFIG)) throw invalid(name, `one of ${Object.keys(DEFAULT_CONFIG).join(', ')}`);
  const count = (name: keyof CollectorConfig, min: number, max: number): number =>
    optionalInteger(fields, name, min, max) ?? (present[name] as number);
  const flag = (name: keyof CollectorConfig): boolean => optionalBoolean(fields, name) ?? (present[name] as boolean);
  const sites =
    fields.sites === undefined
      ? present.sites
      : list(fields, 'sites').map((site, index) => readSite(site, `sites[${index}]`));
  return {
    mode: optionalChoice(fields, 'mode', ['faithful', 'strict']) ?? present.mode,
    successReply: optionalChoice(fields, 'successReply', ['204', '200-gif', '200-empty']) ?? present.successReply,
    replies: fields.replies === undefined ? present.replies : readReplies(fields.replies),
    sites,
    robotAgents: flag('robotAgents'),
    idClientCheck: optionalChoice(fields, 'idClientCheck', ['length', 'shape', 'off']) ?? present.idClientCheck,
    idClientCase: optionalChoice(fields, 'idClientCase', ['exact', 'fold']) ?? present.idClientCase,
    eventNameCase: optionalChoice(fields, 'eventNameCase', ['exact', 'fold']) ?? present.eventNameCase,
    modelDelaySeconds: count('modelDelaySeconds', 0, 86_400),
    coerceStandard: flag('coerceStandard'),
    overLimit: optionalChoice(fields, 'overLimit', ['truncate', 'drop']) ?? present.overLimit,
    journalLimit: count('journalLimit', 1, 5_000_000),
    journalKeep: optionalChoice(fields, 'journalKeep', ['full', 'slim']) ?? present.journalKeep,
    repeatMemory: count('repeatMemory', 0, 10_000_000),
    eventIdKey: optionalText(fields, 'eventIdKey') ?? present.eventIdKey,
  };
}
