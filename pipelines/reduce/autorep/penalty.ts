import type { Model } from '../../../models/graph.ts';
import type { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import { hysteresis, softplus } from '../../../models/ops/activations/gated-activation-gradient.ts';
import { mask } from '../../../models/ops/activations/mask.ts';
import type { Penalty } from '../../../models/train/penalty.ts';
import { gatedNodes, gatePlaces, gateWeights } from '../gates/gates.ts';

/** The weight of each ReLU of a layer. In AutoReP all weights are 1. */
export type Weights = (layer: string) => number;

const one: Weights = () => 1;

/**
 * Counts the ReLUs that the gates leave open in this step, each by its weight. It adds nothing to the loss,
 * but tells the controller the count.
 */
export function openCount(gated: Model, weightOf: Weights = one): Penalty {
  return {
    name: 'open',
    build: (graph, { valueOf }) => ({
      value: graph.total(layersOf(graph, gated, weightOf, valueOf).map(({ count }) => count)),
      gradients: new Map(),
    }),
  };
}

/**
 * The hinge of AutoReP (Peng et al., ICCV 2023), lambda * max(0, density - target). The density is the share
 * of open gates among all ReLUs; its gradient goes straight through the hysteresis to the numbers behind the
 * gates. `lambda` and `target` are scalars of the step. If ReLUs have weights, the density and the gates'
 * gradients are weighted, so that dear ReLUs close more easily than cheap ones.
 */
export function hingePenalty(gated: Model, total: number, weightOf: Weights = one): Penalty {
  return {
    name: 'hinge',
    build(graph, { valueOf, scalarOf }) {
      const layers = layersOf(graph, gated, weightOf, valueOf);
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

/**
 * For each layer its trained numbers, the weight of a gate, and the count that its gates leave open in this
 * step.
 */
function layersOf(graph: GraphBuilder, gated: Model, weightOf: Weights, valueOf: (weight: string) => string) {
  const thresholds = new Map(gatedNodes(gated).map(({ name, attributes }) => [name, attributes.threshold!]));
  return gatePlaces(gated).map((own) => {
    const { layer } = own;
    const places = own.places * weightOf(layer);
    const { gate: weight, state } = gateWeights(layer);
    const m = valueOf(weight);
    const open = hysteresis(graph, m, valueOf(state), thresholds.get(layer)!);
    const sum = graph.sum(graph.reshape(open, [-1]), [0], false);
    return { weight, m, places, count: graph.op('Mul', [sum, graph.scalar(places)]) };
  });
}
