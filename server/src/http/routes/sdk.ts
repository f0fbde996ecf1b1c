/**
 * `/sdk/v1`: what an app says about the person in front of it. The app key is public, so nothing here reads, and everything is
 * about the installation the call names. Names are snake case, as in the dataset. Every call may be repeated.
 */
import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { AT_INTERNET_ID_CLIENT } from '../../identity/client-id.ts';
import { identify } from '../../identity/identify.ts';
import { setIntegrationId } from '../../identity/integration-ids.ts';
import type { App } from '../../storage/settings.ts';
import { requireAppKey } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import type { Http } from '../server.ts';

const BODY_LIMIT = 65_536;
const PREFLIGHT_SECONDS = 86_400;

/** A known user's id is the app's own business; only what could not be stored or shown is refused. */
export const userIdText = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[^\p{Cc}]+$/u, 'has no control characters')
  .describe('Your id of a known user.');
const anonymousUserId = z.guid().describe('A UUID the app made at its first start and keeps. Its case does not count.');
const done = z.object({}).meta({ id: 'Done' });

export function sdkRoutes(scope: Http, deps: HttpDeps): void {
  void scope.register(cors, {
    origin: '*',
    methods: ['POST'],
    allowedHeaders: ['content-type', 'x-api-key'],
    exposedHeaders: ['retry-after', 'x-request-id'],
    maxAge: PREFLIGHT_SECONDS,
  });
  void scope.register(async (inner) => {
    requireAppKey(inner as Http, deps);
    await inner.register(rateLimit, {
      max: deps.config.sdkRequestsPerMinute,
      timeWindow: 60_000,
      keyGenerator: (request) => `${request.sdkApp?.id} ${request.ip}`,
      errorResponseBuilder: () => new PianolaError('rate_limited'),
    });
    routes(inner as Http, deps);
  });
}

function routes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'POST',
    url: '/identify',
    bodyLimit: BODY_LIMIT,
    schema: {
      operationId: 'identify',
      tags: ['SDK'],
      summary: 'Who is in front of this installation',
      body: z.strictObject({
        anonymous_user_id: anonymousUserId,
        user_id: userIdText
          .nullable()
          .optional()
          .describe('Your id of the user who is logged in; null = nobody is; left out = as before.'),
      }),
      response: { 200: done },
    },
    handler: async (request) => {
      const { anonymous_user_id, user_id } = request.body;
      const who = { anonymousUserId: anonymous_user_id, userId: user_id };
      const { changed } = await deps.db.transaction((sql) => identify(sql, appOf(request), who, deps.clock.now()));
      if (changed) deps.onWake();
      return {};
    },
  });

  scope.route({
    method: 'POST',
    url: '/attributes',
    bodyLimit: BODY_LIMIT,
    schema: {
      operationId: 'setAttributes',
      tags: ['SDK'],
      summary: 'Ids under which integrations know this installation',
      body: z.strictObject({
        anonymous_user_id: anonymousUserId,
        attributes: z.strictObject({
          [AT_INTERNET_ID_CLIENT]: z
            .string()
            .min(1)
            .max(255)
            .describe(
              'The client id, exactly as the AT Internet SDK gives it (16 or 36 characters), or the word it gives in its place when the visitor opted out.',
            ),
        }),
      }),
      response: { 200: done },
    },
    handler: async (request) => {
      const { anonymous_user_id, attributes } = request.body;
      const app = appOf(request);
      const now = deps.clock.now();
      const { changed } = await deps.db.transaction(async (sql) => {
        const who = await identify(sql, app, { anonymousUserId: anonymous_user_id }, now);
        const owners = [who.installationOwnerId, who.ownerId];
        const set = await setIntegrationId(
          sql,
          app,
          owners,
          AT_INTERNET_ID_CLIENT,
          attributes[AT_INTERNET_ID_CLIENT],
          now,
        );
        return { changed: who.changed || set.changed };
      });
      if (changed) deps.onWake();
      return {};
    },
  });

  scope.route({
    method: 'POST',
    url: '/transactions',
    bodyLimit: BODY_LIMIT,
    schema: {
      operationId: 'handIn',
      tags: ['SDK'],
      summary: 'Hand in a purchase',
      description:
        'Ties the purchase to this installation, or to the user logged in on it, before the store’s own notification arrives.',
      body: z.strictObject({
        anonymous_user_id: anonymousUserId,
        store: z.string().min(1).max(50).describe('e.g. `apple`'),
        signed: z
          .string()
          .min(1)
          .max(60_000)
          .describe('The signed transaction as the store gave it to the app (StoreKit 2: `jwsRepresentation`).'),
      }),
      response: { 202: done.describe('Stored on disk.') },
    },
    handler: async (request, reply) => {
      const { anonymous_user_id, store, signed } = request.body;
      const app = appOf(request);
      const now = deps.clock.now();
      const { ownerId } = await deps.db.transaction((sql) =>
        identify(sql, app, { anonymousUserId: anonymous_user_id }, now),
      );
      const receipt = await deps.handIn({ app, store, signed, ownerId });
      if (receipt.code !== undefined) throw new PianolaError(receipt.code);
      deps.onWake();
      return reply.code(202).send({});
    },
  });
}

function appOf(request: FastifyRequest): App {
  if (request.sdkApp === null) throw new PianolaError('unauthorized');
  return request.sdkApp;
}
