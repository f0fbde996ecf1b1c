/** Faults on demand, for testing a sender: an ordered list, the first that matches a request acts. */
import { type Fields, choice, list, object, optionalBoolean, optionalInteger, optionalText } from '../http/fields.ts';
import { invalid } from '../http/problem.ts';
import type { RawEvent } from './request.ts';

/**
 * `status`: answers with it, events are lost unless `record`. `delay`: takes the events, answers after `ms`. `hang`: never answers.
 * `reset-before`: connection reset, nothing taken. `reset-after`: taken, then reset; the sender cannot know.
 */
export const ACTIONS = ['status', 'delay', 'hang', 'reset-before', 'reset-after'] as const;

export interface Fault {
  match: { site?: string; idclient?: string; path?: string; name?: string };
  action: (typeof ACTIONS)[number];
  status: number;
  headers: Record<string, string>;
  ms: number;
  record: boolean;
  /** How often it still acts; null = without end. */
  times: number | null;
  /** Of the matching requests, 0 to 100. */
  percent: number;
}

function readFault(value: unknown, name: string): Fault {
  const fields = object(value, name);
  const action = choice(fields, 'action', ACTIONS);
  return {
    match: readMatch(fields.match === undefined ? {} : object(fields.match, `${name}.match`)),
    action,
    status: optionalInteger(fields, 'status', 200, 599) ?? 503,
    headers: fields.headers === undefined ? {} : readHeaders(fields, name),
    ms: optionalInteger(fields, 'ms', 0, 600_000) ?? 1_000,
    record: optionalBoolean(fields, 'record') ?? (action === 'delay' || action === 'reset-after'),
    times: optionalInteger(fields, 'times', 1, Number.MAX_SAFE_INTEGER) ?? null,
    percent: optionalInteger(fields, 'percent', 0, 100) ?? 100,
  };
}

function readMatch(fields: Fields): Fault['match'] {
  const match: Fault['match'] = {};
  for (const key of ['site', 'idclient', 'path', 'name'] as const) {
    const value = optionalText(fields, key);
    if (value !== undefined) match[key] = value;
  }
  return match;
}

function readHeaders(fields: Fields, name: string): Record<string, string> {
  const headers = object(fields.headers, `${name}.headers`);
  for (const [key, value] of Object.entries(headers))
    if (typeof value !== 'string') throw invalid(`${name}.headers.${key}`, 'a text');
  return headers as Record<string, string>;
}

/** `[{action, match?, status?, headers?, ms?, record?, times?, percent?}]` or `{faults: […]}`. Throws `request_invalid`. */
export function readFaults(value: unknown): Fault[] {
  const items = Array.isArray(value) ? (value as unknown[]) : list(object(value, 'the body'), 'faults');
  return items.map((item, index) => readFault(item, `faults[${index}]`));
}

/** The fault that strikes this request, if any; uses one of its times up. `chance` gives 0 to 1. */
export function strike(
  faults: readonly Fault[],
  request: { site: string; idclient: string; path: string },
  events: readonly RawEvent[],
  chance: () => number = Math.random,
): Fault | null {
  for (const fault of faults) {
    const { match } = fault;
    if (fault.times === 0) continue;
    if (match.site !== undefined && match.site !== request.site) continue;
    if (match.idclient !== undefined && match.idclient !== request.idclient) continue;
    if (match.path !== undefined && match.path !== request.path) continue;
    if (match.name !== undefined && !events.some((event) => event.name === match.name)) continue;
    if (fault.percent < 100 && chance() * 100 >= fault.percent) continue;
    if (fault.times !== null) fault.times--;
    return fault;
  }
  return null;
}
