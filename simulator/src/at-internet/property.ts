/**
 * What becomes of an event's properties: marker split off, type found, looked up in the model. Pure, and only done when somebody looks:
 * it decides nothing about the event's acceptance.
 */
import type { CollectorConfig } from './config.ts';
import type { Model } from './model.ts';
import type { PropertyType } from './standard-events.ts';

export type PropertyStatus = 'stored' | 'unexpected' | 'bad_marker' | 'bad_key' | 'dropped';

export interface Property {
  key: string;
  type: PropertyType | null;
  value: unknown;
  status: PropertyStatus;
  notes: string[];
  /** Position in `items_list`; absent for root properties, which every item shares. */
  item?: number;
}

export interface PropertyResult {
  properties: Property[];
  flags: string[];
  /** Epoch ms; null = not given or no date. */
  deviceTimestamp: number | null;
}

type Rules = Pick<CollectorConfig, 'coerceStandard' | 'overLimit'>;

const MARKERS: Readonly<Record<string, PropertyType>> = {
  's:': 'STRING',
  'n:': 'INTEGER',
  'f:': 'DECIMAL',
  'b:': 'BOOLEAN',
  'd:': 'DATE',
  'a:s:': 'ARRAY STRING',
  'a:n:': 'ARRAY INTEGER',
  'a:f:': 'ARRAY DECIMAL',
};
const MARKED = /^((?:[a-z]+:)+)(.*)$/i;
const KEY = /^[a-z][a-z0-9_]*$/;
const RESERVED = /^(m_|visit_)/;
const DATE_ENDING = /_(date|utc|timestamp|ts)$/;
const STRING_LIMIT = 255;
const ARRAY_LIMIT = 20;
const INTEGER_RANGE = 2 ** 63;
const DECIMAL_RANGE = 1e15;
/** Unix seconds of the year 5138: more must be milliseconds. */
const MILLISECONDS_FROM = 1e11;

export function readProperties(data: Record<string, unknown>, model: Model, rules: Rules): PropertyResult {
  const flags = new Set<string>();
  const properties: Property[] = [];
  const { items_list: items, ...root } = data;
  for (const [key, value] of flatten(root, flags)) properties.push(readOne(key, value, model, rules, flags));
  if (Array.isArray(items)) {
    items.forEach((item: unknown, index) => {
      const fields = typeof item === 'object' && item !== null ? (item as Record<string, unknown>) : { item };
      for (const [key, value] of flatten(fields, flags))
        properties.push({ ...readOne(key, value, model, rules, flags), item: index });
    });
  }
  const stamp = properties.find((property) => property.key === 'device_timestamp_utc');
  return { properties, flags: [...flags], deviceTimestamp: stamp ? epochOf(stamp.value) : null };
}

/** Nested objects become `outer_inner` and are flagged: a sender should not rely on it. */
function* flatten(data: Record<string, unknown>, flags: Set<string>, prefix = ''): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(data)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      flags.add('nested_object');
      yield* flatten(value as Record<string, unknown>, flags, `${prefix}${key}_`);
    } else {
      yield [prefix + key, value];
    }
  }
}

function readOne(raw: string, value: unknown, model: Model, rules: Rules, flags: Set<string>): Property {
  const notes: string[] = [];
  const [, marker, rest] = MARKED.exec(raw) ?? [];
  const marked = marker === undefined ? undefined : MARKERS[marker];
  if (marker !== undefined && !marked) return { key: raw, type: null, value, status: 'bad_marker', notes };
  const written = rest ?? raw;
  const key = written.toLowerCase();
  if (key !== written) notes.push('lower_cased');
  if (!KEY.test(key) || key.length > 40 || RESERVED.test(key))
    return { key, type: null, value, status: 'bad_key', notes };
  const declared = model.property(key);
  const type = coerced(marked ?? typeOf(key, value), value, declared, marked, rules, notes);
  if (type === null) return { key, type, value, status: 'dropped', notes: [...notes, 'no_value'] };
  if (type === 'DATE' && isMilliseconds(value)) flags.add('timestamp_in_ms');
  const limited = limit(type, value, rules, notes);
  if (limited === undefined) return { key, type, value, status: 'dropped', notes };
  return { key, type, value: limited, status: declared?.type === type ? 'stored' : 'unexpected', notes };
}

