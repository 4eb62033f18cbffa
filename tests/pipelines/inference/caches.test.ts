import { expect, test } from 'vitest';
import { keptIndexBytes } from '../../../crypto/ot/silent-sets.ts';
import { clientCaches, defaultCaches, serverCaches } from '../../../pipelines/inference/caches.ts';

const indexBytes = (indices: string, threads: number) => (indices === 'kept' ? threads * keptIndexBytes : 0);

test('without a size the caches are as usual; rows take a quarter in each direction, at most as usual', () => {
  expect(serverCaches(undefined, 2)).toEqual(defaultCaches);
  expect(clientCaches(undefined, 2)).toEqual(defaultCaches);
  const { aheadBytes } = defaultCaches;
  const indices = 'kept';
  for (const more of [0, 1e8]) {
    const weightBytes = 2 * aheadBytes + more;
    const bytes = weightBytes + 2 * aheadBytes + 2 * keptIndexBytes;
    expect(serverCaches(bytes, 2)).toEqual({ weightBytes, aheadBytes, indices });
    expect(clientCaches(2 * aheadBytes + more + keptIndexBytes, 1)).toEqual({ aheadBytes, indices });
  }
});

test('all caches together never have more than the size; what is over goes to weights', () => {
  for (const threads of [1, 2, 64]) {
    for (const bytes of [0, 1, 1e6, 1e8, 2e8, 1e9]) {
      const { weightBytes, aheadBytes, indices } = serverCaches(bytes, threads);
      expect(weightBytes + 2 * aheadBytes + indexBytes(indices, threads)).toBe(bytes);
      expect(weightBytes).toBeGreaterThanOrEqual((3 * bytes) / 8);
      const client = clientCaches(bytes, threads);
      expect(2 * client.aheadBytes + indexBytes(client.indices, threads)).toBeLessThanOrEqual(bytes);
    }
  }
  expect(serverCaches(1e9, 2).aheadBytes).toBe(defaultCaches.aheadBytes);
  // The memory that a pool's threads share ends at 4 GiB.
  expect(serverCaches(1e12, 2).weightBytes).toBeLessThan(2 ** 31);
});

test('indices are kept from a size on that has room for those of all threads', () => {
  for (const caches of [clientCaches, serverCaches]) {
    expect(caches(undefined, 64).indices).toBe('kept');
    expect(caches(4 * 2 * keptIndexBytes, 2).indices).toBe('kept');
    expect(caches(4 * 2 * keptIndexBytes - 1, 2).indices).toBe('drawn');
    expect(caches(4 * 2 * keptIndexBytes, 3).indices).toBe('drawn');
  }
});
