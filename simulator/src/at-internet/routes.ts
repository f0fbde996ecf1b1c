/** The collector's control routes: everything that begins with `/__` but the clock. */
import { integer, object, optionalInteger, optionalText, type Fields } from '../http/fields.ts';
import { invalid, notFound, Problem } from '../http/problem.ts';
import type { Reply, Router } from '../http/router.ts';
import { billed } from './acceptance.ts';
import type { Collector } from './collector.ts';
import { DEFAULT_CONFIG, readConfig } from './config.ts';
import { readFaults } from './faults.ts';
import type { Entry, Filter } from './journal.ts';
import { mergeModel, readModel, replaceModel } from './model.ts';
import { type PropertyResult, readProperties } from './property.ts';
import { readEvents } from './request.ts';

const iso = (epochMs: number): string => new Date(epochMs).toISOString();

/** One line of a list: enough to count, order and find repeats. */
export function brief(entry: Entry): Record<string, unknown> {
  return {
    id: entry.id,
    site: entry.received.site,
    idclient: entry.received.idclient,
    name: entry.name,
    sub_event_id: entry.eventId,
    outcome: entry.outcome,
    cause: entry.exclusion?.cause ?? null,
    repeat_of: entry.repeatOf,
    received_at: iso(entry.received.at),
  };
}

/** The whole entry; the property stage runs now, against the model and the rules the event met. */
export function whole(entry: Entry): Record<string, unknown> {
  const { received } = entry;
  const data = readEvents(received.body, received.method === 'GET')?.[entry.index]?.data;
  const read: PropertyResult | null = data ? readProperties(data, received.model, received.config) : null;
  const declaration = received.model.event(entry.name, received.config.eventNameCase === 'fold');
  return {
    id: entry.id,
    request: {
      method: received.method,
      url: received.url,
      headers: headersOf(received.rawHeaders),
      body: received.body,
    },
    reply: { status: received.status },
    site: received.site,
    idclient: received.idclient,
    visitor: received.config.idClientCase === 'fold' ? received.idclient.toLowerCase() : received.idclient,
    name: entry.name,
    sub_event_id: entry.eventId,
    scope: declaration.declared ? declaration.scope : null,
    outcome: entry.outcome,
    billed: entry.outcome !== 'rejected' && billed(entry.exclusion),
    exclusion: entry.exclusion,
    properties: read?.properties ?? [],
    received_at: iso(received.at),
    device_timestamp_utc: read?.deviceTimestamp == null ? null : iso(read.deviceTimestamp),
    // Events are dated by their reception: the reading of the service that we hold most likely.
    event_time: iso(received.at),
    flags: [...received.flags, ...(read?.flags ?? [])],
    repeat_of: entry.repeatOf,
  };
}

function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let index = 0; index < raw.length; index += 2)
    headers[(raw[index] as string).toLowerCase()] = raw[index + 1] as string;
  return headers;
}

function readSince(value: unknown): number {
  const given = String(value);
  const since = /^\d+$/.test(given) ? Number(given) : Date.parse(given);
  if (Number.isNaN(since)) throw invalid('since', 'a time in ISO 8601 or in milliseconds since 1970');
  return since;
}

function readFilter(fields: Fields): Filter {
  const filter: Filter = {};
  for (const key of ['site', 'idclient', 'name', 'outcome', 'cause', 'eventId'] as const) {
    const value = key === 'site' && typeof fields.site === 'number' ? String(fields.site) : optionalText(fields, key);
    if (value !== undefined) filter[key] = value;
  }
  if (fields.since !== undefined) filter.since = readSince(fields.since);
  return filter;
}

function readCount(query: URLSearchParams, name: string, otherwise: number, max: number): number {
  const value = query.get(name);
  if (value === null) return otherwise;
  const number = Number(value);
  if (!Number.isInteger(number) || number < 0 || number > max) throw invalid(name, `a whole number up to ${max}`);
  return number;
}

/** `saved` is called after each change of model or configuration. */
export function addCollectorRoutes(router: Router, collector: Collector, now: () => number, saved: () => void): void {
  const { journal } = collector;
  const done = (reply: Reply): Reply => {
    saved();
    return reply;
  };

  router.add('GET', '/__health', () => ({ json: { status: 'ok', simulator: 'at-internet' } }));

  router.add('GET', '/__config', () => ({ json: collector.config }));
  router.add('PUT', '/__config', async ({ body }) => {
    collector.configure(readConfig(await body(), collector.config));
    return done({ json: collector.config });
  });

  router.add('GET', '/__model', () => ({ json: collector.model.document() }));
  router.add('PUT', '/__model', async ({ body }) => {
    collector.declare(replaceModel(collector.model.document(), readModel(await body(), now())));
    return done({ json: collector.model.document() });
  });
  router.add('PATCH', '/__model', async ({ body }) => {
    collector.declare(mergeModel(collector.model.document(), readModel(await body(), now())));
    return done({ json: collector.model.document() });
  });

  router.add('GET', '/__faults', () => ({ json: { faults: collector.faults } }));
  router.add('PUT', '/__faults', async ({ body }) => {
    collector.faults = readFaults(await body());
    return { json: { faults: collector.faults } };
  });
  router.add('DELETE', '/__faults', () => {
    collector.faults = [];
    return { status: 204 };
  });

  router.add('GET', '/__journal/stats', () => ({ json: journal.stats() }));
  router.add('POST', '/__journal/wait', async ({ body, gone }) => {
    const fields = object(await body(), 'the body');
    const count = optionalInteger(fields, 'count', 1, Number.MAX_SAFE_INTEGER) ?? 1;
    const met = await journal.wait(readFilter(fields), count, integer(fields, 'timeoutMs', 0, 600_000), gone);
    if (met) return { json: { met } };
    throw new Problem(408, 'not_met', `Fewer than ${count} entries matched in time.`, 'Look at GET /__journal/stats.');
  });
  router.add('GET', '/__journal/{id}', ({ params }) => {
    const entry = journal.get(Number(params.id));
    if (!entry)
      throw notFound(
        `Entry ${params.id}`,
        'It may have been cleared, or pushed out: see journalLimit in PUT /__config.',
      );
    return { json: whole(entry) };
  });
  router.add('GET', '/__journal', ({ query }) => {
    const short = query.get('view') === 'brief';
    const cursor = query.has('cursor') ? readCount(query, 'cursor', 0, Number.MAX_SAFE_INTEGER) : null;
    const order = query.get('order') === 'asc' ? 'asc' : 'desc';
    const limit = readCount(query, 'limit', 50, short ? 10_000 : 500);
    const page = journal.page(readFilter(Object.fromEntries(query)), order, cursor, Math.max(1, limit));
    return { json: { items: page.items.map(short ? brief : whole), next: page.next } };
  });
  router.add('DELETE', '/__journal', () => {
    journal.clear();
    return { status: 204 };
  });

  router.add('POST', '/__reset', () => {
    collector.configure(DEFAULT_CONFIG);
    collector.declare({ events: [], properties: [] });
    collector.faults = [];
    journal.clear();
    return done({ status: 204 });
  });
}