function typeOf(key: string, value: unknown): PropertyType | null {
  if (DATE_ENDING.test(key) && epochOf(value) !== null) return 'DATE';
  if (typeof value === 'string') return 'STRING';
  if (typeof value === 'boolean') return 'BOOLEAN';
  // Without a marker every number is a decimal, also 10.
  if (typeof value === 'number') return 'DECIMAL';
  if (!Array.isArray(value)) return null;
  return value.every((item) => typeof item === 'number') && value.length > 0 ? 'ARRAY DECIMAL' : 'ARRAY STRING';
}

function coerced(
  type: PropertyType | null,
  value: unknown,
  declared: { type: PropertyType; standard: boolean } | null,
  marked: PropertyType | undefined,
  rules: Rules,
  notes: string[],
): PropertyType | null {
  const fills = declared?.standard && declared.type === 'INTEGER' && type === 'DECIMAL' && Number.isInteger(value);
  if (!rules.coerceStandard || marked || !fills) return type;
  notes.push('coerced');
  return 'INTEGER';
}

/** The value as stored; undefined = dropped. */
function limit(type: PropertyType, value: unknown, rules: Rules, notes: string[]): unknown {
  if (type.startsWith('ARRAY')) return limitArray(value, rules, notes);
  if (type === 'STRING') return limitText(String(value), rules, notes);
  if (type === 'INTEGER' || type === 'DECIMAL') {
    const range = type === 'INTEGER' ? INTEGER_RANGE : DECIMAL_RANGE;
    const number = Number(value);
    const fits =
      Number.isFinite(number) && Math.abs(number) < range && (type === 'DECIMAL' || Number.isInteger(number));
    if (!fits) notes.push('out_of_range');
    return fits ? number : undefined;
  }
  if (type === 'DATE' && epochOf(value) === null) {
    notes.push('not_a_date');
    return undefined;
  }
  if (type === 'BOOLEAN' && typeof value !== 'boolean') {
    notes.push('not_a_boolean');
    return undefined;
  }
  return value;
}

function limitText(value: string, rules: Rules, notes: string[]): string | undefined {
  const characters = Array.from(value);
  if (characters.length <= STRING_LIMIT) return value;
  notes.push(rules.overLimit === 'drop' ? 'too_long' : 'truncated');
  return rules.overLimit === 'drop' ? undefined : characters.slice(0, STRING_LIMIT).join('');
}

function limitArray(value: unknown, rules: Rules, notes: string[]): unknown[] | undefined {
  if (!Array.isArray(value)) {
    notes.push('not_an_array');
    return undefined;
  }
  if (value.length <= ARRAY_LIMIT) return value;
  notes.push(rules.overLimit === 'drop' ? 'too_long' : 'truncated');
  return rules.overLimit === 'drop' ? undefined : value.slice(0, ARRAY_LIMIT);
}

const isMilliseconds = (value: unknown): boolean => typeof value === 'number' && value > MILLISECONDS_FROM;

const DAY = /^(\d{4})-?(\d{2})-?(\d{2})$/;
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/** Unix seconds (or milliseconds by mistake), `YYYYMMDD`, `YYYY-MM-DD`, `YYYY-MM-DDTHH:mm:ssZ` → epoch ms; else null. */
export function epochOf(value: unknown): number | null {
  if (typeof value === 'number' && value >= 0) return Math.floor(isMilliseconds(value) ? value : value * 1_000);
  if (typeof value !== 'string') return null;
  if (MOMENT.test(value)) return asTime(Date.parse(value));
  const [, year, month, day] = DAY.exec(value) ?? [];
  return year ? asTime(Date.parse(`${year}-${month}-${day}T00:00:00Z`)) : null;
}

const asTime = (time: number): number | null => (Number.isNaN(time) ? null : time);
