import { activationKinds } from '../models/graph.ts';
import type { Graph, Node } from '../models/graph.ts';
import { sizeOf } from '../models/tensor.ts';
import type { Ranges } from './calibrate-ranges.ts';

/** |integer| < 2^valueBits on every wire: the truncation of an activation needs it. */
export const valueBits = 29;

/** Bits kept free for the multipliers of a layer with polynomials: a coefficient keeps about that many significant bits. */
export const multiplierBits = 5;

/**
 * The largest scale each value may have so that it, and every sum it flows into before the next linear layer or activation,
 * stays within the ring with the guard bits free. By value name. Backward over the graph.
 */
export function scaleLimits(graph: Graph, ranges: Ranges, guardBits: number): Map<string, number> {
  const own = (name: string) =>
    2 ** (valueBits - guardBits) / Math.max(ranges.get(name)!.largest, smallestRange);
  const limits = new Map([...ranges.keys()].map((name) => [name, own(name)]));
  for (const node of graph.nodes.toReversed()) {
    const output = limits.get(node.outputs[0]!) ?? Infinity;
    for (const input of node.inputs) {
      const limit = limits.get(input);
      if (limit !== undefined) limits.set(input, Math.min(limit, demand(node, output, own(input), ranges)));
    }
  }
  return limits;
}

/** A value that is zero on all calibration images is taken for one of this size. */
const smallestRange = 2 ** -10;

/** The scale that a node allows its input, given the limit of its output and the input's own. */
function demand(node: Node, output: number, own: number, ranges: Ranges): number {
  switch (node.op) {
    case 'Add':
    case 'Concat':
    case 'Flatten':
    case 'Reshape':
    case 'Identity':
    case 'Dropout':
      return output;
    case 'AveragePool':
      return output / (node.attributes.kernel[0] * node.attributes.kernel[1]);
    case 'GlobalAveragePool':
      return output / sizeOf(ranges.get(node.inputs[0]!)!.shape.slice(1));
    case 'MixedActivation':
      if (node.attributes.kinds.includes(activationKinds.poly)) return own / 2 ** multiplierBits;
      return node.attributes.kinds.every((kind) => kind === activationKinds.identity) ? output : Infinity;
    case 'Conv':
    case 'Gemm':
    case 'MatMul':
    case 'BatchNormalization':
    case 'Relu':
    case 'MaxPool':
      return Infinity;
  }
}
