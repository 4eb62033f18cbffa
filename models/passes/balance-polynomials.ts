import { kindsAmong } from '../../src/shared/kinds.ts';
import { activationKinds, isPolynomial } from '../graph.ts';
import type { Model, Node, NodeOf } from '../graph.ts';
import { tensor } from '../tensor.ts';
import type { Tensor } from '../tensor.ts';

/**
 * Makes the x^2 coefficients of a layer of polynomials plus or minus one power of four, and folds the ratios
 * into the convolutions before it: with x' = f x, the polynomial c2 x^2 + c1 x + c0 is (c2 / f^2) x'^2 + (c1
 * / f) x' + c0. The private square then only shifts x', by the same amount in every channel. A multiplier of
 * 5 bits per channel would instead cost the weights before it as many bits.
 *
 * The pass applies only to layers in which every element is a polynomial (a channel with ReLUs could not undo
 * f), and whose input is the output of a convolution, or the sum of two, that no other node reads.
 */
export function balancePolynomials(model: Model): Model {
  const readers = readersOf(model);
  return model.graph.nodes.reduce((balanced, node) => {
    if (node.op !== 'MixedActivation') return balanced;
    const convolutions = convolutionsBehind(model, node.inputs[0]!, readers);
    return convolutions === undefined ? balanced : balance(balanced, node, convolutions);
  }, model);
}

/**
 * Whether every coefficient is plus or minus the same power of four, so that multiplying by its root is a
 * shift.
 */
export function isBalanced(c2: Float32Array): boolean {
  const size = Math.abs(c2[0] ?? 0);
  return size > 0 && Number.isInteger(Math.log2(size) / 2) && c2.every((value) => Math.abs(value) === size);
}

/**
 * The smallest ratio to the layer's largest root that is balanced: a flatter channel needs a factor so small
 * that it would drown its weights in rounding.
 */
const leastPart = 2 ** -6;

function balance(
  model: Model,
  node: NodeOf<'MixedActivation'>,
  convolutions: readonly NodeOf<'Conv'>[],
): Model {
  const [c2, c1] = node.inputs.slice(1).map((name) => model.weights.get(name)!);
  const roots = Array.from(c2!.data, (value) => Math.sqrt(Math.abs(value)));
  const largest = Math.max(...roots);
  const isWhole = kindsAmong(activationKinds, node.attributes.kinds).every((kind) => isPolynomial[kind]);
  if (!isWhole || largest === 0 || Math.min(...roots) < leastPart * largest) return model;
  const root = 2 ** Math.ceil(Math.log2(largest));
  const factors = roots.map((value) => value / root);
  const weights = new Map(model.weights);
  weights.set(
    node.inputs[1]!,
    mapped(c2!, (value) => Math.sign(value) * root ** 2),
  );
  weights.set(
    node.inputs[2]!,
    mapped(c1!, (value, c) => value / factors[c]!),
  );
  for (const { inputs } of convolutions) {
    for (const name of inputs.slice(1)) {
      if (name !== '') weights.set(name, scaledRows(model.weights.get(name)!, factors));
    }
  }
  return { ...model, weights };
}

function mapped({ shape, data }: Tensor, change: (value: number, index: number) => number): Tensor {
  return tensor(shape, data.map(change));
}

/** Multiplies each row of a weight, which is one output channel, by its factor. */
function scaledRows(weight: Tensor, factors: readonly number[]): Tensor {
  const size = weight.data.length / factors.length;
  return mapped(weight, (value, i) => value * factors[Math.floor(i / size)]!);
}

type Readers = ReadonlyMap<string, number>;

/** The number of nodes that read each value or weight; an output of the graph counts as one more. */
function readersOf({ graph }: Model): Readers {
  const readers = new Map<string, number>();
  const count = (name: string) => readers.set(name, (readers.get(name) ?? 0) + 1);
  graph.nodes.forEach((node) => node.inputs.forEach(count));
  graph.outputs.forEach(({ name }) => count(name));
  return readers;
}

/**
 * The convolutions whose outputs add up to a value with a single reader, or undefined if another node takes
 * part.
 */
function convolutionsBehind(model: Model, value: string, readers: Readers): NodeOf<'Conv'>[] | undefined {
  const producer = model.graph.nodes.find((node: Node) => node.outputs.includes(value));
  if (producer === undefined || readers.get(value) !== 1) return undefined;
  if (producer.op === 'Conv') {
    const ownsWeights = producer.inputs.slice(1).every((name) => name === '' || readers.get(name) === 1);
    return ownsWeights ? [producer] : undefined;
  }
  if (producer.op !== 'Add') return undefined;
  const parts = producer.inputs.map((input) => convolutionsBehind(model, input, readers));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}
