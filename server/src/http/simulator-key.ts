/** With `--simulator` only: an API key in a file of the data folder, so that the demo and the command line need no set-up. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Database } from '../storage/pool.ts';
import { createApiKey, createKeyring } from './keyring.ts';

export async function ensureSimulatorKey(db: Database, clock: Clock, dataDir: string): Promise<void> {
  const file = join(dataDir, 'simulator-api-key');
  const kept = read(file);
  if (kept !== null && (await createKeyring(db, clock).principal(kept)) !== null) return;
  const wanted = { name: 'Simulator', scopes: ['read', 'write'] as const, appId: null, expiresAt: null };
  const { key } = await createApiKey(db, wanted, clock.now());
  writeFileSync(file, `${key}\n`, { mode: 0o600 });
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return null;
  }
}
