import { maxTruncate } from '../../../crypto/steps/activation/truncation.ts';
import type { NodeOf } from '../../../models/graph.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import { valueBits } from '../scale-limits.ts';
import { countsAlong, isUneven } from './window.ts';
import type { PoolSpec, WireId } from '../../plan/plan.ts';

/**
 * An average is a sum whose scale is larger by the number of elements. If windows at the border have fewer
 * elements (padding that does not count, ceil_mode), each position's sum is then multiplied by a public
 * fraction, which takes one more round trip.
 */
export function lowerAveragePool(node: NodeOf<'AveragePool'>, plan: PlanBuilder): void {
  const { kernel, strides, pads } = node.attributes;
  const [x, y] = [node.inputs[0]!, node.outputs[0]!];
  const input = plan.range(x).shape as [number, number, number];
  const output = plan.range(y).shape as [number, number, number];
  // The last windows of ceil_mode reach beyond the padding, as if there were more of it.
  const end = (axis: 0 | 1) => {
    const reach = (output[axis + 1]! - 1) * strides[axis] + kernel[axis] - pads[axis] - input[axis + 1]!;
    return Math.max(pads[axis + 2]!, reach);
  };
  const spec: PoolSpec = { kernel, strides, pads: [pads[0], pads[1], end(0), end(1)] };
  const full = kernel[0] * kernel[1];
  const columns = countsAlong(node.attributes, 1, input[2], output[2]);
  const counts = countsAlong(node.attributes, 0, input[1], output[1]).flatMap((rows) =>
    columns.map((count) => rows * count),
  );
  const wire = isUneven(node.attributes) ? withRoom(node, plan, full) : plan.wireOf(x);
  if (counts.every((count) => count === full)) {
    lowerSum(node, plan, spec, wire);
    return;
  }
  const sum = plan.newWire(output, plan.scaleOf(wire) * full, plan.range(y).largest);
  plan.emit({ kind: 'sumPool', node: node.name, inputs: [wire], spec }, sum);
  divide(
    node,
    plan,
    sum,
    counts.map((count) => full / count),
  );
}

/** Bits of the fractions, which give an error of at most 2^-11 of a value. */
const fractionBits = 10;

/** The input, truncated if its sums would leave no room for the fractions. */
function withRoom(node: NodeOf<'AveragePool'>, plan: PlanBuilder, full: number): WireId {
  const input = plan.wireOf(node.inputs[0]!);
  const { bits } = plan.wires[input]!;
  if (bits + Math.log2(full) + fractionBits <= valueBits) return input;
  return plan.truncated(node.inputs[0]!, `${node.name}/truncate`, plan.preciseScale(node.inputs[0]!));
}

/** The sum over the whole window; the division is in the scale. */
export function lowerSum(
  node: NodeOf<'AveragePool' | 'GlobalAveragePool'>,
  plan: PlanBuilder,
  spec: PoolSpec,
  input: WireId = plan.wireOf(node.inputs[0]!),
): void {
  const scale = plan.scaleOf(input) * spec.kernel[0] * spec.kernel[1];
  plan.emit(
    { kind: 'sumPool', node: node.name, inputs: [input], spec },
    plan.addWire(node.outputs[0]!, scale),
  );
}

/** Multiplies each position of every channel by its factor, which is at least 1. */
function divide(
  node: NodeOf<'AveragePool'>,
  plan: PlanBuilder,
  sum: WireId,
  factors: readonly number[],
): void {
  const { shape, scale, bits } = plan.wires[sum]!;
  // Drops bits down to the activations' precision if the sum has more. The product is the average at 2^shift
  // times the scale.
  const drop = Math.max(0, Math.floor(Math.log2(scale / plan.preciseScale(node.outputs[0]!))));
  const shift = Math.max(0, Math.min(15, valueBits - bits, maxTruncate - drop));
  const elements = emptyActivation([sizeOf(shape)]);
  const { multiplier } = elements.affine;
  for (let i = 0; i < multiplier.length; i++) {
    multiplier[i] = Math.round(factors[i % factors.length]! * 2 ** shift);
  }
  const spec = { ...elements, affine: { ...elements.affine, truncate: shift + drop } };
  const output = plan.addWire(node.outputs[0]!, scale / 2 ** drop);
  plan.emit({ kind: 'activation', node: node.name, inputs: [sum], spec }, output);
}
