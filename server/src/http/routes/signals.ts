import { z } from 'zod';
import { pageSignals, type SignalItem } from '../../storage/queries/reading-signal.ts';
import { appOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { isoTime, orderQuery, page, pageOf, pageQuery, readCursor } from '../paging.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';

export const environment = z.enum(['PRODUCTION', 'SANDBOX']);

const signalItem = z
  .object({
    id: z.uuid(),
    receivedAt: z.iso.datetime(),
    kind: z.string().describe('`notification`, `sweep`, `sdk`, `api` or `timer`'),
    store: z.string(),
    environment: z.string(),
    type: z.string().describe('In the store’s words, e.g. `DID_RENEW/BILLING_RECOVERY`.'),
    storeTime: z.iso.datetime().describe('When the store took this picture.'),
    state: z.string().describe('`pending`, `done`, `ignored` or `failed`'),
    reason: z.string().nullable(),
    transactionIds: z.array(z.string()),
    chainId: z.uuid().nullable().describe('Our id of the store’s chain of transactions.'),
  })
  .meta({ id: 'Signal' });

const position = z.object({ receivedAt: z.int(), id: z.uuid() });

function shown(signal: SignalItem): z.output<typeof signalItem> {
  return { ...signal, receivedAt: isoTime(signal.receivedAt), storeTime: isoTime(signal.storeTime) };
}

export function signalRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps/:slug/signals',
    config: { scope: 'read' },
    schema: {
      operationId: 'listSignals',
      tags: ['Data'],
      summary: 'What the stores and apps told us',
      params: slugParams,
      querystring: z.object({
        ...pageQuery,
        ...orderQuery,
        state: z.enum(['pending', 'done', 'ignored', 'failed']).optional(),
        store: z.string().optional().describe('Id of a store, e.g. `apple`.'),
        environment: environment.optional(),
        chainId: z.uuid().optional(),
      }),
      response: { 200: pageOf(signalItem) },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const { limit, cursor, order, ...filter } = request.query;
      const after = readCursor(cursor, position);
      const signals = await pageSignals(deps.db, app.id, filter, { after, order, limit: limit + 1 });
      return page(signals, limit, ({ receivedAt, id }) => ({ receivedAt, id }), shown);
    },
  });
}
