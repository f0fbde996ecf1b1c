/** Who may do what: API keys with scopes under `/api/v1`, public app keys under `/sdk/v1`. */
import type { FastifyRequest } from 'fastify';
import { PianolaError } from '../errors.ts';
import { appBySlug } from '../storage/queries/app.ts';
import type { App } from '../storage/settings.ts';
import type { HttpDeps } from './deps.ts';
import { createKeyring, type Principal } from './keyring.ts';
import type { Http } from './server.ts';

/** Every route of this scope needs a key with the scope named in the route's config; a route that names none does not start. */
export function requireApiKey(scope: Http, { db, clock }: Pick<HttpDeps, 'db' | 'clock'>): void {
  const keyring = createKeyring(db, clock);
  scope.addHook('onRoute', (route) => {
    const needed = route.config?.scope;
    if (needed === undefined) throw new Error(`route ${String(route.method)} ${route.url} names no scope`);
    route.schema = { ...route.schema, security: [{ apiKey: [needed] }] };
  });
  scope.addHook('onRequest', async (request) => {
    const [, key] = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const principal = key === undefined ? null : await keyring.principal(key);
    if (principal === null) throw new PianolaError('unauthorized');
    const needed = request.routeOptions.config.scope;
    if (needed !== undefined && !principal.scopes.includes(needed))
      throw new PianolaError('forbidden', `It needs the scope \`${needed}\`.`);
    request.principal = principal;
  });
}

/** Every route of this scope needs the app's public key in `x-api-key`. */
export function requireAppKey(scope: Http, { settings }: Pick<HttpDeps, 'settings'>): void {
  scope.addHook('onRoute', (route) => {
    route.schema = { ...route.schema, security: [{ appKey: [] }] };
  });
  scope.addHook('onRequest', (request, _reply, done) => {
    // Preflight requests carry no key; the browser sends none.
    if (request.method === 'OPTIONS') return done();
    const key = request.headers['x-api-key'];
    const app = typeof key === 'string' ? settings.appByPublicKey(key) : undefined;
    if (app === undefined) return done(new PianolaError('unauthorized'));
    request.sdkApp = app;
    done();
  });
}

export function principalOf(request: FastifyRequest): Principal {
  if (request.principal === null) throw new PianolaError('unauthorized');
  return request.principal;
}

/**
 * The app a request is about, if its key may see it. To a key bound to another app, apps that exist and apps that do not look alike.
 * @throws PianolaError app_unknown, forbidden
 */
export async function appOf(
  deps: Pick<HttpDeps, 'db' | 'settings'>,
  request: FastifyRequest,
  slug: string,
): Promise<App> {
  const { appId } = principalOf(request);
  // An app that another process has just made may not be in this one's memory yet.
  const app = deps.settings.appBySlug(slug) ?? (await appBySlug(deps.db, slug));
  if (appId !== null && app?.id !== appId) throw new PianolaError('forbidden', 'The key is bound to another app.');
  if (app === undefined) throw new PianolaError('app_unknown');
  return app;
}
