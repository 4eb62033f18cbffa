import { expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import { verifyModel } from '../../../models/graph-tools.ts';
import { countRelus, inspect, stagesOf } from '../../../models/inspect.ts';
import { seededRng } from '../../helpers/rng.ts';

const counts = [
  ['resnet8', [1, 28, 28], 56_448],
  // 16 x 32 x 32 x 7 + 32 x 16 x 16 x 6 + 64 x 8 x 8 x 6
  ['resnet20', [3, 32, 32], 188_416],
  // papers.md A.3, from cryptonite and derived
  ['resnet32', [3, 32, 32], 303_104],
  ['resnet18', [3, 32, 32], 557_056],
] as const;

test.each(counts)('%s on %j has %i ReLUs', (name, shape, relus) => {
  const model = architectures[name](shape, 10, seededRng(1));
  verifyModel(model);
  expect(countRelus(model)).toBe(relus);
});

test('the stem ReLU of ResNet18 is 65,536 of them', () => {
  const options = {
    name: 'resnet18',
    inChannels: 3,
    size: 32,
    classes: 100,
    widths: [64, 128, 256, 512],
    blocks: [2, 2, 2, 2],
  };
  const without = resnet({ ...options, stemRelu: false }, seededRng(1));
  expect(countRelus(without)).toBe(491_520);
  expect(stagesOf(without).map((stage) => stage.relus)).toEqual([262_144, 131_072, 65_536, 32_768]);
  const halved = resnet({ ...options, stemRelu: false, stemStride: 2 }, seededRng(1));
  expect(countRelus(halved)).toBe(491_520 / 4);
});

test('parameters and MACs of ResNet20 are those of He et al. plus projections', () => {
  const { params, macs } = inspect(architectures.resnet20([3, 32, 32], 10, seededRng(1)));
  // He et al. report 0.27 M; the two 1x1 projections with BN add 512 + 64 and 2048 + 128.
  expect(params).toBe(269_722 + 576 + 2_176);
  expect(macs).toBeGreaterThan(40e6);
  expect(macs).toBeLessThan(42e6);
});

test('stages follow the resolution, the stem in the first', () => {
  const stages = stagesOf(architectures.resnet8([1, 28, 28], 10, seededRng(1)));
  expect(stages.map((s) => [s.name, s.resolution, s.relus])).toEqual([
    ['S1', [28, 28], 37_632],
    ['S2', [14, 14], 12_544],
    ['S3', [7, 7], 6_272],
  ]);
  expect(stages[0]!.nodes).toEqual(['stem.relu', 'stage1.block0.relu1', 'stage1.block0.relu2']);
});
