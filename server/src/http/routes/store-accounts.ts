import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import type { StoreDefinition } from '../../stores/store.ts';
import { bumpSettingsEpoch, lockApp } from '../../storage/queries/app.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import { readStoreAccount, saveStoreAccount, type StoredStoreAccount } from '../../storage/queries/store-account.ts';
import { type SettingsRecord, storeAccountPlace } from '../../storage/seal.ts';
import type { App } from '../../storage/settings.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { formAnswer, formInput, pascal, prepareSave, shownSettings } from '../settings-form.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';

const checkAnswer = z
  .object({
    ok: z.boolean().describe('Every step went well.'),
    steps: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string(), fix: z.string().optional() })),
  })
  .meta({ id: 'StoreCheck' });

/** The same three routes for every store of the registry; the forms come from the definitions. */
export function storeAccountRoutes(scope: Http, deps: HttpDeps): void {
  for (const definition of deps.stores) {
    const url = `/apps/:slug/stores/${definition.id}`;
    const name = pascal(definition.id);
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
        const stored = await readStoreAccount(deps.db, app.id, definition.id);
        if (stored === undefined) throw new PianolaError('store_unknown');
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
        params: slugParams,
        body: formInput(definition),
        response: { 200: answer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const { stored, written } = await save(deps, app, definition, request.body, principalOf(request).name);
        if (written) await deps.settings.reload();
        return shownSettings(definition, stored);
      },
    });

    scope.route({
      method: 'POST',
      url: `${url}/check`,
      config: { scope: 'write' },
      schema: {
        operationId: `check${name}`,
        tags: ['Set-up'],
        summary: `Prove that ${definition.label} can be reached with these settings, and reaches us`,
        description:
          'Asks the store for test notifications and waits for them at our own door, up to a minute for each environment.',
        params: slugParams,
        response: { 200: checkAnswer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const inForce = deps.settings.storeAccount(app.id, definition.id);
        if (inForce === undefined) throw new PianolaError('store_unknown');
        const steps = await deps.checkStore(definition.id, inForce.account);
        return { ok: steps.every((step) => step.ok), steps };
      },
    });
  }
}

async function save(
  { db, clock, sealer }: HttpDeps,
  app: App,
  definition: StoreDefinition,
  body: SettingsRecord,
  actor: string,
): Promise<{ stored: StoredStoreAccount; written: boolean }> {
  const place = storeAccountPlace(app.id, definition.id);
  const now = clock.now();
  return db.transaction(async (sql) => {
    await lockApp(sql, app.id);
    const before = await readStoreAccount(sql, app.id, definition.id);
    const { wanted, settings, sealed, changed } = prepareSave(definition, body, before, sealer, place);
    if (before !== undefined && changed.length === 0) return { stored: before, written: false };
    const account = { appId: app.id, store: definition.id, bundleId: definition.bundleId(wanted), settings, sealed };
    const version = await saveStoreAccount(sql, account, now);
    await insertAudit(
      sql,
      { actor, action: 'store_account.save', appId: app.id, target: definition.id, detail: { version, changed } },
      now,
    );
    await bumpSettingsEpoch(sql);
    return { stored: { ...account, version }, written: true };
  });
}
