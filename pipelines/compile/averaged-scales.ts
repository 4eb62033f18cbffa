import { activationKinds, isPolynomial } from '../../models/graph.ts';
import type { Graph, Node, NodeOf, OpType } from '../../models/graph.ts';
import { isBalanced } from '../../models/passes/balance-polynomials.ts';
import { onlyConsumer } from '../../models/passes/rewire.ts';
import { sizeOf } from '../../models/tensor.ts';
import { kindsAmong, onlyKind } from '../../src/shared/kinds.ts';
import { isUneven } from './lower/window.ts';
import type { CompileOptions, PublicPart } from './options.ts';
import type { Ranges } from './ranges.ts';
import { isLinear } from './real-weights.ts';
import { isTooFine, outputScale } from './weight-scale.ts';
import type { LayerLimits } from './weight-scale.ts';

/**
 * The limits of scales, lowered for activations that leave the weights of the linear layer behind them too
 * few bits. A sum over n elements has n times their scale, so this happens behind averages above all, where
 * truncating the sum would take a round trip. The activations drop these bits instead: their elements are
 * rounded independently, so that an average over n of them has 1 / n of the variance. The scale is the one
 * with the least noise after the linear layer. Limits stay where that noise is beyond `mostNoise`, or where
 * the activations are used elsewhere too.
 */
export function averagedScales(
  graph: Graph,
  ranges: Ranges,
  { highest: limits, precise }: GivenScales,
  publicly: PublicPart,
  options: CompileOptions,
): Map<string, number> {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const lowered = new Map(limits);
  for (const node of graph.nodes) {
    const [x, y] = [node.inputs[0]!, node.outputs[0]!];
    const mean = isLinear(node) ? meanOf(x, { graph, ranges, producers, publicly }) : undefined;
    if (mean === undefined) continue;
    const layer: Layer = {
      largest: publicly.largestWeight.get(node.name) ?? 0,
      weightBits: options.weightBits,
      limit: limits.get(y)!,
      meanSquare: meanSquareOf(x, ranges),
    };
    const wanted = mean.activations.map((name) => Math.min(precise.get(name)!, limits.get(name)!));
    const scale = coarserScale(mean, layer, Math.min(...wanted), precise.get(x)!);
    if (scale !== undefined) mean.activations.forEach((name) => lowered.set(name, scale));
  }
  return lowered;
}

/** By the names of values. */
type GivenScales = {
  /** The largest scale that fits the ring. */
  readonly highest: ReadonlyMap<string, number>;
  /** The scale that is precise enough. */
  readonly precise: ReadonlyMap<string, number>;
};

/** A value that local steps compute from activations that are used nowhere else. */
type Mean = {
  readonly activations: readonly string[];
  /** Its scale, if that of all the activations is 1. */
  readonly scale: number;
  /** The variance of its rounding for a scale of the activations. */
  readonly variance: Variance;
  /** The same for a single element in place of each average. */
  readonly ofOne: Variance;
  /** The scales are powers of this base. */
  readonly base: 2 | 4;
};

type Variance = (scale: number) => number;

/** A linear layer's limits, and the mean of its input's squares. */
type Layer = LayerLimits & { readonly meanSquare: number };

/**
 * The most noise in the linear layer's input that is worth a round trip, as a ratio of standard deviations:
 * to the noise that single elements at full precision and the truncation would have. Measured on
 * fashion-resnet8, activations at 2^12: the logits' error is 0.0119 with the truncation and without it.
 */
const mostNoise = 2;

/**
 * The scale to which the activations are brought, at most `full`: the one with the least noise. Undefined to
 * leave them as they are. A truncation would bring their average to `wanted`.
 */
function coarserScale(mean: Mean, layer: Layer, full: number, wanted: number): number | undefined {
  if (layer.largest === 0) return undefined;
  const noiseOf = (scale: number) => mean.variance(scale) + ofWeights(layer, mean.scale * scale);
  const highest = Math.floor(Math.log2(full) / Math.log2(mean.base));
  const scales = Array.from({ length: highest + 1 }, (_, exponent) => mean.base ** exponent);
  const fitting = scales.filter((scale) => !isTooFine(layer, mean.scale * scale));
  if (fitting.length === 0) return undefined;
  const best = fitting.reduce((a, b) => (noiseOf(b) < noiseOf(a) ? b : a));
  const fine = mean.scale * full;
  if (!isTooFine(layer, fine)) return best < full ? best : undefined;
  const truncated = fine / 2 ** Math.max(0, Math.ceil(Math.log2(fine / wanted)));
  const usual = mean.ofOne(full) + ofRounding(truncated) + ofWeights(layer, truncated);
  return noiseOf(best) < mostNoise ** 2 * usual ? best : undefined;
}

/** The variance of stochastic rounding is at most a quarter of the unit's square. */
function ofRounding(scale: number): number {
  return 1 / (4 * scale ** 2);
}

