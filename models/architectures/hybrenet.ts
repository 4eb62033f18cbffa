import type { Rng } from '../../src/shared/random.ts';
import { UsageError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { resnet } from './resnet.ts';

export type HybrenetOptions = {
  readonly inChannels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
  /** The paper's m: channels of the stem and of the first stage. */
  readonly baseWidth: number;
  /** The ratio of each stage's channels to those of the stage before it. */
  readonly multipliers: readonly number[];
  /** Basic blocks of each stage (default: two each). */
  readonly blocks?: readonly number[];
  /** Whether the stem has a ReLU (default: true). */
  readonly stemRelu?: boolean;
  /** Stride of the stem's convolution (default: 1). */
  readonly stemStride?: number;
};

/**
 * Builds a HybReNet of DeepReShape (Jha, Reagen, TMLR 2024): a residual network with widths such as
 * relu-equalisation.ts finds. Throws UsageError if `blocks` has not one number per stage.
 */
export function hybrenet(options: HybrenetOptions, rng: Rng): Model {
  const { inChannels, size, classes, stemRelu = true, stemStride = 1 } = options;
  const [name, widths, blocks] = [hybrenetName(options.multipliers), widthsOf(options), blocksOf(options)];
  return resnet({ name, inChannels, size, classes, widths, blocks, stemRelu, stemStride }, rng);
}

/** The paper's name for a network, such as 'HRN-5x5x3x'. */
export function hybrenetName(multipliers: readonly number[]): string {
  return `HRN-${multipliers.map((a) => `${a}x`).join('')}`;
}

export type StageCounts = {
  readonly name: string;
  readonly blocks: number;
  readonly channels: number;
  /** Height and width of the stage's maps. */
  readonly size: number;
  readonly relus: number;
};

export type HybrenetCounts = {
  readonly stages: readonly StageCounts[];
  readonly stemRelus: number;
  readonly relus: number;
  readonly macs: number;
  readonly params: number;
};

/** Computes the counts of `inspect` by formula, without building the network. */
export function hybrenetCounts(options: HybrenetOptions): HybrenetCounts {
  const { inChannels, classes, stemRelu = true } = options;
  const widths = widthsOf(options);
  const sizes = hybrenetSizes({ ...options, stages: widths.length });
  const stages = blocksOf(options).map((blocks, k): StageCounts => {
    const [channels, size] = [widths[k]!, sizes[k]!];
    return { name: `S${k + 1}`, blocks, channels, size, relus: 2 * blocks * channels * size * size };
  });
  const layers = stages.flatMap((stage, k) => layersOf(stage, widths[k - 1] ?? stage.channels, k > 0));
  const stem = { inChannels, channels: widths[0]!, kernel: 3, size: sizes[0]! };
  const stemRelus = stemRelu ? widths[0]! * sizes[0]! ** 2 : 0;
  const features = widths.at(-1)!;
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    stages,
    stemRelus,
    relus: stemRelus + sum(stages.map(({ relus }) => relus)),
    macs: sum([stem, ...layers].map(macsOf)) + features * sizes.at(-1)! ** 2 + features * classes,
    params: sum([stem, ...layers].map(paramsOf)) + (features + 1) * classes,
  };
}

type Layer = {
  readonly inChannels: number;
  readonly channels: number;
  readonly kernel: number;
  readonly size: number;
};

/** The convolutions of a stage; each is followed by a batch norm. */
function layersOf({ blocks, channels, size }: StageCounts, before: number, halves: boolean): Layer[] {
  return Array.from({ length: blocks }, (_, block): Layer[] => {
    const inChannels = block === 0 ? before : channels;
    const first = { inChannels, channels, kernel: 3, size };
    const shortcut = { inChannels, channels, kernel: 1, size };
    const isProjected = inChannels !== channels || (block === 0 && halves);
    return [first, { ...first, inChannels: channels }, ...(isProjected ? [shortcut] : [])];
  }).flat();
}

function macsOf({ inChannels, channels, kernel, size }: Layer): number {
  return (inChannels * kernel ** 2 + 1) * channels * size ** 2; // the batch norm adds the 1
}

function paramsOf({ inChannels, channels, kernel }: Layer): number {
  return (inChannels * kernel ** 2 + 2) * channels;
}

function widthsOf({ baseWidth, multipliers }: HybrenetOptions): number[] {
  return [1, ...multipliers].reduce<number[]>((all, a) => [...all, a * (all.at(-1) ?? baseWidth)], []);
}

/** Height and width of each stage's maps. */
export function hybrenetSizes({
  size,
  stages,
  stemStride = 1,
}: Pick<HybrenetOptions, 'size' | 'stemStride'> & { readonly stages: number }): number[] {
  const sizes = [Math.ceil(size / stemStride)];
  while (sizes.length < stages) sizes.push(Math.ceil(sizes.at(-1)! / 2));
  return sizes;
}

/** Throws UsageError unless there is a number of blocks for each stage. */
function blocksOf({ blocks, multipliers }: HybrenetOptions): readonly number[] {
  const stages = multipliers.length + 1;
  const all = blocks ?? Array.from({ length: stages }, () => 2);
  if (all.length !== stages)
    throw new UsageError(`blocks: expected ${stages} numbers, one per stage, got ${all.join(',')}`);
  return all;
}
