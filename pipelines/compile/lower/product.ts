import { elementKinds } from '../../../crypto/spec.ts';
import type { NodeOf } from '../../../models/graph.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import type { WireId } from '../../plan/plan.ts';

/**
 * The product of two values, such as a map and its gates (squeeze and excitation, Hu et al., CVPR 2018), in
 * one round trip of squares:
 *
 *   4 a b = (a + b)^2 - (a - b)^2
 *
 * The smaller integer is shifted to the size of the larger one first, because the squares' rounding counts
 * with a + b: it would hide a gate below 1 beside a map of large values. Both squares are elements of one
 * layer of twice the channels.
 */
export function lowerProduct(node: NodeOf<'Mul'>, plan: PlanBuilder): void {
  const [first, second] = node.inputs.map((name) => broadcast(node, plan, name)) as [WireId, WireId];
  const shift = Math.round(Math.log2(sizeOn(node, plan, 0) / sizeOn(node, plan, 1)));
  const a = shifted(
    node,
    plan,
    0,
    first,
    Math.max(0, -shift),
    plan.scaleOf(first) * 2 ** Math.max(0, -shift),
  );
  const b = shifted(node, plan, 1, second, Math.max(0, shift), plan.scaleOf(a));
  const { shape } = plan.range(node.outputs[0]!);
  const all = Array.from({ length: shape[0]! }, (_, c) => c);
  const reach = reachOf(plan, a) + reachOf(plan, b);
  const scale = plan.scaleOf(a);
  const [sum, difference] = [plan.newWire(shape, scale, reach), plan.newWire(shape, scale, reach)];
  plan.emit({ kind: 'add', node: node.name, inputs: [a, b], shifts: [0, 0] }, sum);
  const halves = { axis: 0, first: all, second: all, sign: -1 } as const;
  plan.emit({ kind: 'combine', node: node.name, inputs: [a, b], ...halves }, difference);
  const both = plan.newWire([2 * shape[0]!, ...shape.slice(1)], scale, reach);
  plan.emit({ kind: 'concat', node: node.name, inputs: [sum, difference], shifts: [0, 0], blocks: 1 }, both);
  const product = 2 ** Math.abs(shift) * plan.scaleOf(first) * plan.scaleOf(second);
  const squares = squared(node, plan, both, product);
  const output = plan.addWire(node.outputs[0]!, plan.scaleOf(squares));
  const minus = { ...halves, second: all.map((c) => c + all.length) };
  plan.emit({ kind: 'combine', node: node.name, inputs: [squares, squares], ...minus }, output);
}

/** The largest integer of an input on the calibration images. */
function sizeOn(node: NodeOf<'Mul'>, plan: PlanBuilder, input: 0 | 1): number {
  const name = node.inputs[input]!;
  return Math.max(plan.range(name).largest * plan.scaleOf(plan.wireOf(name)), 1);
}

/** Bits of a number before it is squared; the sum of two squares then has 29. */
const squareBits = 14;

/**
 * Both squares, at the scale in which their difference is the product. Sums of many products, such as an
 * average, leave it fewer bits than the squares could have; the numbers lose half of them before, and these
 * errors are independent.
 */
function squared(node: NodeOf<'Mul'>, plan: PlanBuilder, x: WireId, product: number): WireId {
  const { shape, bits } = plan.wires[x]!;
  const free = Math.max(0, bits - squareBits);
  const over = (4 * product) / 4 ** free / plan.limit(node.outputs[0]!);
  const truncate = free + Math.max(0, Math.ceil(Math.log2(over) / 2));
  const empty = emptyActivation(shape);
  const square = { ...empty.square, truncate, multiplier: empty.square.multiplier.fill(1) };
  const spec = { ...empty, kinds: empty.kinds.fill(elementKinds.square), square };
  const output = plan.exactWire({
    shape,
    scale: (4 * product) / 4 ** truncate,
    bits: 2 * (bits - truncate),
  });
  plan.emit({ kind: 'activation', node: node.name, inputs: [x], spec }, output);
  return output;
}

/** The wire shifted left. `scale` is that of the sum in which it is a part. */
function shifted(
  node: NodeOf<'Mul'>,
  plan: PlanBuilder,
  input: 0 | 1,
  wire: WireId,
  shift: number,
  scale: number,
): WireId {
  const { shape } = plan.wires[wire]!;
  const largest = (sizeOn(node, plan, input) * 2 ** shift) / scale;
  const output = plan.newWire(shape, scale, largest);
  plan.emit({ kind: 'add', node: node.name, inputs: [wire], shifts: [shift] }, output);
  return output;
}

function reachOf(plan: PlanBuilder, wire: WireId): number {
  const { scale, bits } = plan.wires[wire]!;
  return 2 ** (bits - plan.options.guardBits) / scale;
}

/** The input repeated along each axis along which it is stretched. */
function broadcast(node: NodeOf<'Mul'>, plan: PlanBuilder, name: string): WireId {
  const { shape } = plan.range(node.outputs[0]!);
  return shape.reduce((wire, size, axis) => {
    const from = plan.wires[wire]!;
    if (from.shape[axis] === size) return wire;
    const wide = plan.newWire(from.shape.with(axis, size), from.scale, plan.range(name).largest);
    const indices = new Array<number>(size).fill(0);
    plan.emit({ kind: 'pick', node: node.name, inputs: [wire], axis, indices }, wide);
    return wide;
  }, plan.wireOf(name));
}