/**
 * The variance of an input that does to the output what the rounding of the weights does, if all of them are
 * `largest`.
 */
function ofWeights(layer: Layer, input: number): number {
  const unit = input / outputScale(layer, input);
  return ((unit / layer.largest) ** 2 / 12) * layer.meanSquare;
}

function meanSquareOf(value: string, ranges: Ranges): number {
  const { meanSquares } = ranges.get(value)!;
  return meanSquares.reduce((sum, square) => sum + square, 0) / meanSquares.length;
}

type Facts = {
  readonly graph: Graph;
  readonly ranges: Ranges;
  readonly producers: ReadonlyMap<string, Node>;
  readonly publicly: PublicPart;
};

/** The value as a mean of activations; undefined if it is not one, or if a part of it is used elsewhere. */
function meanOf(value: string, facts: Facts): Mean | undefined {
  const node = facts.producers.get(value);
  if (node === undefined || onlyConsumer(facts.graph, value) === undefined) return undefined;
  return (means[node.op] as Rule<OpType> | undefined)?.(node, facts);
}

type Rule<K extends OpType> = (node: NodeOf<K>, facts: Facts) => Mean | undefined;

/** The activations that can drop any number of bits, and the ops after them that are local steps. */
const means: { readonly [K in OpType]?: Rule<K> } = {
  Relu: ({ outputs }) => roundingOf(outputs[0]!, ofRounding),
  // A difference of two ReLUs.
  Clip: ({ outputs }) => roundingOf(outputs[0]!, (scale) => 2 * ofRounding(scale)),
  MixedActivation: (node, facts) =>
    onlyKind(activationKinds, node.attributes.kinds) === 'identity'
      ? ofInput(node, facts)
      : ofMixed(node, facts),
  Flatten: ofInput,
  Reshape: ofInput,
  GlobalAveragePool: ({ inputs }, facts) =>
    averaged(meanOf(inputs[0]!, facts), sizeOf(facts.ranges.get(inputs[0]!)!.shape.slice(1))),
  // Windows that overlap share elements; a later average over them is not one of independent values.
  AveragePool: ({ inputs, attributes }, facts) => {
    const { kernel, strides } = attributes;
    const isApart = strides.every((stride, axis) => stride >= kernel[axis]!);
    if (isUneven(attributes) || !isApart) return undefined;
    return averaged(meanOf(inputs[0]!, facts), kernel[0] * kernel[1]);
  },
  Add: ({ inputs }, facts) => joined(inputs, facts, (variances) => variances.reduce((sum, v) => sum + v, 0)),
  Concat: ({ inputs }, facts) => joined(inputs, facts, (variances) => Math.max(...variances)),
};

/** A square y = z^2 has the root of its scale for z, and so a variance of 4 z^2 times that of z. */
function ofMixed(
  { name, outputs, attributes }: NodeOf<'MixedActivation'>,
  { ranges, publicly }: Facts,
): Mean {
  const { c2 } = publicly.coefficients.get(name)!;
  const hasSquares = kindsAmong(activationKinds, attributes.kinds).some((kind) => isPolynomial[kind]);
  const z2 = hasSquares ? Math.sqrt(meanSquareOf(outputs[0]!, ranges)) : 0;
  const variance = (scale: number) => ofRounding(scale) + 4 * z2 * ofRounding(Math.sqrt(scale));
  return roundingOf(outputs[0]!, variance, isBalanced(c2) ? 4 : 2);
}

function roundingOf(activation: string, variance: Variance, base: Mean['base'] = 2): Mean {
  return { activations: [activation], scale: 1, variance, ofOne: variance, base };
}

function ofInput({ inputs }: Pick<Node, 'inputs'>, facts: Facts): Mean | undefined {
  return meanOf(inputs[0]!, facts);
}

function averaged(mean: Mean | undefined, count: number): Mean | undefined {
  if (mean === undefined) return undefined;
  return { ...mean, scale: mean.scale * count, variance: (scale) => mean.variance(scale) / count };
}

/** Several values in one; constants among them have no rounding that counts. */
function joined(
  inputs: readonly string[],
  facts: Facts,
  combined: (variances: number[]) => number,
): Mean | undefined {
  const values = inputs.filter((name) => facts.ranges.has(name));
  const parts = values.map((name) => meanOf(name, facts)).filter((mean) => mean !== undefined);
  const [first] = parts;
  const fits = parts.length === values.length && parts.every(({ scale }) => scale === first!.scale);
  if (first === undefined || !fits) return undefined;
  return {
    activations: parts.flatMap(({ activations }) => activations),
    scale: first.scale,
    variance: (scale) => combined(parts.map(({ variance }) => variance(scale))),
    ofOne: (scale) => combined(parts.map(({ ofOne }) => ofOne(scale))),
    base: parts.some(({ base }) => base === 4) ? 4 : 2,
  };
}
