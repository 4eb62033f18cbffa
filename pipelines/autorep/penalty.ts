import type { Model } from '../../models/graph.ts';
import type { GraphBuilder } from '../../models/onnx/graph-builder.ts';
import { hysteresis, softplus } from '../../models/ops/gated-activation-gradient.ts';
import { mask } from '../../models/ops/mask.ts';
import type { Penalty } from '../../models/train/penalty.ts';
import { gatedNodes, gatePlaces, gateWeights } from '../masks/gates.ts';

/** How many ReLUs the gates of this step leave open: no penalty, but a number for the controller. */
export function openCount(gated: Model): Penalty {
  return {
    name: 'open',
    build: (graph, { valueOf }) => ({
      value: graph.total(layersOf(graph, gated, valueOf).map(({ count }) => count)),
      gradients: new Map(),
    }),
  };
}

/**
 * lambda * max(0, density - target) ([papers.md] B.1): the density is the share of open gates among all ReLUs, and its gradient goes straight
 * through the hysteresis to the numbers behind the gates. `lambda` and `target` are scalars of the step.
 */
export function hingePenalty(gated: Model, total: number): Penalty {
  return {
    name: 'hinge',
    build(graph, { valueOf, scalarOf }) {
      const layers = layersOf(graph, gated, valueOf);
      const share = graph.scalar(1 / total);
      const density = graph.op('Mul', [graph.total(layers.map(({ count }) => count)), share]);
      const over = graph.op('Sub', [density, scalarOf('target')]);
      const slope = graph.op('Mul', [mask(graph, 'Greater', over, 0), scalarOf('lambda')]);
      const gradients = layers.map(({ weight, m, places }) => {
        const perGate = graph.op('Mul', [slope, graph.scalar(places / total)]);
        return [weight, graph.op('Mul', [softplus(graph, m), perGate])] as const;
      });
      return { value: graph.op('Mul', [over, slope]), gradients: new Map(gradients) };
    },
  };
}

/** Of each layer the trained numbers and the ReLUs that its gates of this step leave open. */
function layersOf(graph: GraphBuilder, gated: Model, valueOf: (weight: string) => string) {
  const thresholds = new Map(gatedNodes(gated).map(({ name, attributes }) => [name, attributes.threshold!]));
  return gatePlaces(gated).map(({ layer, places }) => {
    const { gate: weight, state } = gateWeights(layer);
    const m = valueOf(weight);
    const open = hysteresis(graph, m, valueOf(state), thresholds.get(layer)!);
    const sum = graph.sum(graph.reshape(open, [-1]), [0], false);
    return { weight, m, places, count: graph.op('Mul', [sum, graph.scalar(places)]) };
  });
}
