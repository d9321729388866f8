import { defineConfig } from 'vitest/config';

/** Tools whose SQL is run on PostgreSQL too; what only reads git or the sandbox is not run twice. */
const ON_BOTH_DATABASES = [
  'test/tasks/*.test.ts',
  'test/gates/{artifact_get,artifact_put,artifact_review,checkpoint_request,checkpoint_status,review_submit}.test.ts',
];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/own_tmp.ts'],
    pool: 'forks',
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'sqlite',
          globalSetup: [],
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/hosts/**'],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          globalSetup: [],
          include: ON_BOTH_DATABASES,
          env: { TEST_STORE: 'postgres' },
        },
      },
      {
        // Whole factories in real time, with leases of a second: they have the machine to themselves.
        extends: true,
        test: {
          name: 'e2e',
          globalSetup: [],
          include: ['test/e2e/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
