import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import type { OpDefinition } from './definition.ts';
import { sameShape, writePlain } from './plain.ts';

/** y = max(x, 0), elementwise. */
export const relu: OpDefinition<'Relu'> = {
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    return (dy) => [graph.op('Mul', [dy, isPositive(graph, node.outputs[0]!)])];
  },
  cost: (_attributes, { outputs: [y = []] }) => ({ macs: 0, relus: sizeOf(y), params: 0 }),
  write: writePlain,
};

/** 1 where x > 0, else 0. As Sign(Relu(x)) it takes three times as long, as Where twice. */
export function isPositive(graph: GraphBuilder, x: string): string {
  return graph.op('Cast', [graph.op('Greater', [x, graph.scalar(0)])], { to: { int: float32 } });
}

const float32 = 1; // TensorProto.DataType
