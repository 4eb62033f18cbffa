import type { Node } from '../graph.ts';
import { gather as gatherOp } from '../ops/gather.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { refuse } from '../refusal.ts';
import { sliced } from './fold-layout.ts';
import { valueName } from './rewriting.ts';
import type { RewriteContext } from './rewriting.ts';

/** Parts of values: slices along axes, which are Gathers. The batch is never cut. */

type Inputs = readonly ParsedInput[];

/** A scalar index also removes the axis. */
export function gather(
  attributes: AttributeReader,
  inputs: Inputs,
  { node, output }: RewriteContext,
): Node[] {
  const [x, index] = [valueName(inputs[0]), inputs[1]];
  const constant = index?.constant;
  const isScalar = constant !== undefined && constant.shape.length === 0;
  const list = isScalar ? { ...index!, constant: { ...constant, shape: [1] } } : index;
  const parsed = gatherOp.parse(attributes, [inputs[0]!, ...(list === undefined ? [] : [list])]);
  const picked = isScalar ? `${output}/picked` : output;
  const pick: Node = {
    op: 'Gather',
    name: isScalar ? `${node}/pick` : node,
    inputs: [x],
    outputs: [picked],
    attributes: parsed,
  };
  if (!isScalar) return [pick];
  const shape = inputs[0]!.shape!.filter((_, i) => i !== parsed.axis - 1);
  return [pick, { op: 'Reshape', name: node, inputs: [picked], outputs: [output], attributes: { shape } }];
}

/** A Gather for each part that is read. */
export function split(
  attributes: AttributeReader,
  inputs: Inputs,
  { node, outputs }: RewriteContext,
): Node[] {
  const x = valueName(inputs[0]);
  const shape = inputs[0]!.shape ?? [];
  const axis = axisWithin(attributes.int('axis', 0), shape.length);
  const length = shape[axis - 1]!;
  attributes.int('num_outputs', outputs.length);
  const each = Math.ceil(length / outputs.length);
  const listed = attributes.ints('split') ?? (inputs[1] === undefined ? undefined : integers(inputs[1]));
  const sizes = listed ?? outputs.map((_, i) => Math.min(each, length - i * each));
  if (sizes.length !== outputs.length || sizes.reduce((sum, size) => sum + size, 0) !== length)
    refuse(`its parts [${sizes.join(', ')}] are not ${outputs.length} that make ${length}`);
  let start = 0;
  return outputs.flatMap((output, i): Node[] => {
    const indices = Array.from({ length: sizes[i]! }, (_, k) => start + k);
    start += sizes[i]!;
    if (output === '') return [];
    const name = i === 0 ? node : `${node}/${i}`;
    return [{ op: 'Gather', name, inputs: [x], outputs: [output], attributes: { axis, indices } }];
  });
}

/** A Gather along each axis that is cut or reversed. */
export function slice(
  _attributes: AttributeReader,
  [input, starts, ends, axesInput, stepsInput]: Inputs,
  { node, output }: RewriteContext,
): Node[] {
  const x = valueName(input);
  const shape = input!.shape ?? [];
  const [from, to] = [integers(starts), integers(ends)];
  const axes = isAbsent(axesInput) ? from.map((_, i) => i) : integers(axesInput);
  const steps = isAbsent(stepsInput) ? from.map(() => 1) : integers(stepsInput);
  if (to.length !== from.length || axes.length !== from.length || steps.length !== from.length)
    refuse('its starts, ends, axes and steps differ in number');
  const cuts = axes.flatMap((given, i) => {
    const isWhole = steps[i] === 1 && from[i] === 0 && to[i]! >= 2 ** 31 - 1;
    if ((given === 0 || given === -shape.length - 1) && isWhole) return [];
    const axis = axisWithin(given, shape.length);
    const { first, count } = sliced(shape[axis - 1]!, from[i]!, to[i]!, steps[i]!);
    const isAll = steps[i] === 1 && count === shape[axis - 1];
    const indices = Array.from({ length: count }, (_, k) => first + k * steps[i]!);
    return isAll ? [] : [{ axis, indices }];
  });
  if (cuts.length === 0)
    return [{ op: 'Identity', name: node, inputs: [x], outputs: [output], attributes: {} }];
  return cuts.map((attributes, i): Node => {
    const valueOf = (k: number) => (k === cuts.length - 1 ? output : `${output}/slice${k}`);
    return {
      op: 'Gather',
      name: i === cuts.length - 1 ? node : `${node}/slice${i}`,
      inputs: [i === 0 ? x : valueOf(i - 1)],
      outputs: [valueOf(i)],
      attributes,
    };
  });
}

function axisWithin(given: number, rank: number): number {
  const axis = given < 0 ? given + 1 + rank : given;
  if (!(axis >= 1 && axis <= rank)) refuse(`axis ${given} is the batch's, or beyond its input's dimensions`);
  return axis;
}

function isAbsent(input: ParsedInput | undefined): boolean {
  return input === undefined || input.name === '';
}

function integers(input: ParsedInput | undefined): number[] {
  const constant = input?.constant;
  if (constant?.dtype !== 'int64') refuse('its bounds, axes, steps or sizes are not constant integers');
  return Array.from(constant.data, Number);
}
