/**
 * `POST /stores/{store}/{app}`: where the stores send. The body reaches ingest byte for byte, since its signature covers it;
 * success is 200 with an empty body.
 */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import type { HttpDeps } from '../deps.ts';
import type { Http } from '../server.ts';

/** Longer than any store takes to send a few kilobytes, short enough that slow senders do not pile up. Real time. */
const BODY_TIMEOUT_MS = 5_000;

export function storeRoutes(scope: Http, deps: HttpDeps): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (request, payload, done) => {
    const [, store = ''] = /^\/stores\/([^/]+)/.exec(request.routeOptions.url ?? '') ?? [];
    readBody(payload as IncomingMessage, request.routeOptions.bodyLimit, (error, body) => {
      // What ingest never sees is counted all the same.
      if (error instanceof PianolaError) deps.refused(store, (request.params as { slug: string }).slug, error.code);
      done(error, body);
    });
  });
  for (const definition of deps.stores) {
    scope.route({
      method: 'POST',
      url: `/stores/${definition.id}/:slug`,
      bodyLimit: definition.bodyLimit,
      schema: {
        operationId: `receive_${definition.id}`,
        tags: ['Stores'],
        summary: `A notification from ${definition.label}`,
        description: `The address to enter at ${definition.label}. The body is the store's own, untouched, ${definition.bodyLimit} bytes at most.`,
        params: z.object({ slug: z.string() }),
        response: { 200: z.undefined().describe('Stored on disk.') },
      },
      handler: async (request, reply) => {
        const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0);
        const receipt = await deps.receive(definition.id, request.params.slug, body, request.ip);
        if (receipt.code !== undefined) throw new PianolaError(receipt.code);
        return reply.code(200).send();
      },
    });
  }
  scope.route({
    method: 'POST',
    url: '/stores/*',
    schema: { hide: true },
    handler: async () => {
      throw new PianolaError('store_unknown');
    },
  });
}

function readBody(payload: IncomingMessage, limit: number, done: (error: Error | null, body?: Buffer) => void): void {
  if (Number(payload.headers['content-length']) > limit) return done(new PianolaError('store_body_too_large'));
  const chunks: Buffer[] = [];
  let length = 0;
  const finish = (error: Error | null, body?: Buffer) => {
    clearTimeout(timer);
    payload.removeListener('data', onData).removeListener('end', onEnd).removeListener('error', onError);
    done(error, body);
  };
  const onData = (chunk: Buffer) => {
    length += chunk.length;
    if (length > limit) finish(new PianolaError('store_body_too_large'));
    else chunks.push(chunk);
  };
  const onEnd = () => finish(null, chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length));
  const onError = (error: Error) => finish(new PianolaError('store_body_invalid', undefined, { cause: error }));
  const timer = setTimeout(() => finish(new PianolaError('store_body_slow')), BODY_TIMEOUT_MS);
  payload.on('data', onData).on('end', onEnd).on('error', onError);
}
