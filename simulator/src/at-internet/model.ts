/**
 * The data model of the organisation: which custom events and properties are declared. A model is replaced, never changed, so that an
 * event keeps being judged by the model it met.
 */
import { choice, list, object, optionalChoice, optionalInteger, text } from '../http/fields.ts';
import { invalid } from '../http/problem.ts';
import { type PropertyType, STANDARD_EVENTS, STANDARD_PROPERTIES } from './standard-events.ts';

/** Only `Validated` feeds data (Piano: "Waiting for approval" → "Validated"). */
export const STATUSES = ['Waiting for approval', 'Validated', 'Disabled', 'Reserved', 'Draft'] as const;
export const SCOPES = ['on', 'off'] as const;
// biome-ignore format: one line reads better
export const PROPERTY_TYPES: readonly PropertyType[] = [
  'STRING', 'DECIMAL', 'INTEGER', 'BOOLEAN', 'DATE', 'ARRAY STRING', 'ARRAY INTEGER', 'ARRAY DECIMAL',
];

export interface ModelEvent {
  name: string;
  scope: (typeof SCOPES)[number];
  status: (typeof STATUSES)[number];
  /** Epoch ms of the simulated clock: propagation counts from here. */
  changedAt: number;
}

export interface ModelProperty {
  key: string;
  type: PropertyType;
  status: (typeof STATUSES)[number];
}

export interface ModelDocument {
  events: ModelEvent[];
  properties: ModelProperty[];
}

export type Declaration =
  | { declared: true; scope: ModelEvent['scope']; standard: boolean; changedAt: number }
  | { declared: false; detail: string };

/** Detail of a name that is near no other. */
const UNKNOWN_NAME = 'unknown name';
/** Undeclared names looked up are remembered up to here: a sender must not fill the memory with invented ones. */
const REMEMBERED_NAMES = 1_000;

export class Model {
  readonly #events = new Map<string, ModelEvent>();
  readonly #properties = new Map<string, ModelProperty>();
  readonly #looked = new Map<string, Declaration>();

  constructor(document: ModelDocument) {
    for (const event of document.events) this.#events.set(event.name, event);
    for (const property of document.properties) this.#properties.set(property.key, property);
  }

  document(): ModelDocument {
    return { events: [...this.#events.values()], properties: [...this.#properties.values()] };
  }

  /** Is the event declared? `fold` compares names without case. */
  event(name: string, fold: boolean): Declaration {
    const key = fold ? name.toLowerCase() : name;
    const known = this.#looked.get(key);
    if (known) return known;
    const found = this.#find(key, fold);
    if (found.declared || this.#looked.size < REMEMBERED_NAMES) this.#looked.set(key, found);
    return found;
  }

  property(key: string): { type: PropertyType; standard: boolean } | null {
    const standard = STANDARD_PROPERTIES[key];
    if (standard) return { type: standard, standard: true };
    const property = this.#properties.get(key);
    return property?.status === 'Validated' ? { type: property.type, standard: false } : null;
  }

  #find(key: string, fold: boolean): Declaration {
    for (const event of this.#events.values()) {
      if ((fold ? event.name.toLowerCase() : event.name) !== key) continue;
      if (event.status !== 'Validated') return { declared: false, detail: 'waiting' };
      return { declared: true, scope: event.scope, standard: false, changedAt: event.changedAt };
    }
    if (STANDARD_EVENTS.includes(key)) {
      return { declared: true, scope: key.endsWith('.offsite') ? 'off' : 'on', standard: true, changedAt: 0 };
    }
    return { declared: false, detail: nearest(key, [...this.#events.keys(), ...STANDARD_EVENTS]) };
  }
}

function nearest(name: string, names: string[]): string {
  let best = UNKNOWN_NAME;
  let least = Math.max(3, name.length / 2);
  for (const candidate of names) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}

function readEvent(value: unknown, name: string, now: number): ModelEvent {
  // A bare name is the usual case: declared, validated, off site.
  if (typeof value === 'string') return { name: value, scope: 'off', status: 'Validated', changedAt: now };
  const fields = object(value, name);
  return {
    name: text(fields, 'name'),
    scope: optionalChoice(fields, 'scope', SCOPES) ?? 'off',
    status: optionalChoice(fields, 'status', STATUSES) ?? 'Validated',
    changedAt: optionalInteger(fields, 'changedAt', 0, Number.MAX_SAFE_INTEGER) ?? now,
  };
}

function readProperty(value: unknown, name: string): ModelProperty {
  const fields = object(value, name);
  const key = text(fields, 'key').toLowerCase();
  if (key.length > 40) throw invalid(`${name}.key`, 'at most 40 characters');
  return {
    key,
    type: choice(fields, 'type', PROPERTY_TYPES),
    status: optionalChoice(fields, 'status', STATUSES) ?? 'Validated',
  };
}

/**
 * `{events: [name | {name, scope?, status?, changedAt?}], properties: [{key, type, status?}]}`; a missing list is empty.
 * Throws `request_invalid`.
 */
export function readModel(value: unknown, now: number): ModelDocument {
  const fields = object(value, 'the model');
  const items = (name: string): unknown[] => (fields[name] === undefined ? [] : list(fields, name));
  return {
    events: items('events').map((item, index) => readEvent(item, `events[${index}]`, now)),
    properties: items('properties').map((item, index) => readProperty(item, `properties[${index}]`)),
  };
}

/** An event declared before keeps its time of change: only a change starts propagation again. */
function withTimes(events: ModelEvent[], present: ModelDocument): ModelEvent[] {
  const known = new Map(present.events.map((event) => [event.name, event]));
  return events.map((event) => {
    const old = known.get(event.name);
    return old && old.status === event.status && old.scope === event.scope ? old : event;
  });
}

export function replaceModel(present: ModelDocument, next: ModelDocument): ModelDocument {
  return { events: withTimes(next.events, present), properties: next.properties };
}

/** Entries of `patch` replace those of the same name or key. */
export function mergeModel(present: ModelDocument, patch: ModelDocument): ModelDocument {
  const events = new Map(present.events.map((event) => [event.name, event]));
  for (const event of withTimes(patch.events, present)) events.set(event.name, event);
  const properties = new Map(present.properties.map((property) => [property.key, property]));
  for (const property of patch.properties) properties.set(property.key, property);
  return { events: [...events.values()], properties: [...properties.values()] };
}
