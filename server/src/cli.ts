/**
 * `pianola`: the command line. Nothing else is imported before the version of Node is known to be good enough, so that an older
 * one gets a sentence instead of a syntax error.
 */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

const NEEDED = 24;
const [major = 0] = process.versions.node.split('.').map(Number);

if (major < NEEDED) {
  console.error(
    `Pianola needs Node ${NEEDED} or later; this is ${process.version}. \`npm ci\` brings the right one: run commands as \`npm run pianola -- …\`.`,
  );
  process.exitCode = 1;
} else {
  // Saves stripping the types anew at each start, and the 25 MB the stripper needs. Where the folder cannot be written, Node does without.
  enableCompileCache(join(import.meta.dirname, '../../node_modules/.cache/pianola'));
  const { run } = await import('./commands/run.ts');
  // By then everything has been loaded; a process that is killed later would not write it.
  setTimeout(flushCompileCache, 2_000).unref();
  process.exitCode = await run(process.argv.slice(2));
}
