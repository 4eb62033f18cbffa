import type { Model } from '../../../models/graph.ts';
import type { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import type { Penalty } from '../../../models/train/penalty.ts';
import { gatePlaces, gateWeights } from '../gates/gates.ts';

/**
 * SNL's L1 penalty: lambda times the mean of |alpha| over all ReLUs, where `total` is their number and
 * `lambda` a scalar of the step. In the paper it is a sum, so lambda is larger here by the number of ReLUs.
 */
export function sparsity(gated: Model, total: number): Penalty {
  return {
    name: 'sparsity',
    build(graph, { valueOf, scalarOf }) {
      const lambda = scalarOf('lambda');
      const layers = gatePlaces(gated).map(({ layer, places }) => {
        const { gate } = gateWeights(layer);
        const alpha = valueOf(gate);
        const weight = graph.op('Mul', [lambda, graph.scalar(places / total)]);
        const sum = totalOf(graph, graph.op('Abs', [alpha]));
        return {
          value: graph.op('Mul', [sum, weight]),
          gradient: [gate, graph.op('Mul', [graph.op('Sign', [alpha]), weight])] as const,
        };
      });
      return {
        value: graph.total(layers.map(({ value }) => value)),
        gradients: new Map(layers.map(({ gradient }) => gradient)),
      };
    },
  };
}

function totalOf(graph: GraphBuilder, value: string): string {
  return graph.sum(graph.reshape(value, [-1]), [0], false);
}
