import { layoutOf } from '../../../crypto/he/layout.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Node, NodeOf, OpType } from '../../../models/graph.ts';
import type { Shape } from '../../../models/tensor.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { onlyKind } from '../../../src/shared/kinds.ts';
import { lowerMixed, lowerRelu } from './activation.ts';
import { lowerAveragePool, lowerSum } from './average.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import { lowerClip, lowerLeakyRelu, lowerPRelu } from './clip.ts';
import { lowerHardSigmoid, lowerHardSwish } from './hard.ts';
import { lowerMaxPool } from './maximum.ts';
import { lowerProduct } from './product.ts';
import type { WireId } from '../../plan/plan.ts';
import type { LinearOp } from '../real-weights.ts';
import { fewestWeightBits, isTooFine, largestWeightBits, outputScale } from '../weight-scale.ts';

type Lowering<K extends OpType> = (node: NodeOf<K>, plan: PlanBuilder) => void;

/** How each op runs between two parties. An op that cannot has an entry that says why, and what to do. */
const lowerings: { readonly [K in OpType]: Lowering<K> } = {
  Conv: (node, plan) => {
    const { kernel, strides, pads, dilations, group } = node.attributes;
    lowerLinear(node, plan, { kernel, strides, pads, dilations, group });
  },
  Gemm: (node, plan) => lowerLinear(node, plan, fullyConnected),
  MatMul: (node, plan) => lowerLinear(node, plan, fullyConnected),
  // A batch norm that could not be folded into a convolution is a 1 x 1 convolution of each channel with
  // itself.
  BatchNormalization: (node, plan) => {
    const group = plan.range(node.inputs[0]!).shape[0]!;
    lowerLinear(node, plan, { ...fullyConnected, group });
  },
  Relu: lowerRelu,
  MixedActivation: (node, plan) => {
    if (onlyKind(activationKinds, node.attributes.kinds) === 'identity') passOn(node, plan);
    else lowerMixed(node, plan);
  },
  GatedActivation: refuse(
    'its gates are still in training',
    'let the reduction end; it writes a MixedActivation',
  ),
  Add: lowerAdd,
  Sub: lowerSub,
  Concat: lowerConcat,
  Gather: lowerGather,
  AveragePool: lowerAveragePool,
  GlobalAveragePool: (node, plan) => {
    const [, height, width] = plan.range(node.inputs[0]!).shape as [number, number, number];
    lowerSum(node, plan, { kernel: [height, width], strides: [1, 1], pads: [0, 0, 0, 0] });
  },
  Flatten: lowerReshape,
  Reshape: lowerReshape,
  Identity: passOn,
  Dropout: passOn,
  Clip: lowerClip,
  LeakyRelu: lowerLeakyRelu,
  PRelu: lowerPRelu,
  Sigmoid: notRelu,
  HardSigmoid: lowerHardSigmoid,
  HardSwish: lowerHardSwish,
  Swish: notRelu,
  Tanh: notRelu,
  Elu: notRelu,
  Celu: notRelu,
  Gelu: notRelu,
  Erf: notRelu,
  Mul: (node, plan) => {
    if (node.inputs.every((name) => plan.isValue(name))) lowerProduct(node, plan);
    else scaledByPlace(node);
  },
  Pad: refuse(
    'only padding with zeros before a convolution or an average pooling is part of a step',
    'move the padding there',
  ),
  MaxPool: lowerMaxPool,
};

/** Adds the steps of a node to the plan. Throws PlanError with the node's name and the reason. */
export function lowerNode<K extends OpType>(node: NodeOf<K>, plan: PlanBuilder): void {
  lowerings[node.op](node, plan);
}

const scaledByPlace = refuse(
  'scaling by a constant that differs between the places of a channel is not implemented',
  'put the factors into the weights',
);

function refuse(reason: string, remedy: string): (node: Node) => never {
  return (node) => {
    throw refusal(node, reason, remedy);
  };
}

