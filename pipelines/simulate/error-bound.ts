import type { LinearSpec } from '../../crypto/spec.ts';
import type { Model, Node } from '../../models/graph.ts';
import { publicPart } from '../compile/compile.ts';
import type { Prepared } from '../compile/served-plan.ts';
import type { PublicPart } from '../compile/options.ts';
import { keptBits, logitsWire, networkSteps } from '../plan/answer.ts';
import { inputOf, wireOf } from '../plan/plan.ts';
import type { LinearStep, Plan, Step, StepKind, StepOf, WireId } from '../plan/plan.ts';
import { activationError } from './activation-error.ts';
import { independent, worstCase } from './error-norms.ts';
import type { Knowledge, Norm, Sizes } from './error-norms.ts';
import { isLinear, realLinear } from '../compile/real-weights.ts';

/** How far the logits of a private run can be from those of the float model, in logits. */
export type ErrorBound = {
  /**
   * A proved bound for images whose values stay within the calibrated ranges: every rounding, every fault of
   * the sign test and the fit of every polynomial at its worst, all with the same sign. It grows with the L1
   * norm of each layer.
   */
  readonly worst: number;
  /**
   * Six standard deviations, if errors are independent between the elements that a layer or a join sums (the
   * usual model of rounding noise; not proved). The values that meet one channel's rounded weights count as
   * equal or as independent, whichever is worse, and as large as on the calibration image in which the
   * channel is strongest. Averages do not reduce the bound. Measured: fashion-resnet8, 600 test images,
   * largest error 0.053, bound 0.22.
   */
  readonly likely: number;
};

/** Derives both bounds from the real weights, the integers and the ranges. */
export function logitErrorBound(prepared: Prepared): ErrorBound {
  const analysis = new Analysis(prepared);
  return {
    worst: largestOf(analysis.run(worstCase)),
    likely: 6 * largestOf(analysis.run(independent)),
  };
}

class Analysis {
  readonly model: Model;
  readonly plan: Plan;
  readonly prepared: Prepared;
  readonly publicly: PublicPart;
  readonly nodes: ReadonlyMap<string, Node>;

  constructor(prepared: Prepared) {
    const { model, plan } = prepared;
    this.model = model;
    this.plan = plan;
    this.prepared = prepared;
    this.publicly = publicPart(model);
    this.nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  }

