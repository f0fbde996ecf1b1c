import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{server,sdk,simulator,bench,console}/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'server/test/e2e/**', 'server/test/crash/**'],
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['server/test/database-global.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
