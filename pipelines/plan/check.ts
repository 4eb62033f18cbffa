import { elementKinds, inputElements, outputElements, outputSize } from '../../crypto/spec.ts';
import type { ActivationSpec, ByKind, LinearSpec } from '../../crypto/spec.ts';
import { sizeOf } from '../../models/tensor.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { areKinds, namesOf } from '../../src/shared/kinds.ts';
import { logitsWire, maxClasses } from './answer.ts';
import type { Plan, PoolSpec, Step, StepKind, StepOf, WireId } from './plan.ts';

/** The most elements of a tensor: 64 channels of 512 x 512. */
export const maxElements = 2 ** 24;

/**
 * The most elements that all steps together read and write: ten times those of a ResNet-50 on 224 x 224
 * images, or 2 GiB per share.
 */
const maxTotalElements = 2 ** 29;

/** The most elements and channels that all activations of a plan together may have when it is decoded. */
const maxActivationElements = 2 ** 26;
const maxActivationChannels = 2 ** 22;

/** Output values are below 2^30 in absolute value: the compiler keeps every value below 2^29. */
const maxOutputBits = 30;

/**
 * Refuses a document whose decoded activations would take more memory than any network needs: one number can
 * stand for 2^24 elements, and a plan has up to 10,000 steps. The check looks only at sizes, so it can come
 * before all others. Throws ProtocolError.
 */
export function checkDecodedSize(document: unknown): void {
  const steps = (document as { steps?: unknown } | null)?.steps;
  let [elements, channels] = [0, 0];
  for (const step of Array.isArray(steps) ? (steps as unknown[]) : []) {
    const spec = (step as { spec?: { channels?: unknown; channelSize?: unknown } } | null)?.spec;
    if (typeof spec?.channels !== 'number' || typeof spec.channelSize !== 'number') continue;
    elements += Math.abs(spec.channels * spec.channelSize);
    channels += Math.abs(spec.channels);
  }
  check(elements <= maxActivationElements, 'steps', `more than ${maxActivationElements} activations`);
  check(
    channels <= maxActivationChannels,
    'steps',
    `more than ${maxActivationChannels} channels of activations`,
  );
}

/**
 * Checks that the parts of a plan fit together. It refuses wires that are used before they are written or are
 * written twice, sizes that differ, and shifts outside the ring. Sizes are bounded, so that a peer cannot ask
 * for all memory. Throws ProtocolError with the step's number.
 */
export function checkPlan(plan: Plan): void {
  const sizes = plan.wires.map((wire) => sizeOf(wire.shape));
  sizes.forEach((size, id) => check(size <= maxElements, `wire ${id}`, `more than ${maxElements} elements`));
  let total = 0;
  const written = new Set([plan.input.wire]);
  check(plan.input.wire < sizes.length, 'input', 'its wire does not exist');
  plan.steps.forEach((step, index) => {
    const place = `step ${step.id}`;
    check(step.id === index + 1, place, `expected number ${index + 1}`);
    for (const wire of step.inputs)
      check(written.has(wire), place, `wire ${wire} is read before it is written`);
    check(step.output < sizes.length && !written.has(step.output), place, 'its output wire is not a new one');
    written.add(step.output);
    const inputs = step.inputs.map((wire) => sizes[wire]!);
    checkSizes(step, inputs, sizes[step.output]!, plan);
    check(
      localWork(step, sizes[step.output]!) <= maxTotalElements,
      place,
      'it adds up more than any network does',
    );
    total += sizes[step.output]! + inputs.reduce((sum, size) => sum + size, 0);
    check(total <= maxTotalElements, place, `the steps so far move more than ${maxTotalElements} elements`);
  });
  check(written.size === sizes.length, 'wires', 'some are never written');
  check(written.has(plan.output.wire), 'output', 'its wire is never written');
  checkOutput(plan, sizes);
  checkEnds(plan, sizes);
}

function checkOutput({ wires, output }: Plan, sizes: readonly number[]): void {
  if (output.answer === 'logits') {
    const { bits } = wires[output.wire]!;
    check(bits <= maxOutputBits, 'output', `its values have more than ${maxOutputBits} bits`);
    return;
  }
  check(sizes[output.wire] === 1, 'output', `expected one element, got ${sizes[output.wire]}`);
  const classes = sizes[output.logits] ?? 0;
  check(
    classes >= 2 && classes <= maxClasses,
    'output',
    `expected 2 to ${maxClasses} classes, got ${classes}`,
  );
}

/** What the client does before and after must fit the input and the output. */
function checkEnds(plan: Plan, sizes: readonly number[]): void {
  const { wires, input, preprocessing, classes } = plan;
  if (preprocessing !== undefined) {
    const channels = wires[input.wire]!.shape[0];
    const fits = preprocessing.mean.length === channels && preprocessing.std.length === channels;
    check(fits, 'preprocessing', `expected ${channels} means and deviations, one for each channel`);
  }
  if (classes !== undefined)
    check(classes.length === sizes[logitsWire(plan)], 'classes', `expected ${sizes[logitsWire(plan)]} names`);
}

