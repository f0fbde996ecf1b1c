import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { bumpSettingsEpoch, lockApp } from '../../storage/queries/app.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import { type PlanSetting, readPlans, replacePlans } from '../../storage/queries/plan.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { canonical } from '../settings-form.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';

const id = z.string().min(1).max(255);

const plan = z
  .strictObject({
    id: id.describe('Your id of the plan.'),
    product: id.describe('Your id of the product the plan belongs to.'),
    level: z
      .int()
      .min(0)
      .max(1_000_000)
      .optional()
      .describe('Grade within the product; higher is better. Decides what is an upgrade and what a downgrade.'),
    durationDays: z
      .int()
      .min(1)
      .max(36_500)
      .optional()
      .describe('Of non-renewing subscriptions: how long access lasts.'),
    storeProducts: z
      .record(z.string(), z.array(id).max(200))
      .default({})
      .describe('What the stores call it: store product ids by store, e.g. `{"apple": ["com.example.gold"]}`.'),
  })
  .meta({ id: 'Plan' });

const planList = z.object({ plans: z.array(plan).max(5_000) }).meta({ id: 'Plans' });

export function planRoutes(scope: Http, deps: HttpDeps): void {
  scope.route({
    method: 'GET',
    url: '/apps/:slug/plans',
    config: { scope: 'read' },
    schema: {
      operationId: 'getPlans',
      tags: ['Set-up'],
      summary: 'All plans of the app',
      params: slugParams,
      response: { 200: planList },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      return { plans: await readPlans(deps.db, app.id) };
    },
  });

  scope.route({
    method: 'PUT',
    url: '/apps/:slug/plans',
    config: { scope: 'write' },
    schema: {
      operationId: 'putPlans',
      tags: ['Set-up'],
      summary: 'Replace all plans of the app',
      params: slugParams,
      body: planList,
      response: { 200: planList },
    },
    handler: async (request) => {
      const app = await appOf(deps, request, request.params.slug);
      const wanted = inOrder(request.body.plans);
      const stores = new Set(deps.stores.map((store) => store.id));
      refuseConflicts(wanted, stores);
      const now = deps.clock.now();
      const written = await deps.db.transaction(async (sql) => {
        await lockApp(sql, app.id);
        if (canonical(await readPlans(sql, app.id)) === canonical(wanted)) return false;
        await replacePlans(sql, app.id, wanted);
        const detail = { plans: wanted.map(({ id: planId }) => planId) };
        await insertAudit(
          sql,
          { actor: principalOf(request).name, action: 'plans.save', appId: app.id, target: null, detail },
          now,
        );
        await bumpSettingsEpoch(sql);
        return true;
      });
      if (written) await deps.settings.reload();
      return { plans: wanted };
    },
  });
}

/** As `readPlans` gives them: by id, store product ids in order, stores without products left out. */
function inOrder(plans: readonly PlanSetting[]): PlanSetting[] {
  const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return plans
    .map((entry) => ({
      ...entry,
      storeProducts: Object.fromEntries(
        Object.entries(entry.storeProducts).flatMap(([store, ids]) =>
          ids.length === 0 ? [] : [[store, ids.toSorted(byText)]],
        ),
      ),
    }))
    .toSorted((a, b) => byText(a.id, b.id));
}

function refuseConflicts(plans: readonly PlanSetting[], stores: ReadonlySet<string>): void {
  const refuse = (detail: string) => {
    throw new PianolaError('settings_invalid', detail);
  };
  const ids = new Set<string>();
  const products = new Map<string, string>();
  for (const entry of plans) {
    if (ids.has(entry.id)) refuse(`plans: ${entry.id} is listed twice.`);
    ids.add(entry.id);
    for (const [store, storeProducts] of Object.entries(entry.storeProducts)) {
      if (!stores.has(store)) refuse(`plans.${entry.id}.storeProducts: there is no store ${store}.`);
      for (const storeProduct of storeProducts) {
        const key = `${store}/${storeProduct}`;
        const other = products.get(key);
        if (other !== undefined) refuse(`plans.${entry.id}.storeProducts: ${key} already belongs to ${other}.`);
        products.set(key, entry.id);
      }
    }
  }
}
