import { elementKinds } from '../../crypto/spec.ts';
import type { ByKind } from '../../crypto/spec.ts';
import type { Node } from '../../models/graph.ts';
import { kindsAmong } from '../../src/shared/kinds.ts';
import type { Coefficients, PublicPart } from '../compile/options.ts';
import { inputOf } from '../plan/plan.ts';
import type { ActivationStep, WireId } from '../plan/plan.ts';
import type { Knowledge, Norm } from './error-norms.ts';

/** The facts about the model and its plan that errors depend on. */
export type Facts = {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly publicly: PublicPart;
  scaleOf(wire: WireId): number;
};

/**
 * The error per channel after an activation, from the error of its input: the largest among the channel's
 * kinds of elements.
 */
export function activationError(
  step: ActivationStep,
  [x]: readonly Knowledge[],
  norm: Norm,
  analysis: Facts,
): Float64Array {
  const { spec } = step;
  if (analysis.nodes.get(step.node)?.op === 'AveragePool') return divisionError(step, x!, norm, analysis);
  const coefficients = analysis.publicly.coefficients.get(step.node);
  return x!.error.map((error, c) => {
    const kinds = spec.kinds.subarray(c * spec.channelSize, (c + 1) * spec.channelSize);
    const reach = norm.reach(x!.sizes, c);
    const active = norm.active(x!.sizes, c);
    const element = { step, analysis, norm, c, error, active, reach, coefficients };
    return Math.max(0, ...kindsAmong(elementKinds, kinds).map((kind) => errorOf[kind](element)));
  });
}

const errorOf: ByKind<(element: Element) => number> = {
  relu: reluError,
  affine: affineError,
  square: squareError,
};

/**
 * The error of an average over windows of several sizes, whose fractions are rounded. The average of errors
 * is at most the largest one.
 */
function divisionError(
  { spec, output }: ActivationStep,
  { error, sizes }: Knowledge,
  norm: Norm,
  analysis: Facts,
): Float64Array {
  const smallest = spec.affine.multiplier.reduce((a, b) => Math.min(a, b), Infinity);
  return error.map((e, c) => {
    const fraction = (norm.size(sizes, c) * norm.nearest) / smallest;
    return norm.sum([e, fraction, norm.stochastic / analysis.scaleOf(output)]);
  });
}

type Element = {
  readonly step: ActivationStep;
  readonly analysis: Facts;
  readonly norm: Norm;
  readonly c: number;
  readonly error: number;
  readonly active: number;
  readonly reach: number;
  readonly coefficients: Coefficients | undefined;
};

/**
 * ReLU is 1-Lipschitz, and a fault of the sign test drops or passes less than 2^k of the input. With k <=
 * truncate, that is part of the rounding: both 0 and T(x) are within one unit of x. In a maximum b + ReLU(a -
 * b), the fault picks the lower of two values that differ by less than 2^k.
 */
function reluError({ step, analysis, norm, error, active }: Element): number {
  const { k, truncate } = step.spec.relu;
  const fault = k <= truncate ? 0 : (norm.fault * 2 ** k) / analysis.scaleOf(inputOf(step));
  return norm.sum([active * error, norm.stochastic / analysis.scaleOf(step.output), fault]);
}

/**
 * The error of an affine element: against the polynomial if the element has one, otherwise against the
 * identity.
 */
function affineError({ step, analysis, norm, c, error, reach, coefficients }: Element): number {
  const { truncate, multiplier, offset } = step.spec.affine;
  const [input, output] = [analysis.scaleOf(inputOf(step)), analysis.scaleOf(step.output)];
  const slope = (multiplier[c]! * input) / (output * 2 ** truncate);
  const shift = offset[c]! / output;
  const isIdentity = Math.abs(slope - 1) < 2 ** -10 && offset[c] === 0;
  const node = analysis.nodes.get(step.node);
  const linear =
    node?.op === 'LeakyRelu'
      ? node.attributes.alpha
      : node?.op === 'PRelu'
        ? slopeOfPiece(analysis.publicly, step, c)
        : 1;
  const [c2, c1, c0] =
    coefficients === undefined || isIdentity
      ? [0, linear, 0]
      : [coefficients.c2[c]!, coefficients.c1[c]!, coefficients.c0[c]!];
  // The largest distance of two parabolas on [-reach, reach] is at 0 or at an end.
  const distance = Math.max(
    Math.abs(shift - c0),
    Math.abs(shift - c0 - c2 * reach ** 2) + Math.abs(slope - c1) * reach,
  );
  return norm.sum([slope * error, distance, norm.stochastic / output]);
}

/**
 * The error of sign z^2 + constant, where z has the input's error and is less than one unit off from its
 * truncation.
 */
function squareError({ step, analysis, norm, c, error, reach, coefficients }: Element): number {
  const { truncate, multiplier, offset, sign, constant } = step.spec.square;
  const [input, output] = [analysis.scaleOf(inputOf(step)), analysis.scaleOf(step.output)];
  const zScale = Math.sqrt(output);
  const alpha = (multiplier[c]! * input) / (zScale * 2 ** truncate);
  const beta = offset[c]! / zScale;
  const z = alpha * reachOf(step, analysis, reach) + Math.abs(beta);
  const offZ = norm.sum([alpha * error, norm.stochastic / zScale]);
  const rounded = 2 * z * offZ + offZ ** 2;
  if (coefficients === undefined) return norm.sum([rounded, z ** 2 * 2 ** -fewestMultiplierBits(step, c)]);
  const [c2, c1, c0] = [coefficients.c2[c]!, coefficients.c1[c]!, coefficients.c0[c]!];
  const fit =
    Math.abs(sign[c]! * alpha ** 2 - c2) * reach ** 2 +
    Math.abs(2 * sign[c]! * alpha * beta - c1) * reach +
    Math.abs(sign[c]! * beta ** 2 + constant[c]! / output - c0);
  return norm.sum([rounded, fit]);
}

/** The square of a HardSwish is of a number from 0 to 6. */
function reachOf({ node }: ActivationStep, analysis: Facts, reach: number): number {
  return analysis.nodes.get(node)?.op === 'HardSwish' ? 6 : reach;
}

/** The bits of a multiplier that was rounded; a multiplier of 1 is exact. */
function fewestMultiplierBits({ spec }: ActivationStep, c: number): number {
  const multiplier = spec.square.multiplier[c]!;
  return multiplier === 1 ? Infinity : Math.log2(multiplier);
}

/**
 * The slope of a PRelu's straight piece in a step: a if all slopes are equal; else 1 beside the sign test,
 * and 1 - a and a after it.
 */
function slopeOfPiece({ slopes }: PublicPart, { node, spec }: ActivationStep, c: number): number {
  const { data } = slopes.get(node)!;
  if (data.every((slope) => slope === data[0])) return data[0]!;
  if (spec.kinds.includes(elementKinds.relu)) return 1;
  return c < data.length ? 1 - data[c]! : data[c - data.length]!;
}
