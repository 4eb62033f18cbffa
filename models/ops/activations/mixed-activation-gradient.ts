import { kindsAmong } from '../../../src/shared/kinds.ts';
import { activationKinds, isPolynomial } from '../../graph.ts';
import type { ByActivationKind } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sumByChannel } from '../gradient.ts';
import type { Gradient } from '../gradient.ts';
import { mask as comparison } from './mask.ts';

/**
 * y = p_relu relu(x) + p_poly (c2 x^2 + c1 x + c0) + p_identity x with 0/1 masks p, so
 *
 *     dx = dy (p_relu [x > 0] + p_poly (2 c2 x + c1) + p_identity)
 *     dc_k = sum over images and places of p_poly dy x^k
 */
export const mixedActivationGradient: Gradient<'MixedActivation'> = (node, context) => {
  const { graph, shapeOf } = context;
  const [x, c2, c1, c0] = node.inputs as [string, string, string, string];
  const shape = shapeOf(x);
  const { kinds } = node.attributes;
  const aligned = [shape[1]!, ...shape.slice(2).map(() => 1)];
  const masks = kindsAmong(activationKinds, kinds).map((kind) => {
    const own = new Float32Array(kinds).map((code) => (code === activationKinds[kind] ? 1 : 0));
    return { kind, mask: graph.floats(own, shape.slice(1)) };
  });
  const polynomials = masks.filter(({ kind }) => isPolynomial[kind]).map(({ mask }) => mask);
  context.forward(node);

  return (dy, wanted) => {
    const parts = masks.map(({ kind, mask }) => {
      const slope = slopes[kind](graph, { x, c2, c1, aligned });
      return slope === undefined ? mask : graph.op('Mul', [slope, mask]);
    });
    const ofInput = () => graph.op('Mul', [dy, graph.total(parts)]);
    const zeros = () => graph.floats(new Float32Array(shape[1]!));
    if (polynomials.length === 0) {
      return [
        wanted[0] ? ofInput() : undefined,
        ...[c2, c1, c0].map((_, i) => (wanted[i + 1] ? zeros() : undefined)),
      ];
    }
    const dPoly = graph.op('Mul', [dy, graph.total(polynomials)]);
    const dPolyX = graph.op('Mul', [dPoly, x]);
    return [
      wanted[0] ? ofInput() : undefined,
      wanted[1] ? sumByChannel(graph, graph.op('Mul', [dPolyX, x]), shape) : undefined,
      wanted[2] ? sumByChannel(graph, dPolyX, shape) : undefined,
      wanted[3] ? sumByChannel(graph, dPoly, shape) : undefined,
    ];
  };
};

type At = {
  readonly x: string;
  readonly c2: string;
  readonly c1: string;
  readonly aligned: readonly number[];
};

/** dy / dx of an element; undefined means 1. */
const slopes: ByActivationKind<(graph: GraphBuilder, at: At) => string | undefined> = {
  identity: () => undefined,
  relu: (graph, { x }) => comparison(graph, 'Greater', x, 0),
  poly(graph, { x, c2, c1, aligned }) {
    const twice = graph.op('Mul', [graph.reshape(c2, aligned), graph.scalar(2)]);
    return graph.op('Add', [graph.op('Mul', [x, twice]), graph.reshape(c1, aligned)]);
  },
};
