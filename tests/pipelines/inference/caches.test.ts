import { expect, test } from 'vitest';
import { clientCaches, defaultCaches, serverCaches } from '../../../pipelines/inference/caches.ts';

test('without a size the caches are as usual; about as much room gives the same', () => {
  expect(serverCaches()).toEqual(defaultCaches);
  expect(clientCaches()).toEqual(defaultCaches);
  const { weightBytes, aheadBytes } = defaultCaches;
  expect(serverCaches(weightBytes + 2 * aheadBytes)).toEqual(defaultCaches);
  expect(clientCaches(2 * aheadBytes)).toEqual({ aheadBytes });
});

test('all caches together never have more than the size; what is over goes to weights', () => {
  for (const bytes of [0, 1, 1e6, 1e8, 2e8, 1e9]) {
    const { weightBytes, aheadBytes } = serverCaches(bytes);
    expect(weightBytes + 2 * aheadBytes).toBe(bytes);
    expect(weightBytes).toBeGreaterThanOrEqual(bytes / 2);
    expect(2 * clientCaches(bytes).aheadBytes).toBeLessThanOrEqual(bytes);
  }
  expect(serverCaches(1e9).aheadBytes).toBe(defaultCaches.aheadBytes);
  // The memory that a pool's threads share ends at 4 GiB.
  expect(serverCaches(1e12).weightBytes).toBeLessThan(2 ** 31);
});
