/**
 * `pianola`: the command line. Nothing else is imported before the version of Node is known to be good enough, so that an older
 * one gets a sentence instead of a syntax error.
 */
const NEEDED = 24;
const [major = 0] = process.versions.node.split('.').map(Number);

if (major < NEEDED) {
  console.error(
    `Pianola needs Node ${NEEDED} or later; this is ${process.version}. \`npm ci\` brings the right one: run commands as \`npm run pianola -- …\`.`,
  );
  process.exitCode = 1;
} else {
  const { run } = await import('./commands/run.ts');
  process.exitCode = await run(process.argv.slice(2));
}
