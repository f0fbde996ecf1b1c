import type { Environment, UnifiedEvent } from '../events/event.ts';
import { createIntegrations } from '../integrations/index.ts';
import type { IntegrationDefinition, IntegrationSettings } from '../integrations/integration.ts';
import { hash52 } from '../lib/ids.ts';
import type { NewDelivery } from '../storage/queries/delivery.ts';

/** Lanes hash to this many shards; a process works whole shards. */
export const SHARDS = 256;

// `wants` looks at events only; which targets are possible does not matter to it.
const definitions: ReadonlyMap<string, IntegrationDefinition> = new Map(
  createIntegrations({ allowPrivateTargets: false }).map((definition) => [definition.kind, definition]),
);

/**
 * One delivery for each integration that wants the event, as things stand when it is born: the toggle is not judged again later.
 * @param integrations those of the event's app
 */
export function deliveriesFor(
  event: UnifiedEvent,
  app: { id: number; sendUnknownUsers: boolean },
  integrations: readonly IntegrationSettings[],
): NewDelivery[] {
  const environment = event.attributes['environment'] as Environment;
  const { code, ownerId, eventId } = event;
  return integrations.flatMap((integration) => {
    const definition = definitions.get(integration.kind);
    const admission = definition?.wants({ code, environment, ownerId }, integration, app);
    if (!definition || !admission) return [];
    const lane = laneOf(app.id, integration.integrationId, environment, ownerId);
    const target = { appId: app.id, integrationId: integration.integrationId, environment, eventId, ownerId };
    return {
      ...target,
      lane,
      shard: lane % SHARDS,
      state: admission.send ? 'queued' : admission.state,
      reason: admission.send ? null : admission.reason,
      holdUntil:
        !admission.send && admission.state === 'held' ? event.createdAt + definition.holdMs(integration) : null,
    } satisfies NewDelivery;
  });
}

// The events of one group follow each other here, and share their lane.
let last = { key: '', lane: 0 };

/** Deliveries of one lane leave in order; deliveries of unknown users share one, since they wait for nobody. */
export function laneOf(appId: number, integrationId: number, environment: Environment, ownerId: string | null): number {
  const key = `${appId}\n${integrationId}\n${environment}\n${ownerId ?? 'unknown'}`;
  if (last.key !== key) last = { key, lane: hash52(key) };
  return last.lane;
}
