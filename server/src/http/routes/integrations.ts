import { PianolaError } from '../../errors.ts';
import type { IntegrationDefinition } from '../../integrations/integration.ts';
import { bumpSettingsEpoch } from '../../storage/queries/app.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import {
  appendIntegrationVersion,
  lockIntegration,
  readIntegration,
  type StoredIntegration,
} from '../../storage/queries/integration.ts';
import { integrationPlace, type SettingsRecord } from '../../storage/seal.ts';
import type { App } from '../../storage/settings.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { formAnswer, formInput, pascal, prepareSave, shownSettings } from '../settings-form.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';

export const NOT_SAVED = 'Save the settings of the integration first.';

/** The same routes for every integration of the registry; the forms come from the definitions. */
export function integrationRoutes(scope: Http, deps: HttpDeps): void {
  for (const definition of deps.integrations) {
    const url = `/apps/:slug/integrations/${definition.kind}`;
    const name = pascal(definition.kind);
    const answer = formAnswer(definition);

    scope.route({
      method: 'GET',
      url,
      config: { scope: 'read' },
      schema: {
        operationId: `get${name}`,
        tags: ['Set-up'],
        summary: `The app's settings for ${definition.label}`,
        params: slugParams,
        response: { 200: answer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const stored = await readIntegration(deps.db, app.id, definition.kind);
        if (stored === undefined) throw new PianolaError('not_found', NOT_SAVED);
        return shownSettings(definition, stored);
      },
    });

    scope.route({
      method: 'PUT',
      url,
      config: { scope: 'write' },
      schema: {
        operationId: `put${name}`,
        tags: ['Set-up'],
        summary: `Save the app's settings for ${definition.label}`,
        description:
          'Queued events use the new settings from their next attempt on. Every change is a new version; an unchanged PUT makes none.',
        params: slugParams,
        body: formInput(definition),
        response: { 200: answer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const { stored, written } = await save(deps, app, definition, request.body, principalOf(request).name);
        if (written) {
          await deps.settings.reload();
          deps.onWake();
        }
        return shownSettings(definition, stored);
      },
    });
  }
}

async function save(
  { db, clock, sealer }: HttpDeps,
  app: App,
  definition: IntegrationDefinition,
  body: SettingsRecord,
  actor: string,
): Promise<{ stored: StoredIntegration; written: boolean }> {
  const { kind } = definition;
  const now = clock.now();
  return db.transaction(async (sql) => {
    const { integrationId } = await lockIntegration(sql, app.id, kind, now);
    const before = await readIntegration(sql, app.id, kind);
    const { settings, sealed, changed } = prepareSave(definition, body, before, sealer, integrationPlace(app.id, kind));
    if (before !== undefined && changed.length === 0) return { stored: before, written: false };
    const next = { appId: app.id, integrationId, settings, sealed, events: before?.events ?? {} };
    const version = await appendIntegrationVersion(sql, { ...next, author: actor }, now);
    await insertAudit(
      sql,
      { actor, action: 'integration.save', appId: app.id, target: kind, detail: { version, changed } },
      now,
    );
    await bumpSettingsEpoch(sql);
    return { stored: { ...next, kind, version }, written: true };
  });
}
