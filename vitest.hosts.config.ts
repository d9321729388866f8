import { defineConfig } from 'vitest/config';

/** Real hosts against a scripted model: their programs are about 1 GB, so `npm run test:hosts` is asked for by name. */
export default defineConfig({
  test: {
    include: ['test/hosts/**/*.test.ts'],
    setupFiles: ['test/own_tmp.ts'],
    testTimeout: 240_000,
    hookTimeout: 600_000,
    pool: 'forks',
    fileParallelism: false,
  },
});
