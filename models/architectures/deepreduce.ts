import type { Rng } from '../../src/shared/random.ts';
import { stagesOf } from '../analysis/inspect.ts';
import type { Model } from '../graph.ts';
import { dropRelus } from '../passes/drop-relu.ts';
import { resnet } from './resnet.ts';

export type DeepReduceConfiguration = {
  /** Basic blocks in each of the four stages. */
  readonly blocks: readonly number[];
  /** Stages without any ReLU. */
  readonly culled: readonly string[];
  /** Whether the other stages keep only the first ReLU of each block. */
  readonly thinned: boolean;
  /** Factor of the number of channels. */
  readonly alpha: number;
  /** Factor of height and width, which the stem's stride applies. */
  readonly rho: number;
  readonly relus: number;
};

/**
 * The configurations of DeepReDuce (Jha, Ghodsi, Garg, Reagen, ICML 2021) with their ReLU counts, from the
 * definitions published with its checkpoints (github.com/ChengChen2020/RobustPNet,
 * deepreduce_models/resnet.py).
 */
export const deepReduceConfigurations = {
  C100_230K: configuration([2, 2, 2, 2], ['S1'], false, 1, 1, 229_376),
  C100_115K: configuration([2, 2, 2, 2], ['S1'], true, 1, 1, 114_688),
  C100_57K: configuration([2, 2, 2, 2], ['S1'], true, 0.5, 1, 57_344),
  C100_49K: configuration([2, 2, 2, 2], ['S1', 'S4'], true, 0.5, 1, 49_152),
  C100_29K: configuration([2, 2, 2, 2], ['S1'], true, 1, 0.5, 28_672),
  C100_14K: configuration([2, 2, 2, 2], ['S1'], true, 0.5, 0.5, 14_336),
  C100_12K: configuration([2, 2, 2, 2], ['S1', 'S4'], true, 0.5, 0.5, 12_288),
  C100_7K: configuration([2, 1, 1, 1], ['S1'], true, 0.5, 0.5, 7_168),
  TINY_918K: configuration([2, 2, 2, 2], ['S1'], false, 1, 1, 917_504),
  TINY_459K: configuration([2, 2, 2, 2], ['S1'], true, 1, 1, 458_752),
  TINY_393K: configuration([2, 2, 2, 2], ['S1', 'S2'], false, 1, 1, 393_216),
  TINY_229K: configuration([2, 2, 2, 2], ['S1'], true, 0.5, 1, 229_376),
  TINY_197K: configuration([2, 2, 2, 2], ['S1', 'S2'], true, 1, 1, 196_608),
  TINY_115K: configuration([2, 2, 2, 2], ['S1'], true, 1, 0.5, 114_688),
  TINY_98K: configuration([2, 2, 2, 2], ['S1', 'S2'], true, 0.5, 1, 98_304),
  TINY_57K: configuration([2, 2, 2, 2], ['S1'], true, 0.5, 0.5, 57_344),
  TINY_49K: configuration([2, 2, 2, 2], ['S1', 'S2'], true, 1, 0.5, 49_152),
} as const satisfies Record<string, DeepReduceConfiguration>;

export type DeepReduceName = keyof typeof deepReduceConfigurations;

/**
 * Builds one of the published networks, untrained: C100 for 32 x 32 images of 100 classes, TINY for 64 x 64
 * images of 200.
 */
export function deepReduceNetwork(name: DeepReduceName, rng: Rng): Model {
  const { blocks, culled, thinned, alpha, rho } = deepReduceConfigurations[name];
  const isTiny = name.startsWith('TINY');
  const options = {
    name,
    inChannels: 3,
    size: isTiny ? 64 : 32,
    classes: isTiny ? 200 : 100,
    widths: [64, 128, 256, 512].map((width) => Math.floor(width * alpha)),
    blocks,
    stemRelu: false,
    stemStride: Math.floor(1 / rho),
  };
  const model = resnet(options, rng);
  const dropped = stagesOf(model).flatMap((stage) => {
    if (culled.includes(stage.name)) return stage.nodes;
    return thinned ? stage.nodes.filter((node) => node.endsWith('relu2')) : [];
  });
  return dropRelus(model, dropped);
}

function configuration(
  blocks: readonly number[],
  culled: readonly string[],
  thinned: boolean,
  alpha: number,
  rho: number,
  relus: number,
): DeepReduceConfiguration {
  return { blocks, culled, thinned, alpha, rho, relus };
}
