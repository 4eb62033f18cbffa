import type { GraphBuilder } from '../onnx/graph-builder.ts';

const float32 = 1; // TensorProto.DataType

/** 1 where x is greater (or less) than `bound`, else 0. */
export function mask(graph: GraphBuilder, comparison: 'Greater' | 'Less', x: string, bound: number): string {
  return graph.op('Cast', [graph.op(comparison, [x, graph.scalar(bound)])], { to: { int: float32 } });
}
