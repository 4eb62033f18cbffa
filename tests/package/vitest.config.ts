import { defineConfig } from 'vitest/config';

/**
 * `npm run test:package`: packs, installs and uses the package as its users do. About a minute; needs npm's
 * registry or its cache.
 */
export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    include: ['tests/package/**/*.slow.ts'],
    pool: 'forks',
    testTimeout: 300_000,
    hookTimeout: 600_000,
    reporters: process.env['CI'] ? ['default', ['json', { outputFile: 'runs/package.json' }]] : ['default'],
  },
});
