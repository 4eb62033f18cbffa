import { activationKinds } from '../graph.ts';
import { sumByChannel } from './gradient.ts';
import type { Gradient } from './gradient.ts';
import { mask as comparison } from './mask.ts';

/**
 * y = p_relu relu(x) + p_poly (c2 x^2 + c1 x + c0) + p_identity x with 0/1 masks p, so
 *
 *     dx = dy (p_relu [x > 0] + p_poly (2 c2 x + c1) + p_identity)      dc_k = sum over images and places of p_poly dy x^k
 */
export const mixedActivationGradient: Gradient<'MixedActivation'> = (node, context) => {
  const { graph, shapeOf } = context;
  const [x, c2, c1, c0] = node.inputs as [string, string, string, string];
  const shape = shapeOf(x);
  const { kinds } = node.attributes;
  const aligned = [shape[1]!, ...shape.slice(2).map(() => 1)];
  const mask = (kind: number): string =>
    graph.floats(
      Float32Array.from(kinds, (k) => (k === kind ? 1 : 0)),
      shape.slice(1),
    );
  const has = (kind: number): boolean => kinds.includes(kind);
  const isPoly = has(activationKinds.poly) ? mask(activationKinds.poly) : undefined;
  context.forward(node);

  return (dy, wanted) => {
    const slopes: string[] = [];
    if (has(activationKinds.relu)) {
      slopes.push(graph.op('Mul', [comparison(graph, 'Greater', x, 0), mask(activationKinds.relu)]));
    }
    if (has(activationKinds.identity)) slopes.push(mask(activationKinds.identity));
    if (isPoly !== undefined) {
      const twice = graph.op('Mul', [graph.reshape(c2, aligned), graph.scalar(2)]);
      const slope = graph.op('Add', [graph.op('Mul', [x, twice]), graph.reshape(c1, aligned)]);
      slopes.push(graph.op('Mul', [isPoly, slope]));
    }
    const ofInput = () => graph.op('Mul', [dy, graph.total(slopes)]);
    const zeros = () => graph.floats(new Float32Array(shape[1]!));
    if (isPoly === undefined) {
      return [
        wanted[0] ? ofInput() : undefined,
        ...[c2, c1, c0].map((_, i) => (wanted[i + 1] ? zeros() : undefined)),
      ];
    }
    const dPoly = graph.op('Mul', [dy, isPoly]);
    const dPolyX = graph.op('Mul', [dPoly, x]);
    return [
      wanted[0] ? ofInput() : undefined,
      wanted[1] ? sumByChannel(graph, graph.op('Mul', [dPolyX, x]), shape) : undefined,
      wanted[2] ? sumByChannel(graph, dPolyX, shape) : undefined,
      wanted[3] ? sumByChannel(graph, dPoly, shape) : undefined,
    ];
  };
};
