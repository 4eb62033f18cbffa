import { defineConfig } from 'vitest/config';

/** `npm run test:hostile`: thousands of cases, some minutes. */
export default defineConfig({
  test: {
    root: new URL('../../..', import.meta.url).pathname,
    include: ['tests/protocol/hostile/**/*.{test,slow}.ts'],
    setupFiles: ['crypto/platform/node.ts'],
    globalSetup: ['tests/helpers/processes/build-kernels.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 3_600_000,
    hookTimeout: 120_000,
  },
});