function notRelu(node: Node): never {
  throw refusal(
    node,
    'it is neither made of straight pieces nor a polynomial of degree 2',
    'replace it by another activation and fine-tune the model',
  );
}

function refusal(node: Pick<Node, 'name' | 'op'>, reason: string, remedy: string): PlanError {
  return new PlanError(`node ${node.name} (${node.op}) cannot run privately: ${reason}; ${remedy}`);
}

function passOn(node: Node, plan: PlanBuilder): void {
  plan.alias(node.outputs[0]!, plan.wireOf(node.inputs[0]!));
}

function lowerReshape(node: Node, plan: PlanBuilder): void {
  const input = plan.wireOf(node.inputs[0]!);
  const output = plan.addWire(node.outputs[0]!, plan.scaleOf(input));
  plan.emit({ kind: 'reshape', node: node.name, inputs: [input] }, output);
}

type Geometry = Pick<LinearSpec, 'kernel' | 'strides' | 'pads' | 'dilations' | 'group'>;

const fullyConnected: Geometry = {
  kernel: [1, 1],
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: 1,
};

function lowerLinear(node: NodeOf<LinearOp>, plan: PlanBuilder, geometry: Geometry): void {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const [inChannels, height = 1, width = 1] = plan.range(x).shape as [number, number?, number?];
  const sizes = { inChannels, outChannels: plan.range(y).shape[0]!, height, width, ...geometry };
  const largest = plan.publicPart.largestWeight.get(node.name) ?? 0;
  const most = hiddenBits(node, sizes, plan.options.weightBits);
  const { wire, scale } = inputAndOutputScale(node, plan, largest, most);
  const weightBits = Math.floor(Math.log2(Math.max(1, largest * (scale / plan.scaleOf(wire)) + 0.5))) + 1;
  const spec = { ...sizes, weightBits };
  plan.emit({ kind: 'linear', node: node.name, inputs: [wire], spec }, plan.addWire(y, scale));
}

/**
 * The most weight bits, up to `wanted`, with which the weights' noise changes shares with a probability below
 * 2^-40. Wide layers get fewer.
 */
function hiddenBits(node: NodeOf<LinearOp>, sizes: Omit<LinearSpec, 'weightBits'>, wanted: number): number {
  let reason = '';
  for (let weightBits = wanted; weightBits >= Math.min(wanted, fewestWeightBits); weightBits--) {
    try {
      layoutOf({ ...sizes, weightBits });
      return weightBits;
    } catch (error) {
      if (!(error instanceof PlanError)) throw error;
      reason = error.message;
    }
  }
  throw refusal(node, reason, 'give the model smaller layers');
}

/**
 * Chooses the output's scale, a power of two; the weights' scale is the real number that leads to it. The
 * input is truncated if bits are short.
 */
function inputAndOutputScale(
  node: NodeOf<LinearOp>,
  plan: PlanBuilder,
  largest: number,
  weightBits: number,
): { wire: WireId; scale: number } {
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const layer = { largest, weightBits, limit: plan.limit(y) };
  let wire = plan.wireOf(x);
  if (isTooFine(layer, plan.scaleOf(wire))) {
    wire = plan.truncated(x, `${node.name}/truncate`, plan.preciseScale(x));
  }
  const scale = outputScale(layer, plan.scaleOf(wire));
  const bits = largestWeightBits(layer, plan.scaleOf(wire));
  if (largest > 0 && bits < fewestWeightBits - 1) {
    const missing = Math.ceil(fewestWeightBits - 1 - bits);
    throw refusal(
      node,
      `${missing} bits are missing in the 32-bit ring: its output reaches ` +
        `${plan.range(y).largest.toPrecision(3)} on the calibration images ` +
        `and its largest weight is ${largest.toPrecision(3)}`,
      `lower the precision of the activations (${Math.log2(plan.preciseScale(x))} bits) ` +
        `or the guard bits (${plan.options.guardBits})`,
    );
  }
  return { wire, scale };
}

