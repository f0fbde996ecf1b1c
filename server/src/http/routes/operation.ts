/** For operators and their machinery; none of it needs a key, none of it says anything about people. */
import { z } from 'zod';
import type { HttpDeps } from '../deps.ts';
import type { Http } from '../server.ts';

const liveness = z.object({
  status: z.literal('ok'),
  version: z.string(),
  simulator: z.boolean().describe('Nothing here is real: stores, money and AT Internet are simulated.'),
  uptimeSeconds: z.int(),
});
const readiness = z.object({
  ready: z.boolean(),
  checks: z.record(z.string(), z.string()).describe('Per check `ok`, or what is wrong.'),
});

export function operationRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      operationId: 'health',
      tags: ['Operation'],
      summary: 'Is the process alive?',
      response: { 200: liveness },
    },
    handler: async () => deps.health.live(),
  });
  scope.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      operationId: 'readiness',
      tags: ['Operation'],
      summary: 'May requests be sent here?',
      response: { 200: readiness, 503: readiness },
    },
    handler: async (_request, reply) => {
      const state = await deps.health.ready();
      return reply.code(state.ready ? 200 : 503).send(state);
    },
  });
  scope.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      operationId: 'metrics',
      tags: ['Operation'],
      summary: 'Metrics for Prometheus',
      response: {
        200: { description: 'The text format of Prometheus.', content: { 'text/plain': { schema: z.string() } } },
      },
    },
    handler: async (_request, reply) => {
      const text = (await deps.metrics?.text()) ?? '';
      return reply
        .type(deps.metrics?.contentType ?? 'text/plain; charset=utf-8')
        .serializer((body: unknown) => body as string)
        .send(text);
    },
  });
  scope.route({
    method: 'GET',
    url: '/api/openapi.json',
    schema: { hide: true },
    handler: async (_request, reply) =>
      reply.serializer(JSON.stringify).type('application/json; charset=utf-8').send(scope.swagger()),
  });
}
