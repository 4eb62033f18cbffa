import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import { vgg } from '../../../models/architectures/vgg.ts';
import type { Model } from '../../../models/graph.ts';
import { activationsOf } from '../../../models/analysis/inspect.ts';
import { loadModel } from '../../../models/files/read.ts';
import { reusedRelus } from '../../../models/passes/reuse-relus.ts';
import { thinnedActivations } from '../../../models/passes/thin-relus.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

/** '+' stays, '-' goes, in graph order. */
function pattern(model: Model): string {
  const thinned = thinnedActivations(model);
  return activationsOf(model)
    .map(({ name }) => (thinned.has(name) ? '-' : '+'))
    .join('');
}

test('of a basic block the ReLU after the sum goes, as in the published definitions', () => {
  const net = { name: 'n', inChannels: 3, size: 16, classes: 5, widths: [2, 3, 4], blocks: [2, 3, 1] };
  for (const stemRelu of [true, false]) {
    const model = resnet({ ...net, stemRelu }, noRng);
    const seconds = activationsOf(model).filter(({ name }) => name.endsWith('relu2'));
    expect([...thinnedActivations(model)]).toEqual(seconds.map(({ name }) => name));
  }
});

test('of a pre-activation block the second goes too', () => {
  const model = architectures['wide-resnet10-2']([1, 28, 28], 10, noRng);
  expect([...thinnedActivations(model)]).toEqual(
    ['stage1', 'stage2', 'stage3'].map((stage) => `${stage}.block0.relu2`),
  );
});

test('without sums every other layer of a stage goes', () => {
  const net = { name: 'v', inChannels: 3, size: 8, classes: 2, hidden: [4, 4] };
  const model = vgg(
    {
      ...net,
      stages: [
        [2, 2, 2],
        [2, 2],
      ],
      batchNorm: true,
      pool: 'average',
    },
    seededRng('v'),
  );
  expect(pattern(model)).toBe('+-++-+-'); // 3, 2, then the two hidden layers
});

test.each([
  // a stem before its pooling, two basic blocks, a bottleneck
  ['resnet', '++-+-+-+'],
  // the stem and its depthwise layer, then expansion and depthwise layer of each block
  ['mobilenet-v2', '+-+-+-'],
  ['vgg-bn', '+++'],
])("torchvision's %s", async (name, wanted) => {
  const file = join(import.meta.dirname, `../../fixtures/torchvision/${name}.onnx`);
  expect(pattern(await loadModel(file))).toBe(wanted);
});

describe('ReLU reuse', () => {
  test('keeps one group of channels a layer, the next in the next layer', () => {
    const lost = reusedRelus(tinyResnet(), 2);
    const kept = [...lost.values()].map((elements) => {
      const channels = elements.length === 256 ? 4 : 6;
      const places = elements.length / channels;
      return [...elements.keys()].filter((e) => e % places === 0 && elements[e] === 0).map((e) => e / places);
    });
    expect(kept).toEqual([
      [0, 1],
      [2, 3],
      [0, 1],
      [3, 4, 5],
      [0, 1, 2],
    ]);
    const left = [...lost.values()].reduce((sum, e) => sum + e.filter((gone) => gone === 0).length, 0);
    expect(left).toBe(960 / 2);
  });
  test('a layer of fewer channels than groups keeps one channel', () => {
    const lost = reusedRelus(tinyResnet(), 16);
    expect([...lost.values()].map((e) => e.filter((gone) => gone === 0).length)).toEqual([
      64, 64, 64, 16, 16,
    ]);
  });
  test.each([1, 0, 2.5])('%d groups are refused', (n) => {
    expect(() => reusedRelus(tinyResnet(), n)).toThrow(/reuse: expected at least 2 groups/);
  });
});
