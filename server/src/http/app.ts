/**
 * The HTTP server, put together: error form, request ids, headers, and the scopes with their own ways in.
 *
 *   /stores/…   the stores themselves: raw bodies, no key, nothing but the door (it takes thousands of requests a second)
 *   /sdk/v1/…   apps: public app key, CORS, rate limit
 *   /api/v1/…   back ends and infrastructure as code: API key with scopes
 *   the rest    health, readiness, metrics, the OpenAPI document
 */
import { randomBytes } from 'node:crypto';
import helmet from '@fastify/helmet';
import fastify, { LogController } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { PianolaError } from '../errors.ts';
import { requireApiKey } from './auth.ts';
import type { HttpDeps } from './deps.ts';
import { answerError } from './error-answer.ts';
import { documentRoutes } from './openapi.ts';
import { accountTokenRoutes } from './routes/account-tokens.ts';
import { appRoutes } from './routes/apps.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { eventRoutes } from './routes/events.ts';
import { integrationEventRoutes } from './routes/integration-events.ts';
import { integrationRoutes } from './routes/integrations.ts';
import { operationRoutes } from './routes/operation.ts';
import { planRoutes } from './routes/plans.ts';
import { sdkRoutes } from './routes/sdk.ts';
import { signalRoutes } from './routes/signals.ts';
import { storeAccountRoutes } from './routes/store-accounts.ts';
import { storeRoutes } from './routes/stores.ts';
import { userRoutes } from './routes/users.ts';
import type { Http } from './server.ts';

export type { HandIn, HttpConfig, HttpDeps, Receipt } from './deps.ts';

const API_BODY_LIMIT = 1_048_576;
/** Longer than load balancers keep idle connections (60 s as a rule), so that they never send into one we are closing. */
const KEEP_ALIVE_MS = 75_000;
const REQUEST_TIMEOUT_MS = 30_000;

/** Not yet listening; `inject` works at once. */
export function createHttp(deps: HttpDeps): Http {
  const idPrefix = randomBytes(4).toString('hex');
  let requests = 0;
  const http = fastify({
    loggerInstance: deps.log,
    // Lines of our own: addresses may carry ids, headers carry keys.
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => `${idPrefix}-${(++requests).toString(36)}`,
    requestIdHeader: false,
    trustProxy: deps.config.trustedProxies.length > 0 ? [...deps.config.trustedProxies] : false,
    bodyLimit: API_BODY_LIMIT,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // What reaches us on an open connection while we stop is still answered.
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    frameworkErrors: (error, request, reply) => void answerError(error, request, reply),
  }).withTypeProvider<ZodTypeProvider>() as Http;

  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  http.setErrorHandler((error, request, reply) => answerError(error, request, reply));
  http.setNotFoundHandler((request, reply) => answerError(new PianolaError('not_found'), request, reply));
  http.decorateRequest('principal', null);
  http.decorateRequest('sdkApp', null);
  http.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    if (deps.simulator) reply.header('x-pianola-simulator', 'true');
    done();
  });
  documentRoutes(http);

  void http.register(async (scope) => storeRoutes(scope as Http, deps));
  void http.register(async (scope) => {
    secureHeaders(scope as Http, deps);
    logAnswers(scope as Http);
    void scope.register(async (inner) => operationRoutes(inner as Http, deps));
    void scope.register(async (inner) => sdkRoutes(inner as Http, deps), { prefix: '/sdk/v1' });
    void scope.register(async (inner) => apiRoutes(inner as Http, deps), { prefix: '/api/v1' });
  });
  return http;
}

function apiRoutes(scope: Http, deps: HttpDeps): void {
  requireApiKey(scope, deps);
  for (const routes of [
    appRoutes,
    storeAccountRoutes,
    planRoutes,
    integrationRoutes,
    integrationEventRoutes,
    userRoutes,
    accountTokenRoutes,
    signalRoutes,
    eventRoutes,
    deliveryRoutes,
  ]) {
    routes(scope, deps);
  }
}

function secureHeaders(scope: Http, { config }: HttpDeps): void {
  const secure = config.publicUrl?.startsWith('https:') ?? false;
  void scope.register(helmet, {
    contentSecurityPolicy: { directives: { 'upgrade-insecure-requests': secure ? [] : null } },
    // Promising HTTPS for a host that is served over plain HTTP would lock its people out.
    strictTransportSecurity: secure,
  });
}

/** The route's pattern, not the address: addresses and queries may name people. */
function logAnswers(scope: Http): void {
  scope.addHook('onResponse', (request, reply, done) => {
    const { url: route } = request.routeOptions;
    const line = {
      route,
      method: request.method,
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      key: request.principal?.name,
    };
    if (request.method === 'GET' || reply.statusCode >= 500) request.log.debug(line, 'Answered');
    else request.log.info(line, 'Answered');
    done();
  });
}
