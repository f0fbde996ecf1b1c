import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { appBySlug, appHasEvents, bumpSettingsEpoch, lockApp, pageApps, saveApp } from '../../storage/queries/app.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import type { App } from '../../storage/settings.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { newPublicKey } from '../keyring.ts';
import { page, pageOf, pageQuery, readCursor } from '../paging.ts';
import { changedFields } from '../settings-form.ts';
import type { Http } from '../server.ts';

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

export const slugParams = z.object({
  slug: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'has up to 63 lower-case letters, digits and hyphens')
    .describe('The app.'),
});

const input = z.strictObject({
  name: z.string().trim().min(1).max(200).describe('For people.'),
  currency: z
    .string()
    .refine((code) => CURRENCIES.has(code), 'is not an ISO 4217 code in upper case')
    .describe('Integration currency, ISO 4217: amounts are also given in it. Fixed once the app has events.'),
  sendUnknownUsers: z
    .boolean()
    .default(false)
    .describe('Whether events of purchases without any user go to integrations.'),
});

const appItem = z
  .object({
    slug: z.string(),
    name: z.string(),
    currency: z.string(),
    sendUnknownUsers: z.boolean(),
    publicKey: z.string().describe('For the SDK, as `x-api-key`. Public by nature.'),
  })
  .meta({ id: 'App' });

function shown({ slug, name, currency, sendUnknownUsers, publicKey }: App): z.output<typeof appItem> {
  return { slug, name, currency, sendUnknownUsers, publicKey };
}

export function appRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps',
    config: { scope: 'read' },
    schema: {
      operationId: 'listApps',
      tags: ['Set-up'],
      summary: 'All apps the key may see, by slug',
      querystring: z.object(pageQuery),
      response: { 200: pageOf(appItem) },
    },
    handler: async (request) => {
      const { limit, cursor } = request.query;
      const after = readCursor(cursor, z.string()) ?? '';
      const apps = await pageApps(deps.db, after, principalOf(request).appId, limit + 1);
      return page(apps, limit, (app) => app.slug, shown);
    },
  });

  scope.route({
    method: 'GET',
    url: '/apps/:slug',
    config: { scope: 'read' },
    schema: {
      operationId: 'getApp',
      tags: ['Set-up'],
      summary: 'One app',
      params: slugParams,
      response: { 200: appItem },
    },
    handler: async (request) => {
      const { slug } = await appOf(deps, request, request.params.slug);
      const app = await appBySlug(deps.db, slug);
      if (app === undefined) throw new PianolaError('app_unknown');
      return shown(app);
    },
  });

  scope.route({
    method: 'PUT',
    url: '/apps/:slug',
    config: { scope: 'write' },
    schema: {
      operationId: 'putApp',
      tags: ['Set-up'],
      summary: 'Create or change an app',
      params: slugParams,
      body: input,
      response: { 200: appItem },
    },
    handler: async (request) => {
      const { slug } = request.params;
      const principal = principalOf(request);
      if (principal.appId !== null) await appOf(deps, request, slug);
      const { app, written } = await deps.db.transaction((sql) =>
        save(sql, slug, request.body, principal.name, deps.clock.now()),
      );
      if (written) await deps.settings.reload();
      return shown(app);
    },
  });
}

async function save(
  sql: Parameters<typeof appBySlug>[0],
  slug: string,
  wanted: z.output<typeof input>,
  actor: string,
  now: number,
): Promise<{ app: App; written: boolean }> {
  const before = await appBySlug(sql, slug);
  if (before !== undefined && before.currency !== wanted.currency) {
    await lockApp(sql, before.id);
    if (await appHasEvents(sql, before.id)) {
      throw new PianolaError(
        'settings_invalid',
        'currency: cannot change once the app has events, because running totals are kept in it.',
      );
    }
  }
  const saved = await saveApp(sql, { slug, ...wanted, publicKey: newPublicKey() }, now);
  if (saved === null) return { app: before ?? (await appBySlug(sql, slug))!, written: false };
  const detail = saved.created ? { created: true } : { changed: changedFields({ ...before }, { ...saved.app }) };
  await insertAudit(sql, { actor, action: 'app.save', appId: saved.app.id, target: slug, detail }, now);
  await bumpSettingsEpoch(sql);
  return { app: saved.app, written: true };
}
