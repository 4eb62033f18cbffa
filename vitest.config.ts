import { join } from 'node:path';
import { configDefaults, defineConfig } from 'vitest/config';
import type { TestUserConfig } from 'vitest/config';

/**
 * Files with a process of their own. All others share three processes and what these have loaded, which saves
 * 0.3 to 1 s of processor time a file.
 */
const alone = [
  // They measure the memory of their process, or count what is left in it.
  'tests/pipelines/plan/plan.test.ts',
  'tests/src/resume.test.ts',
  'tests/src/shared/release.test.ts',
  // It compares times.
  'tests/crypto/he/share.test.ts',
  // It tests what happens once a process, and a module is mocked for it.
  'tests/crypto/steps/warm-up.test.ts',
];

const common = {
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
    globalSetup: ['tests/helpers/processes/build-kernels.ts'],
    // One more than two cores: tests wait for servers, browsers and pauses. 591 s in place of 687.
    maxWorkers: 3,
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'runs/vitest.json' }]] : ['default'],
    projects: [
      {
        test: {
          ...common,
          name: 'shared',
          include: ['tests/**/*.test.ts'],
          isolate: false,
          restoreMocks: true,
          setupFiles: [...common.setupFiles, 'tests/helpers/processes/leave-nothing.ts'],
          exclude: [...configDefaults.exclude, ...alone],
        },
      },
      { test: { ...common, name: 'alone', include: alone } },
    ],
  },
});
