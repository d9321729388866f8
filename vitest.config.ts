import { defineConfig } from 'vitest/config';

/** Tools whose SQL is run on PostgreSQL too; what only reads git or the sandbox is not run twice. */
const ON_BOTH_DATABASES = [
  'test/tasks/*.test.ts',
  'test/gates/{artifact_get,artifact_put,artifact_review,checkpoint_request,checkpoint_status,review_submit}.test.ts',
];

/** What goes deep: products under attack, many thousands of entries, kills and races, foreign suites, other users. */
const LONG = [
  'test/qa/qa.test.ts',
  'test/qa/{cost,qa_page}.test.ts',
  'test/qa/{corpus,recall}/*.test.ts',
  'test/qa/page/{looks,rules}.test.ts',
  'test/qa/probe/{main,marina,product,testimonials,viewer}.test.ts',
  'test/qa/suite/projects.test.ts',
  'test/cli/{backup,memory,migrate,qa,running_examples,ship,stdio}.test.ts',
  'test/conformance/{inspector,suite}.test.ts',
  'test/contracts/hostile_all.test.ts',
  'test/core/git/hostile.test.ts',
  'test/core/target/{cloudflare,vercel}_faults.test.ts',
  'test/core/target/local.test.ts',
  'test/deploy/{canary,release,resume}.test.ts',
  'test/memory/together.test.ts',
  'test/repo/swap_races.test.ts',
  'test/store/{claim,migrate,upgrade}.test.ts',
  'test/tier2/*.test.ts',
  'test/words/command.test.ts',
];
const LONG_FACTORIES = ['test/e2e/solo.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 120_000,
    hookTimeout: 120_000,
    globalSetup: ['test/global.ts'],
    setupFiles: ['test/own_tmp.ts'],
    pool: 'forks',
    maxWorkers: 4,
    projects: [
      {
        extends: true,
        test: {
          name: 'sqlite',
          globalSetup: [],
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/hosts/**', ...LONG],
        },
      },
      {
        extends: true,
        test: {
          name: 'postgres',
          globalSetup: [],
          isolate: false,
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
          // Their probes judge pages by their text: what a browser adds is shown by test/qa/qa.test.ts, and costs seconds each.
          env: { MILLWRIGHT_CHROMIUM: '/nowhere/chromium' },
          include: ['test/e2e/*.test.ts'],
          exclude: LONG_FACTORIES,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'long', globalSetup: [], include: LONG, sequence: { groupOrder: 2 } },
      },
      {
        extends: true,
        test: {
          name: 'long-e2e',
          globalSetup: [],
          include: LONG_FACTORIES,
          fileParallelism: false,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
