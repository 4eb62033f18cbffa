import { expect, test } from 'vitest';
import { blockBytes, blocksOf } from '../../../crypto/ot/blocks.ts';
import { benchRelu } from '../../../pipelines/bench/relu.ts';
import { seededRng } from '../../helpers/rng.ts';

test('the bytes of the bench are those of the protocol; its times are not looked at', async () => {
  const count = 1024;
  const result = await benchRelu({ count, k: 12, bits: 25 }, seededRng('bench'));
  const headers = 16;
  // The window has 14 bits: 19 transfers in which the server chooses, 368 bits of strings and one flip.
  const blocks = [...blocksOf(19 * count), ...blocksOf(2 * count)];
  const transfers = blocks.reduce((sum, rows) => sum + headers + blockBytes(rows, 4), 0);
  expect(result.offline_bytes).toBe(transfers + headers + (count * (368 + 1)) / 8);
  // 19 bits, d2, d1 of 8 bits; d3, y - r, c
  expect(result.online_bytes).toBe((count * (19 + 32 + 8)) / 8 + count * 8 + count / 8 + 2 * headers);
  expect(result.online_us_per_relu).toBeCloseTo((1e6 * result.online_seconds) / count, 9);
});
