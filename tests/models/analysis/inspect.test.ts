import { expect, test } from 'vitest';
import { inspect, stagesOf } from '../../../models/analysis/inspect.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';

test('an inspection, by hand', () => {
  const { relus, macs, params, layers, unsupported } = inspect(tinyResnet());
  expect(relus).toBe(3 * 4 * 64 + 2 * 6 * 16);
  const convolutions = 64 * (4 * 2 + 2 * 4 * 4) * 9 + 16 * (6 * 4 + 6 * 6) * 9 + 16 * 6 * 4;
  const batchNorms = 3 * 256 + 3 * 96;
  expect(macs).toBe(convolutions + batchNorms + 96 + 18); // pooling and the last layer
  expect(params).toBe((8 + 32 + 24 + 36) * 9 + 24 + 2 * (3 * 4 + 3 * 6) + 21);
  expect(unsupported).toEqual([]);
  expect(layers[2]).toEqual({ name: 'stem.relu', op: 'Relu', output_shape: [4, 8, 8], relus: 256, macs: 0 });
  expect(Object.keys(JSON.parse(JSON.stringify(inspect(tinyResnet()))) as object)).toEqual([
    'relus',
    'macs',
    'params',
    'layers',
    'unsupported',
  ]);
});

test('stages know what is left of them', () => {
  const zeros = new Float32Array(6);
  const kinds = new Uint8Array(96).fill(1, 0, 40);
  const model = replaceActivation(dropRelus(tinyResnet(), ['stem.relu']), 'stage2.block0.relu1', {
    kinds,
    c2: zeros,
    c1: zeros,
    c0: zeros,
  });
  expect(stagesOf(model)).toEqual([
    { name: 'S1', resolution: [8, 8], nodes: ['stage1.block0.relu1', 'stage1.block0.relu2'], relus: 512 },
    { name: 'S2', resolution: [4, 4], nodes: ['stage2.block0.relu1', 'stage2.block0.relu2'], relus: 40 + 96 },
  ]);
});
