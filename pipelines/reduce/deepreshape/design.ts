import { designHybrenets } from '../../../models/architectures/hybrenet-designs.ts';
import { hybrenetCounts } from '../../../models/architectures/hybrenet.ts';
import type { HybrenetOptions } from '../../../models/architectures/hybrenet.ts';
import type { Model } from '../../../models/graph.ts';
import { inspect, stagesOf } from '../../../models/analysis/inspect.ts';
import type { Stage } from '../../../models/analysis/inspect.ts';
import { UsageError } from '../../../src/shared/errors.ts';

/** The stages of a network that have feature maps. A HybReNet has such stages only. */
export function mapStages(model: Model): Stage[] {
  return stagesOf(model).filter(({ resolution, relus }) => resolution.length === 2 && relus > 0);
}

export type DesignTask = {
  /** The names of the stages of `mapStages`, most critical first. */
  readonly order: readonly string[];
  /** The smallest number of ReLUs that the network may have. */
  readonly budget: number;
  readonly baseWidth?: number;
};

/**
 * Designs the HybReNet for a network's images, stages and order of criticality. Each stage has one basic
 * block for each pair of ReLU layers of the network's stage. The multipliers are the first solution of ReLU
 * equalisation. The base width is the one whose multiplications are nearest to the network's, or the smallest
 * one with enough ReLUs for the budget if that is wider. If no multipliers of 2 or more give the order,
 * multipliers of 1 are allowed, and then one block in every stage. Throws UsageError if nothing gives the
 * order, or if the images are not square.
 */
export function designFor(model: Model, { order, budget, baseWidth }: DesignTask): HybrenetOptions {
  const stages = mapStages(model);
  const [inChannels = 0, size = 0, width = 0] = model.graph.inputs[0]!.shape;
  if (stages.length === 0 || size !== width)
    throw new UsageError(
      `${model.graph.name}: deepreshape needs square images and stages with feature maps; use another method`,
    );
  const shared = {
    ...{ inChannels, size, classes: model.graph.outputs[0]!.shape[0]! },
    stemStride: Math.max(1, Math.round(size / stages[0]!.resolution[0]!)),
  };
  const solved = solve(stages, order, shared);
  const ofWidth = (m: number) => hybrenetCounts({ ...shared, ...solved, baseWidth: m });
  return { ...shared, ...solved, baseWidth: baseWidth ?? widthFor(ofWidth, inspect(model).macs, budget) };
}

type Solved = Pick<HybrenetOptions, 'multipliers'> & { readonly blocks: readonly number[] };

function solve(
  stages: readonly Stage[],
  names: readonly string[],
  shared: Omit<HybrenetOptions, 'multipliers' | 'baseWidth'>,
): Solved {
  const order = names.map((name) => stages.findIndex((stage) => stage.name === name) + 1);
  const blocks = stages.map(({ nodes }) => Math.max(1, Math.floor(nodes.length / 2)));
  const even = stages.map(() => 1);
  for (const [own, least] of [
    [blocks, 2],
    [blocks, 1],
    [even, 1],
  ] as const) {
    const [first] = designHybrenets({ ...shared, baseWidth: 1, blocks: own, order, least });
    if (first !== undefined) return { multipliers: first.multipliers, blocks: own };
  }
  throw new UsageError(`deepreshape: no multipliers give the order of criticality ${names.join(' > ')}`);
}

/**
 * The width with the nearest number of multiplications, or the first one with enough ReLUs. Both numbers grow
 * with the width.
 */
function widthFor(
  ofWidth: (width: number) => { macs: number; relus: number },
  macs: number,
  relus: number,
): number {
  let width = 1;
  while (ofWidth(width + 1).macs <= macs) width++;
  const isNearer = ofWidth(width + 1).macs - macs < macs - ofWidth(width).macs;
  if (isNearer) width++;
  while (ofWidth(width).relus < relus) width++;
  return width;
}
