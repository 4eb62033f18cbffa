import { expect, test } from 'vitest';
import { resnet } from '../../../models/architectures/resnet.ts';
import { countRelus, stagesOf } from '../../../models/inspect.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';

/** papers.md A.3: the definitions published with DeepReDuce's checkpoints. Culled stages, thinned, alpha, rho, ReLUs. */
const configurations = [
  ['C100_230K', [2, 2, 2, 2], ['S1'], false, 1, 1, 229_376],
  ['C100_115K', [2, 2, 2, 2], ['S1'], true, 1, 1, 114_688],
  ['C100_57K', [2, 2, 2, 2], ['S1'], true, 0.5, 1, 57_344],
  ['C100_49K', [2, 2, 2, 2], ['S1', 'S4'], true, 0.5, 1, 49_152],
  ['C100_29K', [2, 2, 2, 2], ['S1'], true, 1, 0.5, 28_672],
  ['C100_14K', [2, 2, 2, 2], ['S1'], true, 0.5, 0.5, 14_336],
  ['C100_12K', [2, 2, 2, 2], ['S1', 'S4'], true, 0.5, 0.5, 12_288],
  ['C100_7K', [2, 1, 1, 1], ['S1'], true, 0.5, 0.5, 7_168],
  ['TINY_918K', [2, 2, 2, 2], ['S1'], false, 1, 1, 917_504],
  ['TINY_459K', [2, 2, 2, 2], ['S1'], true, 1, 1, 458_752],
  ['TINY_393K', [2, 2, 2, 2], ['S1', 'S2'], false, 1, 1, 393_216],
  ['TINY_229K', [2, 2, 2, 2], ['S1'], true, 0.5, 1, 229_376],
  ['TINY_197K', [2, 2, 2, 2], ['S1', 'S2'], true, 1, 1, 196_608],
  ['TINY_115K', [2, 2, 2, 2], ['S1'], true, 1, 0.5, 114_688],
  ['TINY_98K', [2, 2, 2, 2], ['S1', 'S2'], true, 0.5, 1, 98_304],
  ['TINY_57K', [2, 2, 2, 2], ['S1'], true, 0.5, 0.5, 57_344],
  ['TINY_49K', [2, 2, 2, 2], ['S1', 'S2'], true, 1, 0.5, 49_152],
] as const;

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

test.each(configurations)('%s', (name, blocks, culled: readonly string[], thinned, alpha, rho, relus) => {
  const options = {
    name,
    inChannels: 3,
    size: name.startsWith('TINY') ? 64 : 32,
    classes: name.startsWith('TINY') ? 200 : 100,
    widths: [64, 128, 256, 512].map((width) => Math.floor(width * alpha)),
    blocks,
    stemRelu: false,
    stemStride: Math.floor(1 / rho),
  };
  const model = resnet(options, noRng);
  const dropped = stagesOf(model).flatMap((stage) => {
    if (culled.includes(stage.name)) return stage.nodes;
    return thinned ? stage.nodes.filter((node) => node.endsWith('relu2')) : [];
  });
  expect(countRelus(dropRelus(model, dropped))).toBe(relus);
});
