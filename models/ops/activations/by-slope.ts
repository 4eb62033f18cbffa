import type { Node, NodeOf, OpType } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Gradient } from '../gradient.ts';
import { sameShape, writePlain } from '../plain.ts';

/** Appends dy/dx of y = f(x), elementwise, and returns its name. */
export type Slope<K extends OpType> = (
  graph: GraphBuilder,
  { x, y, attributes }: { readonly x: string; readonly y: string } & Pick<NodeOf<K>, 'attributes'>,
) => string;

/** The gradient of an elementwise op of one input: that of its output times the slope. */
export function bySlope<K extends OpType>(slope: Slope<K>): Gradient<K> {
  return (node, { graph, forward }) => {
    forward(node as Node);
    const { inputs, outputs, attributes } = node;
    return (dy) => [graph.op('Mul', [dy, slope(graph, { x: inputs[0]!, y: outputs[0]!, attributes })])];
  };
}

/** What elementwise ops of one input and without attributes have in common. */
export const plainActivation = {
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  write: writePlain,
} as const;
