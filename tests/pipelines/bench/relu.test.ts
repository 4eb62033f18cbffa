import { expect, test } from 'vitest';
import { benchRelu } from '../../../pipelines/bench/relu.ts';
import { seededRng } from '../../helpers/rng.ts';

test('the bytes of the bench are those of the protocol; its times are not looked at', async () => {
  const count = 1024;
  const result = await benchRelu({ count, k: 12, bits: 25 }, seededRng('bench'));
  const headers = 16;
  // 13 AND gates, 14 labels and 3 random OTs of 4 bytes; two extensions with the rows and proofs of their checks, the salt.
  const checks = 2 * (4 * 128 + 48);
  expect(result.offline_bytes).toBe(count * (32 * 13 + 4 * 14 + 4 * 3) + 3 * headers + checks + 16);
  // 14 labels, d2, d1 of 8 bits; d3, y - r, c
  expect(result.online_bytes).toBe(count * (16 * 14 + 4 + 1) + count * 8 + count / 8 + 2 * headers);
  expect(result.online_us_per_relu).toBeCloseTo((1e6 * result.online_seconds) / count, 9);
});
