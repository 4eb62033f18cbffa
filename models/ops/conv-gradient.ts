import type { NodeOf, Pair } from '../graph.ts';
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
 * faster where maps are large (ms for a batch of 128, 2 threads, as Conv and as ConvTranspose: 16 channels of 28 x 28 3.6 and 9.1,
 * 32 of 14 x 14 2.6 and 5.5, 64 of 7 x 7 5.3 and 4.0).
 */
function inputGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { input, output } = sizes(node, context);
  const { group, strides, pads } = node.attributes;
  const reach = reachOf(node);
  const plain = group === 1 && strides.every((s) => s === 1) && pads.every((p, i) => p <= reach[i % 2]!);
  if (plain && output[0] * output[1] >= 100) return flippedConvolution(node, context, dy);
  return context.graph.op('ConvTranspose', [dy, node.inputs[1]!], {
    ...foldAttributes(node.attributes, input, output),
    group: { int: group },
  });
}

/** Rows and columns from the first tap of the kernel to the last. */
function reachOf({ attributes: { kernel, dilations } }: ConvNode): Pair {
  return [(kernel[0] - 1) * dilations[0], (kernel[1] - 1) * dilations[1]];
}

function flippedConvolution(node: ConvNode, { graph }: TrainingContext, dy: string): string {
  const { kernel, pads, dilations } = node.attributes;
  const swapped = graph.op('Transpose', [node.inputs[1]!], { perm: { ints: [1, 0, 2, 3] } });
  const beforeStart = kernel.map((size) => -size - 1);
  const backwards = [graph.ints([-1, -1]), graph.ints(beforeStart), graph.ints([2, 3]), graph.ints([-1, -1])];
  const reach = reachOf(node);
  return graph.op('Conv', [dy, graph.op('Slice', [swapped, ...backwards])], {
    kernel_shape: { ints: kernel },
    dilations: { ints: dilations },
    pads: { ints: pads.map((p, i) => reach[i % 2]! - p) },
  });
}

/**
 * dW[m; tap, c] = sum over images and places of dy[m] x[tap, c], as [G, M/G, P] times [G, P, taps C/G]. As a convolution of the
 * transposed x with the transposed dy it takes 2.3 times as long (64 channels, 32 x 32: 37 against 85 GFLOP/s).
 */
function weightGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { graph, shapeOf } = context;
  const { input, output } = sizes(node, context);
  const [maps, perGroup, height, width] = shapeOf(node.inputs[1]!) as [number, number, number, number];
  const { group } = node.attributes;
  const channelsFirst = (value: string) => graph.op('Transpose', [value], { perm: { ints: [1, 0, 2, 3] } });
  const taps = unfold(graph, channelsFirst(node.inputs[0]!), node.attributes, input, output);
  const rows = graph.reshape(channelsFirst(dy), [maps, -1]);
  const columns = taps.length === 1 ? taps[0]! : graph.op('Concat', taps, { axis: { int: 0 } });
  const product =
    group === 1
      ? graph.op('Gemm', [rows, graph.reshape(columns, [taps.length * perGroup, -1])], { transB: { int: 1 } })
      : groupedProduct(context, rows, columns, { group, maps, perGroup, taps: taps.length });
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
