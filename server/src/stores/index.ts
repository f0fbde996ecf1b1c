/** The registry of stores. A new one adds a line here and a folder beside this file. */
import { apple } from './apple/index.ts';
import type { StoreDefinition } from './store.ts';

/**
 * Forgets which settings a store has: outside its folder they are opaque. Sound because whatever reaches a definition's methods
 * has been parsed by that definition's own schema.
 */
function opaque<Settings>(definition: StoreDefinition<Settings>): StoreDefinition {
  return definition as unknown as StoreDefinition;
}

export const STORES: readonly StoreDefinition[] = [opaque(apple)];