  /** The errors of the logits. */
  run(norm: Norm): Float64Array {
    const { plan } = this;
    const wires = new Map<WireId, Knowledge>();
    const inputRange = this.prepared.ranges.get(this.model.graph.inputs[0]!.name)!;
    const inputError = norm.nearest / wireOf(plan, plan.input.wire).scale;
    wires.set(plan.input.wire, { error: inputRange.channels.map(() => inputError), sizes: inputRange });
    for (const step of networkSteps(plan)) {
      const inputs = step.inputs.map((wire) => wires.get(wire)!);
      const rule = rules[step.kind] as Rule<StepKind>;
      const error = rule(step, inputs, norm, this);
      wires.set(step.output, { error, sizes: this.#sizesOf(step, inputs) });
    }
    const { error } = wires.get(logitsWire(plan))!;
    // A label is compared at full precision.
    if (plan.output.answer === 'label') return error;
    const opening = (norm.nearest * 2 ** keptBits(plan)) / this.scaleOf(plan.output.wire);
    return error.map((e) => norm.sum([e, opening]));
  }

  /** The sizes of a step's output. A step that the compiler inserted keeps its input's values. */
  #sizesOf(step: Step, inputs: readonly Knowledge[]): Sizes {
    const node = this.nodes.get(step.node);
    const input = inputs[0]!.sizes;
    const inProduct = node?.op === 'Mul' ? sizesInProduct(step, inputs, this) : undefined;
    if (inProduct !== undefined) return inProduct;
    if (node?.op === 'PRelu' && step.kind === 'activation') return input;
    const inPiece = node === undefined ? undefined : sizesInPiece(node, step, inputs);
    if (inPiece !== undefined) return inPiece;
    return node === undefined ? input : this.prepared.ranges.get(node.outputs[0]!)!;
  }

  scaleOf(wire: WireId): number {
    return wireOf(this.plan, wire).scale;
  }
}

/** Activations whose pieces are ReLUs of the input itself, or of its difference to a bound. */
const piecesOfInput: readonly string[] = ['Clip', 'LeakyRelu', 'PRelu', 'HardSigmoid'];

/**
 * The sizes of what an activation of several straight pieces joins before its sign tests; undefined for other
 * steps. Of a value from which something is taken away no larger share is positive: the pieces of a clip from
 * 0 to a maximum pass on the share of an error that a ReLU passes on. The pieces of a hard swish are joined
 * twice, and any share of them may be positive.
 */
function sizesInPiece({ op }: Node, step: Step, inputs: readonly Knowledge[]): Sizes | undefined {
  const keeps = piecesOfInput.includes(op);
  if (!keeps && op !== 'HardSwish') return undefined;
  const [input, second] = inputs.map(({ sizes }) => sizes) as [Sizes, Sizes?];
  if (step.kind === 'offset') {
    const isLess = typeof step.value === 'number' && step.value < 0;
    return keeps && isLess ? input : allActive(input);
  }
  if (step.kind !== 'concat') return undefined;
  return keeps ? joinedSizes([input, second!]) : twice(allActive(input));
}

/** The sizes of what a product of two values computes on the way; undefined for the product itself. */
function sizesInProduct(step: Step, inputs: readonly Knowledge[], analysis: Analysis): Sizes | undefined {
  const all = inputs.map((input) => input.sizes) as [Sizes, ...Sizes[]];
  if (step.kind === 'pick') return pickedSizes(all[0], step.axis, step.indices);
  if (step.kind === 'concat') return joinedSizes(all);
  if (step.kind === 'activation') return all[0];
  if (step.kind === 'combine' && step.inputs[0] === step.inputs[1]) return undefined;
  const scaled = all.map((sizes, i) => {
    const shift = step.kind === 'add' ? step.shifts[i]! : 0;
    return times(sizes, (analysis.scaleOf(step.inputs[i]!) * 2 ** shift) / analysis.scaleOf(step.output));
  });
  return scaled.reduce((a, b) => ({
    channels: a.channels.map((size, c) => size + b.channels[c]!),
    meanSquares: a.meanSquares.map((square, c) => (Math.sqrt(square) + Math.sqrt(b.meanSquares[c]!)) ** 2),
    positive: a.positive.map(() => 1),
  }));
}

function times({ channels, meanSquares, positive }: Sizes, factor: number): Sizes {
  return {
    channels: channels.map((size) => size * factor),
    meanSquares: meanSquares.map((square) => square * factor ** 2),
    positive,
  };
}

function pickedSizes(sizes: Sizes, axis: number, indices: readonly number[]): Sizes {
  if (axis > 0) return sizes;
  const of = (values: Float64Array) => Float64Array.from(indices, (c) => values[c]!);
  return { channels: of(sizes.channels), meanSquares: of(sizes.meanSquares), positive: of(sizes.positive) };
}

function joinedSizes(all: readonly Sizes[]): Sizes {
  const of = (key: keyof Sizes) => Float64Array.from(all.flatMap((sizes) => [...sizes[key]]));
  return { channels: of('channels'), meanSquares: of('meanSquares'), positive: of('positive') };
}

/** The sizes of a value to which something is added: any share of it may be positive. */
function allActive(sizes: Sizes): Sizes {
  return { ...sizes, positive: new Float64Array(sizes.positive.length).fill(1) };
}

/** The sizes of a layer of two pieces, each half of which has the channels of its input. */
function twice({ channels, meanSquares, positive }: Sizes): Sizes {
  const both = (values: Float64Array) => Float64Array.from([...values, ...values]);
  return { channels: both(channels), meanSquares: both(meanSquares), positive: both(positive) };
}

type Rule<K extends StepKind> = (
  step: StepOf<K>,
  inputs: readonly Knowledge[],
  norm: Norm,
  analysis: Analysis,
) => Float64Array;

const rules: { readonly [K in StepKind]: Rule<K> } = {
  linear: linearError,
  bias: (step, [x], norm, analysis) => {
    const rounding = norm.nearest / analysis.scaleOf(step.output);
    return x!.error.map((e) => norm.sum([e, rounding]));
  },
  // A sum has the scale of its shifted inputs, but within a product, where one input may have another.
  add: (step, inputs, norm, analysis) => {
    const factors = step.inputs.map(
      (wire, i) => (analysis.scaleOf(wire) * 2 ** step.shifts[i]!) / analysis.scaleOf(step.output),
    );
    return inputs[0]!.error.map((_, c) => norm.sum(inputs.map((x, i) => x.error[c]! * factors[i]!)));
  },
  concat: (step, inputs, _norm, { plan }) => {
    if (step.blocks === 1) return Float64Array.from(inputs.flatMap((x) => [...x.error]));
    const worst = inputs.reduce((sum, x) => Math.max(sum, largestOf(x.error)), 0);
    return new Float64Array(wireOf(plan, step.output).shape[0]!).fill(worst);
  },
  // An average of errors is at most the largest one.
  sumPool: (_step, [x]) => x!.error,
  pick: ({ axis, indices }, [x]) => ofPicked(x!.error, axis, indices),
  // In maxima and clips, both inputs come from one value, and its error changes the whole by no more than
  // itself. Leaky ReLUs add up two pieces whose slopes were rounded, and so their errors; so do differences
  // and products, and hard swishes. A hard sigmoid's scale multiplies it.
  combine: ({ inputs, axis, first, second, output, node }, [x, y], norm, analysis) => {
    const op = analysis.nodes.get(node)?.op ?? '';
    const addsUp = ['LeakyRelu', 'PRelu', 'Sub', 'Mul', 'HardSwish'].includes(op);
    const factor = op === 'HardSigmoid' ? analysis.scaleOf(inputs[0]!) / analysis.scaleOf(output) : 1;
    const other = ofPicked(y!.error, axis, second);
    const rounding = norm.stochastic / analysis.scaleOf(output);
    return ofPicked(x!.error, axis, first).map((e, c) =>
      norm.sum([factor * (addsUp ? e + other[c]! : Math.max(e, other[c]!)), rounding]),
    );
  },
  offset: (step, [x], norm, analysis) => {
    const rounding = norm.nearest / analysis.scaleOf(step.output);
    return x!.error.map((e) => norm.sum([e, rounding]));
  },
  reshape: (step, [x], _norm, { plan }) => regrouped(x!.error, wireOf(plan, step.output).shape[0]!),
  activation: activationError,
};

/** y' - y = w' (x' - x) + (w' - w) x + (b' - b), where x', w', b' are the quantised ones. */
function linearError(
  step: LinearStep,
  [x]: readonly Knowledge[],
  norm: Norm,
  analysis: Analysis,
): Float64Array {
  const node = analysis.nodes.get(step.node)!;
  if (!isLinear(node)) throw new RangeError(`plan: ${step.node} is not a linear layer`);
  const real = realLinear(analysis.model, node);
  const { weights } = analysis.prepared.weights.get(step.id)!;
  const scale = analysis.scaleOf(step.output) / analysis.scaleOf(inputOf(step));
  const rounding = norm.sum([norm.nearest, norm.offByOne]) / analysis.scaleOf(step.output);
  return Float64Array.from({ length: step.spec.outChannels }, (_, m) =>
    norm.sum(linearTerms(step.spec, m, weights, real.weights, scale, x!, norm, rounding)),
  );
}

/**
 * The terms of an output's error: the error of each element of the window, the rounding of its weights, and
 * that of the bias and of the shares.
 */
function* linearTerms(
  spec: LinearSpec,
  m: number,
  integers: Int32Array,
  real: Float64Array,
  scale: number,
  x: Knowledge,
  norm: Norm,
  rounding: number,
): Generator<number> {
  const perGroup = spec.inChannels / spec.group;
  const taps = spec.kernel[0] * spec.kernel[1];
  const firstChannel = Math.floor(m / (spec.outChannels / spec.group)) * perGroup;
  for (let c = 0; c < perGroup; c++) {
    const from = (m * perGroup + c) * taps;
    const weights = Array.from(integers.subarray(from, from + taps), (w) => w / scale);
    const roundings = weights.map((w, i) => w - real[from + i]!);
    for (const w of weights) yield w * x.error[firstChannel + c]!;
    yield norm.gain(roundings) * norm.size(x.sizes, firstChannel + c);
  }
  yield rounding;
}

/** The errors of the picked elements; axis 0 is the channels. */
function ofPicked(error: Float64Array, axis: number, indices: readonly number[]): Float64Array {
  return axis > 0 ? error.slice() : Float64Array.from(indices, (c) => error[c]!);
}

/**
 * The errors per channel after the elements are divided into another number of channels: the largest of those
 * that fall together.
 */
function regrouped(errors: Float64Array, channels: number): Float64Array {
  return Float64Array.from({ length: channels }, (_, j) => {
    const first = Math.floor((j * errors.length) / channels);
    const last = Math.ceil(((j + 1) * errors.length) / channels);
    return largestOf(errors.subarray(first, last));
  });
}

function largestOf(values: Float64Array): number {
  return values.reduce((largest, value) => Math.max(largest, value), 0);
}
