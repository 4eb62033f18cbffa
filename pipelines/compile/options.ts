import type { LeftOut } from '../../models/graph.ts';
import type { Tensor } from '../../models/tensor.ts';
import { PlanError } from '../../src/shared/errors.ts';
import { answerKinds } from '../plan/plan.ts';
import type { AnswerKind } from '../plan/plan.ts';

export type CompileOptions = {
  /**
   * Activations have a scale of about 2^precision, 4 to 20 (default: chosen for each layer from the
   * calibration, see `preciseScales`).
   */
  readonly precision?: number;
  /**
   * Without a precision: about so many bits of a ReLU's output are below its root mean square on the
   * calibration (default: 8; 4 to 12).
   */
  readonly activationBits: number;
  /** Integer weights stay below 2^weightBits in absolute value (default: 12; 2 to 14). */
  readonly weightBits: number;
  /** Calibrated ranges are widened 2^guardBits times (default: 1; 0 to 8). */
  readonly guardBits: number;
  /**
   * How many low bits the sign tests leave out, for all activations or by node. 'free' is also the value of
   * a node that is not named. For a ReLU it means the bits that the truncation drops anyway, an error below
   * one unit of the output, and for a comparison in a maximum pool all but `weightBits` + 1 bits of its
   * range.
   */
  readonly k: number | 'free' | Readonly<Record<string, number>>;
  /** Bits more that the ReLUs of a node leave out where k is 'free' (default: those of the graph). */
  readonly leftOut: LeftOut;
  /** The top bit of every sign test (default: from the ranges on the calibration images). */
  readonly bits?: number;
  /**
   * What sign tests with left-out bits get wrong: 'posZero' small positive values, 'negPass' small negative
   * ones.
   */
  readonly mode: 'posZero' | 'negPass';
  /** What clients learn: all logits, or only the index of the largest one (default: logits). */
  readonly answer: AnswerKind;
};

export const defaultCompileOptions: CompileOptions = {
  activationBits: 8,
  weightBits: 12,
  guardBits: 1,
  k: 'free',
  leftOut: {},
  mode: 'posZero',
  answer: 'logits',
};

/**
 * All that the plan reveals about the weights: the largest weight of each linear layer (in its scale), the
 * polynomials, and slopes.
 */
export type PublicPart = {
  /** The absolute value of the largest weight by node name. */
  readonly largestWeight: ReadonlyMap<string, number>;
  /** The polynomials' coefficients by node name, one per channel. */
  readonly coefficients: ReadonlyMap<string, Coefficients>;
  /** The slopes of each PRelu by node name, as in the model: one per channel, or one for all. */
  readonly slopes: ReadonlyMap<string, Tensor>;
};

export type Coefficients = {
  readonly c2: Float32Array;
  readonly c1: Float32Array;
  readonly c0: Float32Array;
};

/** Returns the options. Throws PlanError for a number out of range. */
export function checkOptions(options: CompileOptions): CompileOptions {
  const bounds = {
    precision: [4, 20],
    activationBits: [4, 12],
    weightBits: [2, 14],
    guardBits: [0, 8],
  } as const;
  for (const [name, [low, high]] of Object.entries(bounds)) {
    const value = options[name as keyof typeof bounds];
    if (value !== undefined && (!Number.isInteger(value) || value < low || value > high)) {
      throw new PlanError(`${name}: expected an integer from ${low} to ${high}, got ${value}`);
    }
  }
  const ks = typeof options.k === 'object' ? Object.values(options.k) : [options.k];
  for (const value of [...ks, ...Object.values(options.leftOut), options.bits]) {
    if (typeof value === 'number' && !(Number.isInteger(value) && value >= 0 && value <= 31)) {
      throw new PlanError(`sign test window: expected bits from 0 to 31, got ${value}`);
    }
  }
  if (!answerKinds.includes(options.answer)) {
    throw new PlanError(`answer: expected ${answerKinds.join(' or ')}, got ${String(options.answer)}`);
  }
  return options;
}
