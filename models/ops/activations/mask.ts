import type { GraphBuilder } from '../../onnx/graph-builder.ts';

const float32 = 1; // TensorProto.DataType

/** A float value with 1 at the elements of x that are greater (or less) than `bound`, and 0 elsewhere. */
export function mask(graph: GraphBuilder, comparison: 'Greater' | 'Less', x: string, bound: number): string {
  return graph.op('Cast', [graph.op(comparison, [x, graph.scalar(bound)])], { to: { int: float32 } });
}
