/** JSON files in the data folder. Written beside the old file and renamed over it, so that a crash leaves one of the two whole. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Undefined if there is no such file yet. The shape is ours: nobody else writes there. */
export function loadJson(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`${path} is damaged. Delete it; the simulator then makes a new one.`);
  }
}

/** Readable by its owner alone: keys are among them. */
export function saveJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.new`;
  writeFileSync(draft, JSON.stringify(value), { mode: 0o600 });
  renameSync(draft, path);
}

export interface Saver {
  /** Saves soon; many calls make one file. */
  soon(): void;
  /** Saves what is still to be saved. */
  now(): void;
}

export function createSaver(path: string, value: () => unknown, delayMs = 500): Saver {
  let timer: NodeJS.Timeout | undefined;
  const now = (): void => {
    if (timer === undefined) return;
    clearTimeout(timer);
    timer = undefined;
    saveJson(path, value());
  };
  return {
    soon: () => {
      timer ??= setTimeout(now, delayMs);
    },
    now,
  };
}
