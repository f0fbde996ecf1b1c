import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { EVENT_CODES } from '../../events/catalogue.ts';
import { type EventItem, pageEvents, readEvent } from '../../storage/queries/reading-event.ts';
import { appOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { isoTime, orderQuery, page, pageOf, pageQuery, readCursor } from '../paging.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';
import { environment } from './signals.ts';

const eventItem = z
  .object({
    eventId: z.uuid().describe('The same store fact has the same id everywhere.'),
    code: z.string(),
    recordId: z.string().describe('`subs_…` or `otp_…`'),
    sequence: z.int().describe('1, 2, 3 … within the record.'),
    group: z.int().describe('Which group of its signal, from 0.'),
    store: z.string(),
    environment,
    ownerId: z.uuid().nullable().describe('Whose purchase; null = unknown user.'),
    chainId: z.uuid(),
    signalId: z.uuid().describe('The signal it came from.'),
    occurredAt: z.iso.datetime().describe('When it happened at the store.'),
    createdAt: z.iso.datetime().describe('When Pianola made the event.'),
    attributes: z
      .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
      .describe('The dataset’s attributes, by name; see docs/reference/events.md.'),
  })
  .meta({ id: 'Event' });

function shown({ position: _, ...event }: EventItem): z.output<typeof eventItem> {
  return { ...event, occurredAt: isoTime(event.occurredAt), createdAt: isoTime(event.createdAt) };
}

export function eventRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps/:slug/events',
    config: { scope: 'read' },
    schema: {
      operationId: 'listEvents',
      tags: ['Data'],
      summary: 'The unified dataset, in the order of storage',
      params: slugParams,
      querystring: z.object({
        ...pageQuery,
        ...orderQuery,
        code: z.enum(EVENT_CODES).optional(),
        environment: environment.optional(),
        recordId: z.string().optional(),
        ownerId: z.uuid().optional(),
        signalId: z.uuid().optional(),
        chainId: z.uuid().optional(),
      }),
      response: { 200: pageOf(eventItem) },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { limit, cursor, order, ...filter } = request.query;
      const after = readCursor(cursor, z.int());
      const events = await pageEvents(deps.db, app.id, filter, { after, order, limit: limit + 1 });
      return page(events, limit, (event) => event.position, shown);
    },
  });

  scope.route({
    method: 'GET',
    url: '/apps/:slug/events/:eventId',
    config: { scope: 'read' },
    schema: {
      operationId: 'getEvent',
      tags: ['Data'],
      summary: 'One event',
      params: slugParams.extend({ eventId: z.uuid() }),
      response: { 200: eventItem },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const event = await readEvent(deps.db, app.id, request.params.eventId);
      if (event === undefined) throw new PianolaError('not_found');
      return shown(event);
    },
  });
}