/** Additions of a step that a party does alone: a pooling window may be as large as its padding makes it. */
function localWork(step: Step, outputs: number): number {
  return step.kind === 'sumPool' ? outputs * step.spec.kernel[0] * step.spec.kernel[1] : outputs;
}

function check(condition: boolean, place: string, problem: string): asserts condition {
  if (!condition) throw new ProtocolError(`plan: ${place}: ${problem}`);
}

type SizeRule<K extends StepKind> = (step: StepOf<K>, inputs: readonly number[], plan: Plan) => number;

/** The number of output elements that a step's spec and inputs give, or -1 if they do not fit. */
const outputElementsOf: { [K in StepKind]: SizeRule<K> } = {
  linear: ({ spec }, [size]) =>
    linearFits(spec) && size === inputElements(spec) ? outputElements(spec) : -1,
  bias: (_step, [size]) => size!,
  reshape: (_step, [size]) => size!,
  add: (step, sizes) =>
    step.shifts.length === sizes.length && sizes.every((size) => size === sizes[0]) ? sizes[0]! : -1,
  concat: (step, sizes) =>
    step.shifts.length === sizes.length && sizes.every((size) => size % step.blocks === 0)
      ? sizes.reduce((sum, size) => sum + size, 0)
      : -1,
  sumPool: (step, _sizes, plan) => pooledElements(step.spec, plan.wires[step.inputs[0]!]!.shape),
  pick: ({ inputs, axis, indices }, _sizes, plan) => pickedElements(plan, inputs[0]!, axis, indices),
  combine: ({ inputs, axis, first, second }, _sizes, plan) => {
    const sizes = [first, second].map((indices, i) => pickedElements(plan, inputs[i]!, axis, indices));
    return inputs.length === 2 && first.length === second.length && sizes[0] === sizes[1] ? sizes[0]! : -1;
  },
  offset: ({ value }, [size]) => (typeof value === 'number' || value.length === size ? size! : -1),
  activation: (step, [size]) => (activationFits(step) && size === step.spec.kinds.length ? size : -1),
};

const inputCount: { [K in StepKind]: 'one' | 'many' } = {
  linear: 'one',
  bias: 'one',
  reshape: 'one',
  add: 'many',
  concat: 'many',
  sumPool: 'one',
  pick: 'one',
  combine: 'many',
  offset: 'one',
  activation: 'one',
};

function checkSizes(step: Step, inputs: readonly number[], output: number, plan: Plan): void {
  const place = `step ${step.id} (${step.kind})`;
  check(inputCount[step.kind] === 'many' || inputs.length === 1, place, 'expected one input');
  const rule = outputElementsOf[step.kind] as SizeRule<StepKind>;
  check(rule(step, inputs, plan) === output, place, 'its sizes do not fit together');
}

function pickedElements(plan: Plan, wire: WireId, axis: number, indices: readonly number[]): number {
  const shape = plan.wires[wire]?.shape ?? [];
  const length = shape[axis];
  if (length === undefined || indices.some((index) => index >= length)) return -1;
  return (sizeOf(shape) / length) * indices.length;
}

function linearFits(spec: LinearSpec): boolean {
  const [height, width] = outputSize(spec);
  return (
    height > 0 &&
    width > 0 &&
    spec.inChannels % spec.group === 0 &&
    spec.outChannels % spec.group === 0 &&
    (spec.inChannels / spec.group) * spec.outChannels * spec.kernel[0] * spec.kernel[1] <= maxElements
  );
}

function pooledElements(spec: PoolSpec, shape: readonly number[]): number {
  if (shape.length !== 3) return -1;
  const [height, width] = pooledSize(spec, shape[1]!, shape[2]!);
  return height > 0 && width > 0 ? shape[0]! * height * width : -1;
}

/** The [height, width] after pooling an image of height x width. */
export function pooledSize(spec: PoolSpec, height: number, width: number): [number, number] {
  const size = (axis: 0 | 1, length: number) =>
    Math.floor((length + spec.pads[axis] + spec.pads[axis + 2]! - spec.kernel[axis]) / spec.strides[axis]) +
    1;
  return [size(0, height), size(1, width)];
}

function activationFits({ spec }: StepOf<'activation'>): boolean {
  return (
    areKinds(elementKinds, spec.kinds) &&
    namesOf(elementKinds).every((kind) => spec[kind].truncate <= 30 && kindFits[kind](spec))
  );
}

const kindFits: ByKind<(spec: ActivationSpec) => boolean> = {
  relu: ({ relu }) => relu.k < relu.bits,
  affine: () => true,
  square: ({ square }) => square.sign.every((sign) => sign === 1 || sign === -1),
};
