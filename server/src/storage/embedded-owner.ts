/** One owner per data folder, without file locks (Node has none): a file that names a process, and whether that very process lives. */
import { execFileSync } from 'node:child_process';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { PianolaError } from '../errors.ts';

export interface Ownership {
  release(): void;
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) === 'Z';
  } catch {
    return false;
  }
}

/** When the process began, in words of the system: tells a process from a later one with the same number. */
function birth(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    try {
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    } catch {
      return '';
    }
  }
}

/** @throws PianolaError database_owned */
export function claimFolder(file: string): Ownership {
  const mine = `${process.pid}\n${birth(process.pid)}\n`;
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (let tries = 0; tries < 20; tries++) {
      try {
        // A hard link appears whole or not at all, and never replaces.
        linkSync(draft, file);
        return {
          release() {
            if (read(file) === mine) rmSync(file, { force: true });
          },
        };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const theirs = read(file);
      if (theirs === null) continue;
      const [pid, born] = theirs.split('\n');
      if (isAlive(Number(pid)) && birth(Number(pid)) === born)
        throw new PianolaError('database_owned', `Process ${pid} owns it.`);
      dropStale(file, theirs);
    }
    throw new PianolaError('database_owned', 'Several processes are starting at once.');
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Two starters may see the same stale file; whoever moves a fresh one away by mistake puts it back. */
function dropStale(file: string, stale: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    if (read(aside) !== stale) linkSync(aside, file);
  } catch (error) {
    if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
