import { activationKinds } from '../../models/graph.ts';
import type { ByActivationKind, Graph, Node, NodeOf, OpType } from '../../models/graph.ts';
import { isBalanced } from '../../models/passes/balance-polynomials.ts';
import { sizeOf } from '../../models/tensor.ts';
import { kindsAmong } from '../../src/shared/kinds.ts';
import type { Ranges } from './ranges.ts';
import type { Coefficients } from './options.ts';
import { boundsOfHardSigmoid } from '../../models/ops/activations/hard-sigmoid.ts';
import { isUneven } from './lower/window.ts';

/** |integer| < 2^valueBits on every wire, because the truncation of an activation needs it. */
export const valueBits = 29;

/**
 * Bits that are kept free for the multipliers of a layer with polynomials; a coefficient keeps about as many
 * significant bits.
 */
export const multiplierBits = 5;

/**
 * The largest scale of each value, by name, with which it and every sum that it flows into before the next
 * linear layer or activation fit the ring, with the guard bits free, and `outputRoom` more at the output. It
 * is computed backwards over the graph.
 */
export function scaleLimits(
  graph: Graph,
  ranges: Ranges,
  guardBits: number,
  coefficients: ReadonlyMap<string, Coefficients>,
  outputRoom = 0,
): Map<string, number> {
  const own = (name: string) =>
    2 ** (valueBits - guardBits) / Math.max(ranges.get(name)!.largest, smallestRange);
  const limits = new Map([...ranges.keys()].map((name) => [name, own(name)]));
  for (const { name } of graph.outputs) limits.set(name, own(name) / 2 ** outputRoom);
  for (const node of graph.nodes.toReversed()) {
    const output = limits.get(node.outputs[0]!) ?? Infinity;
    for (const input of node.inputs) {
      const limit = limits.get(input);
      if (limit !== undefined)
        limits.set(input, Math.min(limit, demand(node, output, own(input), ranges, coefficients)));
    }
  }
  return limits;
}

/** The range of a value that is zero on all calibration images. */
const smallestRange = 2 ** -10;

/** The largest scale that a node allows for its input, given the limit of its output and the input's own. */
type Demand<K extends OpType> = (
  node: NodeOf<K>,
  output: number,
  own: number,
  ranges: Ranges,
  coefficients: ReadonlyMap<string, Coefficients>,
) => number;

const asOutput = (_node: Node, output: number) => output;

/**
 * Ops whose output's scale equals their input's or depends on it. All other ops choose their output's scale.
 */
const demands: { readonly [K in OpType]?: Demand<K> } = {
  Add: asOutput,
  Sub: asOutput,
  Concat: asOutput,
  Gather: asOutput,
  Flatten: asOutput,
  Reshape: asOutput,
  Identity: asOutput,
  Dropout: asOutput,
  // If windows have several sizes, the lowering makes room for their fractions.
  AveragePool: ({ attributes }, output) =>
    isUneven(attributes) ? Infinity : output / (attributes.kernel[0] * attributes.kernel[1]),
  GlobalAveragePool: (node, output, _own, ranges) =>
    output / sizeOf(ranges.get(node.inputs[0]!)!.shape.slice(1)),
  // It computes differences of two values.
  MaxPool: (_node, output, own) => Math.min(output, own / 2),
  // The slope needs its bits.
  LeakyRelu: (_node, _output, own) => own / 2 ** multiplierBits,
  PRelu: (_node, _output, own) => own / 2 ** multiplierBits,
  // It computes the value minus a bound.
  Clip: ({ inputs, attributes: { min, max } }, _output, own, ranges) =>
    lessBounds([min, max], own, ranges.get(inputs[0]!)!.largest),
  HardSigmoid: ({ inputs, attributes }, _output, own, ranges) =>
    lessBounds(boundsOfHardSigmoid(attributes), own, ranges.get(inputs[0]!)!.largest),
  HardSwish: ({ inputs }, _output, own, ranges) => lessBounds([-3, 3], own, ranges.get(inputs[0]!)!.largest),
  // It computes sums and differences of two values of about the same size.
  Mul: (_node, _output, own) => own / 4,
  MixedActivation: ({ name, attributes: { kinds } }, output, own, _ranges, coefficients) => {
    const among = kindsAmong(activationKinds, kinds);
    const layer = { isAlone: among.length === 1, output, own, c2: coefficients.get(name)!.c2 };
    return Math.min(...among.map((kind) => demandOfKind[kind](layer)));
  },
};

/** The scale with which a value minus any of the bounds fits. */
function lessBounds(bounds: readonly number[], own: number, largest: number): number {
  const sizes = bounds.filter((bound) => Number.isFinite(bound)).map(Math.abs);
  return own / (1 + Math.max(0, ...sizes) / Math.max(largest, smallestRange));
}

type MixedLayer = {
  /** All its elements are of the kind. */
  readonly isAlone: boolean;
  readonly output: number;
  readonly own: number;
  readonly c2: Float32Array;
};

const demandOfKind: ByActivationKind<(layer: MixedLayer) => number> = {
  // A layer of identities is no step.
  identity: ({ isAlone, output }) => (isAlone ? output : Infinity),
  relu: () => Infinity,
  poly: ({ own, c2 }) => own / 2 ** (isBalanced(c2) ? 1 : multiplierBits),
};

function demand<K extends OpType>(
  node: NodeOf<K>,
  output: number,
  own: number,
  ranges: Ranges,
  coefficients: ReadonlyMap<string, Coefficients>,
): number {
  return demands[node.op]?.(node, output, own, ranges, coefficients) ?? Infinity;
}
