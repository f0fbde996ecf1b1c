import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { type AttemptItem, pageAttempts } from '../../storage/queries/reading-attempt.ts';
import {
  DELIVERY_STATES,
  type DeliveryItem,
  pageDeliveries,
  readDelivery,
} from '../../storage/queries/reading-delivery.ts';
import { appOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { isoTime, isoTimeOrNull, orderQuery, page, pageOf, pageQuery, readCursor } from '../paging.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';
import { environment } from './signals.ts';

const state = z.enum(DELIVERY_STATES);

const deliveryItem = z
  .object({
    id: z.int(),
    eventId: z.uuid(),
    code: z.string().describe('Of the event.'),
    integrationId: z.int(),
    environment,
    state,
    reason: z.string().nullable(),
    tries: z.int(),
    dueAt: z.iso.datetime().describe('When it is tried next, if it still waits.'),
    clientId: z.string().nullable().describe('Fixed at the first attempt.'),
    ambiguous: z.boolean().describe('An attempt may have arrived although no success came back.'),
    createdAt: z.iso.datetime(),
    settledAt: z.iso.datetime().nullable(),
  })
  .meta({ id: 'Delivery' });

const attemptItem = z
  .object({
    id: z.uuid(),
    at: z.iso.datetime(),
    trigger: z.string().describe('`automatic`, `manual` or `takeover`'),
    eventIds: z.array(z.uuid()).describe('All events of the request.'),
    settingsVersion: z.int(),
    pianolaVersion: z.string(),
    clientId: z.string().nullable(),
    userAgent: z.string().nullable(),
    address: z.string().nullable(),
    privacyMode: z.string().nullable(),
    privacyConsent: z.boolean().nullable(),
    bodyHash: z.string().nullable().describe('SHA-256 of the body, hex.'),
    status: z.int().nullable().describe('HTTP status; null = no answer.'),
    class: z.string(),
    durationMs: z.int().nullable(),
    error: z.string().nullable(),
    ambiguous: z.boolean(),
    bytesWritten: z.boolean(),
    requestUrl: z.string().nullable().describe('Kept for failures and ambiguous attempts.'),
    requestBody: z.string().nullable().describe('Kept for failures and ambiguous attempts.'),
  })
  .meta({ id: 'Attempt' });

function shown(delivery: DeliveryItem): z.output<typeof deliveryItem> {
  return {
    ...delivery,
    dueAt: isoTime(delivery.dueAt),
    createdAt: isoTime(delivery.createdAt),
    settledAt: isoTimeOrNull(delivery.settledAt),
  };
}

function shownAttempt(attempt: AttemptItem): z.output<typeof attemptItem> {
  return { ...attempt, at: isoTime(attempt.at) };
}

const deliveryParams = slugParams.extend({ id: z.coerce.number<string>().int().min(1).max(Number.MAX_SAFE_INTEGER) });

export function deliveryRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps/:slug/deliveries',
    config: { scope: 'read' },
    schema: {
      operationId: 'listDeliveries',
      tags: ['Data'],
      summary: 'What became of each event at each integration, in the order of birth',
      params: slugParams,
      querystring: z.object({ ...pageQuery, ...orderQuery, state: state.optional(), eventId: z.uuid().optional() }),
      response: { 200: pageOf(deliveryItem) },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { limit, cursor, order, ...filter } = request.query;
      const after = readCursor(cursor, z.int());
      const deliveries = await pageDeliveries(deps.db, app.id, filter, { after, order, limit: limit + 1 });
      return page(deliveries, limit, (delivery) => delivery.id, shown);
    },
  });

  scope.route({
    method: 'GET',
    url: '/apps/:slug/deliveries/:id',
    config: { scope: 'read' },
    schema: {
      operationId: 'getDelivery',
      tags: ['Data'],
      summary: 'One delivery',
      params: deliveryParams,
      response: { 200: deliveryItem },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const delivery = await readDelivery(deps.db, app.id, request.params.id);
      if (delivery === undefined) throw new PianolaError('not_found');
      return shown(delivery);
    },
  });

  scope.route({
    method: 'GET',
    url: '/apps/:slug/deliveries/:id/attempts',
    config: { scope: 'read' },
    schema: {
      operationId: 'listAttempts',
      tags: ['Data'],
      summary: 'Every try of one delivery, oldest first',
      params: deliveryParams,
      querystring: z.object(pageQuery),
      response: { 200: pageOf(attemptItem) },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { limit, cursor } = request.query;
      const after = readCursor(cursor, z.object({ at: z.int(), id: z.uuid() }));
      if ((await readDelivery(deps.db, app.id, request.params.id)) === undefined) throw new PianolaError('not_found');
      const attempts = await pageAttempts(deps.db, app.id, request.params.id, { after, limit: limit + 1 });
      return page(attempts, limit, ({ at, id }) => ({ at, id }), shownAttempt);
    },
  });
}
