import type { NodeOf, Pair } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import type { Gradient, TrainingContext } from './gradient.ts';
import { foldAttributes, unfold } from './unfold.ts';

/** dx is the transposed convolution of dy; dW one matrix product of dy with the unfolded x; the bias gets dy's sum. */
export const convGradient: Gradient<'Conv'> = (node, context) => {
  context.forward(node);
  return (dy, wanted) => [
    wanted[0] ? inputGradient(node, context, dy) : undefined,
    wanted[1] ? weightGradient(node, context, dy) : undefined,
    wanted[2] ? context.graph.sum(dy, [0, 2, 3], false) : undefined,
  ];
};

type ConvNode = NodeOf<'Conv'>;

function sizes(node: ConvNode, { shapeOf }: TrainingContext): { input: Pair; output: Pair } {
  const input = shapeOf(node.inputs[0]!).slice(2) as [number, number];
  const output = shapeOf(node.outputs[0]!).slice(2) as [number, number];
  return { input, output };
}

/**
 * Where stride and groups are 1 the transposed convolution is a plain one with the flipped kernel, which onnxruntime computes
 * faster, or of flipped images with the kernel as it is, where images are fewer numbers (ms, one thread, batch 32, 3 x 3, as
 * ConvTranspose, with the kernel flipped, with images flipped: 128 channels of 16 x 16 20, 16, 22; 256 of 8 x 8 27, 17, 21; 512 of
 * 4 x 4 46, 39, 26).
 */
function inputGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { input, output } = sizes(node, context);
  const { group, strides, pads } = node.attributes;
  const reach = reachOf(node);
  const plain = group === 1 && strides.every((s) => s === 1) && pads.every((p, i) => p <= reach[i % 2]!);
  if (plain) return plainConvolution(node, context, dy);
  return context.graph.op('ConvTranspose', [dy, node.inputs[1]!], {
    ...foldAttributes(node.attributes, input, output),
    group: { int: group },
  });
}

/** Rows and columns from the first tap of the kernel to the last. */
function reachOf({ attributes: { kernel, dilations } }: ConvNode): Pair {
  return [(kernel[0] - 1) * dilations[0], (kernel[1] - 1) * dilations[1]];
}

function plainConvolution(node: ConvNode, { graph, shapeOf }: TrainingContext, dy: string): string {
  const { kernel, pads, dilations } = node.attributes;
  const kernels = graph.op('Transpose', [node.inputs[1]!], { perm: { ints: [1, 0, 2, 3] } });
  const reach = reachOf(node);
  const opposite = pads.map((p, i) => reach[i % 2]! - p);
  const convolve = (x: string, w: string, around: readonly number[]) =>
    graph.op('Conv', [x, w], {
      kernel_shape: { ints: kernel },
      dilations: { ints: dilations },
      pads: { ints: around },
    });
  const flipped = (value: string) => (reach[0] === 0 && reach[1] === 0 ? value : flip(graph, value));
  const [weights, images] = [node.inputs[1]!, node.outputs[0]!].map((name) => sizeOf(shapeOf(name)));
  if (2 * images! >= weights!) return convolve(dy, flipped(kernels), opposite);
  const [top, left, bottom, right] = opposite as [number, number, number, number];
  return flipped(convolve(flipped(dy), kernels, [bottom, right, top, left]));
}

/** Turns the last two of four axes round. */
function flip(graph: GraphBuilder, value: string): string {
  const beforeStart = [-(2 ** 31), -(2 ** 31)]; // stands for 'to the first', whatever the size
  return graph.op('Slice', [
    value,
    graph.ints([-1, -1]),
    graph.ints(beforeStart),
    graph.ints([2, 3]),
    graph.ints([-1, -1]),
  ]);
}

/**
 * dW[m; tap, c] = sum over images and places of dy[m] x[tap, c]: for each tap a product [M, P] times [C, P] transposed. One product with
 * all taps joined takes 5 to 10 % more of the whole step (processor's ms, one thread: ResNet-20 of 128 images 520 and 455,
 * ResNet-18 of 32 910 and 865); a convolution of the transposed x with the transposed dy 2.3 times as long (64 channels, 32 x 32).
 */
function weightGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { graph, shapeOf } = context;
  const { input, output } = sizes(node, context);
  const [maps, perGroup, height, width] = shapeOf(node.inputs[1]!) as [number, number, number, number];
  const { group } = node.attributes;
  const channelsFirst = (value: string) => graph.op('Transpose', [value], { perm: { ints: [1, 0, 2, 3] } });
  const taps = unfold(graph, channelsFirst(node.inputs[0]!), node.attributes, input, output);
  const rows = graph.reshape(channelsFirst(dy), [maps, -1]);
  const joined = (values: readonly string[], axis: number) =>
    values.length === 1 ? values[0]! : graph.op('Concat', values, { axis: { int: axis } });
  const productWith = (tap: string) =>
    graph.op('Gemm', [rows, graph.reshape(tap, [perGroup, -1])], { transB: { int: 1 } });
  const product =
    group === 1
      ? joined(taps.map(productWith), 1)
      : groupedProduct(context, rows, joined(taps, 0), { group, maps, perGroup, taps: taps.length });
  const byTap = graph.reshape(product, [maps, taps.length, perGroup]);
  const byChannel = graph.op('Transpose', [byTap], { perm: { ints: [0, 2, 1] } });
  return graph.reshape(byChannel, [maps, perGroup, height, width]);
}

type Grouping = { group: number; maps: number; perGroup: number; taps: number };

function groupedProduct(
  { graph }: TrainingContext,
  rows: string,
  columns: string,
  { group, maps, perGroup, taps }: Grouping,
): string {
  const left = graph.reshape(rows, [group, maps / group, -1]);
  const apart = graph.reshape(columns, [taps, group, perGroup, -1]);
  const grouped = graph.op('Transpose', [apart], { perm: { ints: [1, 3, 0, 2] } });
  const places = graph.reshape(grouped, [group, -1, taps * perGroup]);
  return graph.op('MatMul', [left, places]);
}