function lowerAdd(node: NodeOf<'Add'>, plan: PlanBuilder): void {
  const [a, b] = node.inputs as [string, string];
  const values = [a, b].filter((name) => plan.isValue(name));
  const output = node.outputs[0]!;
  const shape = plan.range(output).shape;
  if (values.some((name) => plan.range(name).shape.join() !== shape.join())) {
    throw refusal(node, 'its operands have different shapes', 'give them one shape in the model');
  }
  if (values.length === 1) {
    const input = plan.wireOf(values[0]!);
    plan.emit({ kind: 'bias', node: node.name, inputs: [input] }, plan.addWire(output, plan.scaleOf(input)));
    return;
  }
  const { inputs, shifts, scale } = alignScales(values, node, plan);
  plan.emit({ kind: 'add', node: node.name, inputs, shifts }, plan.addWire(output, scale));
}

/** The difference of two wires at one scale. A wire that must be shifted to it is passed on alone first. */
function lowerSub(node: NodeOf<'Sub'>, plan: PlanBuilder): void {
  const [x, y] = [node.inputs, node.outputs[0]!];
  const { shape } = plan.range(y);
  if (x.some((name) => plan.range(name).shape.join() !== shape.join()))
    throw refusal(node, 'its operands have different shapes', 'give them one shape in the model');
  const { inputs, shifts, scale } = alignScales(x, node, plan);
  const [a, b] = inputs.map((wire, i) => {
    if (shifts[i] === 0) return wire;
    const shifted = plan.newWire(shape, scale, plan.range(x[i]!).largest);
    plan.emit({ kind: 'add', node: node.name, inputs: [wire], shifts: [shifts[i]!] }, shifted);
    return shifted;
  }) as [WireId, WireId];
  const all = Array.from({ length: shape[0]! }, (_, i) => i);
  plan.emit(
    { kind: 'combine', node: node.name, inputs: [a, b], axis: 0, first: all, second: all, sign: -1 },
    plan.addWire(y, scale),
  );
}

/** Each party picks from its own share. */
function lowerGather(node: NodeOf<'Gather'>, plan: PlanBuilder): void {
  const input = plan.wireOf(node.inputs[0]!);
  const { axis, indices } = node.attributes;
  plan.emit(
    { kind: 'pick', node: node.name, inputs: [input], axis: axis - 1, indices },
    plan.addWire(node.outputs[0]!, plan.scaleOf(input)),
  );
}

function lowerConcat(node: NodeOf<'Concat'>, plan: PlanBuilder): void {
  const { inputs, shifts, scale } = alignScales(node.inputs, node, plan);
  const shape = plan.range(node.outputs[0]!).shape;
  const blocks = sizeBefore(shape, node.attributes.axis - 1);
  plan.emit(
    { kind: 'concat', node: node.name, inputs, shifts, blocks },
    plan.addWire(node.outputs[0]!, scale),
  );
}

function sizeBefore(shape: Shape, axis: number): number {
  return shape.slice(0, axis).reduce((product, size) => product * size, 1);
}

/**
 * Brings values to one scale, the largest of theirs, by left shifts. If a ratio is not a power of two, that
 * value is rescaled first.
 */
function alignScales(
  values: readonly string[],
  node: Node,
  plan: PlanBuilder,
): { inputs: WireId[]; shifts: number[]; scale: number } {
  const scale = Math.max(...values.map((name) => plan.scaleOf(plan.wireOf(name))));
  const inputs = values.map((name) => {
    const wire = plan.wireOf(name);
    const aligned = Number.isInteger(Math.log2(scale / plan.scaleOf(wire)));
    return aligned ? wire : plan.rescaled(name, `${node.name}/rescale`, scale);
  });
  const shifts = inputs.map((wire) => Math.log2(scale / plan.scaleOf(wire)));
  return { inputs, shifts, scale };
}
