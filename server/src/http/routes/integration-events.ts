/** Which events an integration sends, and under what names. */
import { z } from 'zod';
import { PianolaError } from '../../errors.ts';
import { EVENT_CODES, type EventCode } from '../../events/catalogue.ts';
import type { EventTable, IntegrationDefinition } from '../../integrations/integration.ts';
import { bumpSettingsEpoch } from '../../storage/queries/app.ts';
import { insertAudit } from '../../storage/queries/audit.ts';
import { appendIntegrationVersion, lockIntegration, readIntegration } from '../../storage/queries/integration.ts';
import type { App } from '../../storage/settings.ts';
import { appOf, principalOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { canonical, changedFields, pascal } from '../settings-form.ts';
import type { Http } from '../server.ts';
import { slugParams } from './apps.ts';
import { NOT_SAVED } from './integrations.ts';

const code = z.enum(EVENT_CODES);
const row = z.strictObject({
  enabled: z.boolean(),
  name: z.string().max(500).optional().describe('In place of the preset name; empty or left out = the preset name.'),
});
const input = z.strictObject({ events: z.partialRecord(code, row).describe('By event code. Codes left out are off.') });
const answer = z
  .object({
    version: z.int().describe('Of the integration’s settings.'),
    events: z.record(code, row).describe('Every event code.'),
    warnings: z
      .array(z.object({ code, level: z.enum(['warning', 'notice']), message: z.string() }))
      .describe('Worth a look; nothing here kept the table from being saved.'),
  })
  .meta({ id: 'EventTable' });

type Warning = z.output<typeof answer>['warnings'][number];

export function integrationEventRoutes(scope: Http, deps: HttpDeps): void {
  for (const definition of deps.integrations) {
    const url = `/apps/:slug/integrations/${definition.kind}/events`;
    const name = pascal(definition.kind);

    scope.route({
      method: 'GET',
      url,
      config: { scope: 'read' },
      schema: {
        operationId: `get${name}Events`,
        tags: ['Set-up'],
        summary: `Which events go to ${definition.label}, and under what names`,
        params: slugParams,
        response: { 200: answer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const stored = await readIntegration(deps.db, app.id, definition.kind);
        if (stored === undefined) throw new PianolaError('not_found', NOT_SAVED);
        return shown(stored.version, stored.events, definition);
      },
    });

    scope.route({
      method: 'PUT',
      url,
      config: { scope: 'write' },
      schema: {
        operationId: `put${name}Events`,
        tags: ['Set-up'],
        summary: `Choose which events go to ${definition.label}, and under what names`,
        description:
          'Replaces the whole table. Events born from now on follow it; those born before keep what was decided for them.',
        params: slugParams,
        body: input,
        response: { 200: answer },
      },
      handler: async (request) => {
        const app = await appOf(deps, request, request.params.slug);
        const wanted = tidy(request.body.events);
        for (const [entry, { name: given }] of rows(wanted)) refuseBadName(definition, entry, given);
        const { version, written } = await save(deps, app, definition.kind, wanted, principalOf(request).name);
        if (written) await deps.settings.reload();
        return shown(version, wanted, definition);
      },
    });
  }
}

async function save(
  { db, clock }: HttpDeps,
  app: App,
  kind: string,
  events: EventTable,
  actor: string,
): Promise<{ version: number; written: boolean }> {
  const now = clock.now();
  return db.transaction(async (sql) => {
    const { integrationId } = await lockIntegration(sql, app.id, kind, now);
    const before = await readIntegration(sql, app.id, kind);
    if (before === undefined) throw new PianolaError('not_found', NOT_SAVED);
    if (canonical(before.events) === canonical(events)) return { version: before.version, written: false };
    const { settings, sealed } = before;
    const version = await appendIntegrationVersion(
      sql,
      { appId: app.id, integrationId, settings, sealed, events, author: actor },
      now,
    );
    const detail = { version, changed: changedFields(before.events, events) };
    await insertAudit(sql, { actor, action: 'integration_events.save', appId: app.id, target: kind, detail }, now);
    await bumpSettingsEpoch(sql);
    return { version, written: true };
  });
}

function rows(table: EventTable): [EventCode, { enabled: boolean; name?: string }][] {
  return EVENT_CODES.flatMap((entry) => (table[entry] === undefined ? [] : [[entry, table[entry]]]));
}

/** What differs from "off, preset name", so that two ways of saying the same are stored alike. */
function tidy(table: Partial<Record<EventCode, z.output<typeof row>>>): EventTable {
  const kept: EventTable = {};
  for (const entry of EVENT_CODES) {
    const given = table[entry];
    if (given === undefined || (!given.enabled && !given.name)) continue;
    kept[entry] = given.name ? { enabled: given.enabled, name: given.name } : { enabled: given.enabled };
  }
  return kept;
}

function refuseBadName(definition: IntegrationDefinition, entry: EventCode, given: string | undefined): void {
  const found = given === undefined ? null : definition.checkName(given);
  if (found?.level === 'error') throw new PianolaError('event_name_invalid', `${entry}: ${found.message}`);
}

function shown(version: number, events: EventTable, definition: IntegrationDefinition): z.output<typeof answer> {
  const warnings: Warning[] = [];
  const users = new Map<string, EventCode>();
  for (const [entry, { enabled, name }] of rows(events)) {
    const found = name === undefined ? null : definition.checkName(name);
    if (found !== null && found.level !== 'error')
      warnings.push({ code: entry, level: found.level, message: found.message });
    if (!enabled) continue;
    const other = users.get(name ?? entry);
    if (other !== undefined)
      warnings.push({ code: entry, level: 'notice', message: `Goes out under the same name as ${other}.` });
    else users.set(name ?? entry, entry);
  }
  const all = Object.fromEntries(EVENT_CODES.map((entry) => [entry, events[entry] ?? { enabled: false }]));
  return { version, events: all as z.output<typeof answer>['events'], warnings };
}
