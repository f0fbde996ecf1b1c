/** The tests that start real processes: one file at a time, console output straight through, generous limits. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['server/test/{e2e,crash}/**/*.test.ts'],
    pool: 'forks',
    fileParallelism: false,
    disableConsoleIntercept: true,
    bail: 0,
    testTimeout: 100_000,
    hookTimeout: 60_000,
  },
});
