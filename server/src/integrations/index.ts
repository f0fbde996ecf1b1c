import { atInternet } from './at-internet/index.ts';
import type { IntegrationDefinition } from './integration.ts';

/**
 * Every integration there is.
 * @param options `allowPrivateTargets`: the instance runs with its simulator
 */
export function createIntegrations(options: { allowPrivateTargets: boolean }): readonly IntegrationDefinition[] {
  // Each definition only ever meets settings that its own schema has parsed.
  return [atInternet(options) as unknown as IntegrationDefinition];
}
