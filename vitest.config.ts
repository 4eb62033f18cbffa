import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import type { TestUserConfig } from 'vitest/config';

/** Tests of pure functions share a process and what it has loaded: that saves 0.3 to 0.4 s a file. */
const pure = ['tests/models/**/*.test.ts'];

const shared = {
  setupFiles: ['crypto/platform/node.ts'],
  // Commands that tests start compile the sources once: each then takes 0.3 s of processor time in place of 0.6.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'runs/compile-cache') },
  pool: 'forks',
  testTimeout: 120_000,
  // A file's set-up is several tests' work: under a load of 8 two took more than 120 s.
  hookTimeout: 600_000,
  // Vitest gives `expect.poll` one second, which a busy machine takes.
  expect: { poll: { timeout: 60_000 } },
} satisfies TestUserConfig;

export default defineConfig({
  test: {
    globalSetup: ['tests/helpers/build-kernels.ts'],
    maxWorkers: 2,
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'runs/vitest.json' }]] : ['default'],
    projects: [
      { test: { ...shared, name: 'pure', include: pure, isolate: false, restoreMocks: true } },
      {
        test: {
          ...{ ...shared, name: 'rest', include: ['tests/**/*.test.ts'] },
          exclude: [...configDefaults.exclude, ...pure],
        },
      },
    ],
  },
});
