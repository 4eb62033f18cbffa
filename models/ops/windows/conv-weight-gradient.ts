import type { NodeOf, Pair } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sizeOf } from '../../tensor.ts';
import type { TrainingContext } from '../gradient.ts';
import { gatherTaps, unfold } from './unfold.ts';

/**
 * Returns dW[m; c, tap] = the sum of dy[m] x[c, tap] over images and places. It is a product of matrices with
 * one row per place of the whole batch. There are two ways to compute it: all taps at once, which copies x
 * once per tap, or tap by tap, which does not.
 */
export function weightGradient(node: NodeOf<'Conv'>, context: TrainingContext, dy: string): string {
  const taps = node.attributes.kernel[0] * node.attributes.kernel[1];
  const [batch, , ...output] = context.shapeOf(node.outputs[0]!);
  const unfolded = batch! * sizeOf(output) * context.shapeOf(node.inputs[0]!)[1]! * taps;
  const isPlain = taps === 1 && node.attributes.strides.every((s) => s === 1);
  if (node.attributes.group > 1 || (unfolded <= mostAtOnce && !isPlain)) return allTaps(node, context, dy);
  return tapByTap(node, context, dy);
}

/**
 * The most numbers that x, copied once per tap, may have for the product of all taps at once. They take 20
 * MB, which a cache of 32 MB holds beside dy. Processor milliseconds, one thread, batch 32, 3 x 3 kernels,
 * all taps at once / tap by tap: 512 channels of 4 x 4 take 14.2 / 17.1, 256 of 8 x 8 take 14.3 / 14.5, 128
 * of 16 x 16 take 17.6 / 16.5, 256 to 512 with stride 2 take 7.3 / 10.5, 3 to 64 channels of 32 x 32 take 2.8
 * / 5.0.
 */
const mostAtOnce = 5_000_000;

type Sizes = {
  readonly maps: number;
  readonly channels: number;
  readonly input: Pair;
  readonly output: Pair;
};

function sizesOf(node: NodeOf<'Conv'>, { shapeOf }: TrainingContext): Sizes {
  const [, channels, ...input] = shapeOf(node.inputs[0]!) as [number, number, number, number];
  const [, maps, ...output] = shapeOf(node.outputs[0]!) as [number, number, number, number];
  return { maps, channels, input, output };
}

/**
 * The weight gradient from all taps at once, for any number of groups. The batch is moved to the last axis,
 * so that each tap reads contiguous runs at least as long as the batch.
 */
export function allTaps(node: NodeOf<'Conv'>, context: TrainingContext, dy: string): string {
  const { graph, shapeOf } = context;
  const { maps, input, output } = sizesOf(node, context);
  const weight = shapeOf(node.inputs[1]!);
  const { group } = node.attributes;
  const imagesLast = (value: string) => graph.op('Transpose', [value], { perm: { ints: [1, 2, 3, 0] } });
  const columns = gatherTaps(graph, imagesLast(node.inputs[0]!), node.attributes, input, output);
  const perMap = sizeOf(weight.slice(1));
  if (group === 1) {
    const product = timesTransposed(graph, graph.reshape(imagesLast(dy), [maps, -1]), columns, perMap);
    return graph.reshape(product, weight);
  }
  const rows = graph.reshape(imagesLast(dy), [group, maps / group, -1]);
  const apart = graph.reshape(columns, [group, perMap, -1]);
  const turned = graph.op('Transpose', [apart], { perm: { ints: [0, 2, 1] } });
  return graph.reshape(graph.op('MatMul', [rows, turned]), weight);
}

/**
 * The weight gradient tap by tap, for one group: each tap is a product of [M, P] with [C, P] transposed. Two
 * other ways were slower: copying all taps together took 5 to 10 % more of the whole training step
 * (ResNet-20, 128 images: 520 ms instead of 455; ResNet-18, 32 images: 910 instead of 865), and convolving
 * the transposed x with the transposed dy took 2.3 times as long (64 channels, 32 x 32).
 */
export function tapByTap(node: NodeOf<'Conv'>, context: TrainingContext, dy: string): string {
  const { graph, shapeOf } = context;
  const { maps, channels, input, output } = sizesOf(node, context);
  const channelsFirst = (value: string) => graph.op('Transpose', [value], { perm: { ints: [1, 0, 2, 3] } });
  const taps = unfold(graph, channelsFirst(node.inputs[0]!), node.attributes, input, output);
  const rows = graph.reshape(channelsFirst(dy), [maps, -1]);
  const products = taps.map((tap) => timesTransposed(graph, rows, tap, channels));
  const joined = products.length === 1 ? products[0]! : graph.op('Concat', products, { axis: { int: 1 } });
  const byTap = graph.reshape(joined, [maps, taps.length, channels]);
  const byChannel = graph.op('Transpose', [byTap], { perm: { ints: [0, 2, 1] } });
  return graph.reshape(byChannel, shapeOf(node.inputs[1]!));
}

/** `rows` [M, P] times the transpose of `columns`, which is reshaped to [k, P]. */
function timesTransposed(graph: GraphBuilder, rows: string, columns: string, k: number): string {
  return graph.op('Gemm', [rows, graph.reshape(columns, [k, -1])], { transB: { int: 1 } });
}
