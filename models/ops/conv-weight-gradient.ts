import type { NodeOf, Pair } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import type { TrainingContext } from './gradient.ts';
import { gatherTaps, unfold } from './unfold.ts';

/**
 * dW[m; c, tap] = sum over images and places of dy[m] x[c, tap]: a product of matrices that are as long as the batch has places. Either
 * all taps at once, which lays out x once for each tap, or tap by tap.
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
 * Numbers of x once for each tap (20 MB, what a cache of 32 MB holds beside dy). Processor's ms, one thread, batch 32, 3 x 3, all taps at
 * once and tap by tap: 512 channels of 4 x 4 14.2 and 17.1, 256 of 8 x 8 14.3 and 14.5, 128 of 16 x 16 17.6 and 16.5; 256 to 512
 * with stride 2 7.3 and 10.5; 3 to 64 channels of 32 x 32 2.8 and 5.0.
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

/** Of any number of groups. Images last: what a tap reads then lies in runs of at least the batch's length. */
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
 * Of one group: for each tap a product [M, P] times [C, P] transposed. All taps joined by a copy took 5 to 10 % more of the whole step (ResNet-20 of
 * 128 images 520 and 455 ms, ResNet-18 of 32 910 and 865); a convolution of the transposed x with the transposed dy 2.3 times
 * as long (64 channels, 32 x 32).
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

/** `rows` [M, P] times `columns`, whose elements are those of [K, P], transposed. */
function timesTransposed(graph: GraphBuilder, rows: string, columns: string, k: number): string {
  return graph.op('Gemm', [rows, graph.reshape(columns, [k, -1])], { transB: { int: 1 } });
}
