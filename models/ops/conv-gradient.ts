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

function inputGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { input, output } = sizes(node, context);
  return context.graph.op('ConvTranspose', [dy, node.inputs[1]!], {
    ...foldAttributes(node.attributes, input, output),
    group: { int: node.attributes.group },
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
