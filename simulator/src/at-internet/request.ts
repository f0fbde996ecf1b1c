/** The request stage: what the collector makes of an HTTP request, before it looks at single events. Pure. */
import { randomUUID } from 'node:crypto';
import type { Case, CollectorConfig } from './config.ts';

/** Beyond these the service's behaviour is unknown; `strict` refuses, `faithful` warns. */
export const BODY_LIMIT = 1_000_000;
export const EVENT_LIMIT = 50;

const STRICT_STATUS: Record<Case, number> = {
  site_missing: 400,
  visitor_missing: 302,
  invalid_body: 400,
  too_large: 413,
};
/** The silent reading of the service: bad input is swallowed. Without a visitor it redirects to set one. */
const FAITHFUL_STATUS: Record<Case, number> = {
  site_missing: 204,
  visitor_missing: 302,
  invalid_body: 204,
  too_large: 204,
};

export function statusOf(one: Case, config: CollectorConfig): number {
  return config.replies[one] ?? (config.mode === 'strict' ? STRICT_STATUS : FAITHFUL_STATUS)[one];
}

export interface Target {
  site: string;
  idclient: string;
  /** The `events` parameter of a GET. */
  events: string | null;
}

/** Null: not a collect address (one path segment, which does not begin with `__`). */
export function readTarget(url: string): Target | null {
  const mark = url.indexOf('?');
  const path = mark === -1 ? url : url.slice(0, mark);
  if (path.length < 2 || path.indexOf('/', 1) !== -1) return null;
  const query = new URLSearchParams(mark === -1 ? '' : url.slice(mark + 1));
  return { site: query.get('s') ?? '', idclient: query.get('idclient') ?? '', events: query.get('events') };
}

export const isSite = (site: string): boolean => /^\d+$/.test(site);

/** The visitor id of an earlier redirect. */
export function visitorOfCookie(cookie: string | undefined): string | null {
  return /(?:^|;\s*)atidx?=([^;]+)/.exec(cookie ?? '')?.[1] ?? null;
}

/** Two cookies, kept 13 months. */
export function visitorCookies(): string[] {
  const id = randomUUID();
  const kept = 'Max-Age=34190000; Path=/; HttpOnly';
  return [`atid=${id}; ${kept}`, `atidx=${id}; ${kept}; SameSite=None; Secure`];
}

export interface RawEvent {
  name: string;
  data: Record<string, unknown>;
}

/** Content types are ignored: the body is read as JSON. GET carries the bare array. Null = not what the collector takes. */
export function readEvents(body: string, bare: boolean): RawEvent[] | null {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch {
    return null;
  }
  const events = bare ? parsed : (parsed as { events?: unknown } | null)?.events;
  if (!Array.isArray(events) || events.length === 0) return null;
  const read: RawEvent[] = [];
  for (const event of events as { name?: unknown; data?: unknown }[]) {
    if (typeof event !== 'object' || event === null || typeof event.name !== 'string' || event.name === '') return null;
    const data = typeof event.data === 'object' && event.data !== null ? event.data : {};
    read.push({ name: event.name, data: data as Record<string, unknown> });
  }
  return read;
}
