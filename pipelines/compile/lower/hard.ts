import { elementKinds } from '../../../crypto/spec.ts';
import type { NodeOf } from '../../../models/graph.ts';
import { boundsOfHardSigmoid } from '../../../models/ops/activations/hard-sigmoid.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import { activated, halves, joined, shifted } from './clip.ts';
import { fitSquare, largestTruncation } from './polynomial.ts';
import type { WireId } from '../../plan/plan.ts';

/**
 * HardSigmoid is alpha d with d = relu(x - low) - relu(x - high), where it is 0 below `low` and 1 above
 * `high`: a Clip at another scale, in one round trip.
 */
export function lowerHardSigmoid(node: NodeOf<'HardSigmoid'>, plan: PlanBuilder): void {
  const { alpha } = node.attributes;
  const [low, high] = boundsOfHardSigmoid(node.attributes);
  const pieces = risen(node, plan, low, high);
  const { scale } = plan.wires[pieces]!;
  plan.alias(node.outputs[0]!, halves(node, plan, pieces, -1, scale / alpha));
}

/**
 * HardSwish is (d - 3) d / 6 + relu(x - 3) with d = relu(x + 3) - relu(x - 3), which is between 0 and 6: two
 * sign tests, and in a second round trip a square of a small number, ((d - 3/2)^2 - 9/4) / 6. The 3/2 goes
 * off before the square, where it is an integer: rounded to the square's scale, it was wrong for all elements
 * alike, by up to 0.002.
 */
export function lowerHardSwish(node: NodeOf<'HardSwish'>, plan: PlanBuilder): void {
  const y = node.outputs[0]!;
  const pieces = risen(node, plan, -3, 3);
  const { shape, scale } = plan.wires[pieces]!;
  const channels = shape[0]! / 2;
  const inner = plan.newWire([channels, ...shape.slice(1)], scale, 6);
  const first = Array.from({ length: channels }, (_, c) => c);
  const second = first.map((c) => c + channels);
  const minus = { axis: 0, first, second, sign: -1 } as const;
  plan.emit({ kind: 'combine', node: node.name, inputs: [pieces, pieces], ...minus }, inner);
  const largest = plan.range(node.inputs[0]!).largest + 3;
  const above = plan.newWire([channels, ...shape.slice(1)], scale, largest);
  plan.emit({ kind: 'pick', node: node.name, inputs: [pieces], axis: 0, indices: second }, above);
  const both = joined(node, plan, shifted(node, plan, inner, -3 / 2), above);
  const parts = squareAndLine(node, plan, both, Math.min(2 ** finer * plan.preciseScale(y), plan.limit(y)));
  plan.alias(y, halves(node, plan, parts, 1));
}

/** |d - 3/2| */
const largestHalf = 9 / 2;

/** Bits that the output has beyond those of other activations: half of them are lost to the square. */
const finer = 2;

/** relu(x - low) and relu(x - high), side by side. */
function risen(
  node: NodeOf<'HardSigmoid' | 'HardSwish'>,
  plan: PlanBuilder,
  low: number,
  high: number,
): WireId {
  const x = plan.wireOf(node.inputs[0]!);
  const both = joined(node, plan, shifted(node, plan, x, -low), shifted(node, plan, x, -high));
  return activated(node, plan, both, () => true);
}

/** (d^2 - 9/4) / 6 of the first half of the channels, the identity of the second. */
function squareAndLine(node: NodeOf<'HardSwish'>, plan: PlanBuilder, x: WireId, most: number): WireId {
  const { shape, scale } = plan.wires[x]!;
  const guard = 2 ** plan.options.guardBits;
  const reach = plan.range(node.inputs[0]!).largest + 3;
  const output = 2 ** Math.floor(Math.log2(most));
  const truncations = {
    square: largestTruncation(
      [{ gain: Math.sqrt(1 / 6), reach: largestHalf }],
      Math.sqrt(output) / scale,
      scale,
      guard,
    ),
    affine: largestTruncation([{ gain: 1, reach }], output / scale, scale, guard),
  };
  const empty = emptyActivation(shape);
  const fit = fitSquare(
    { c2: 1 / 6, c1: 0, c0: -3 / 8, reach: largestHalf },
    { input: scale, output, guard, ...truncations },
  )!;
  const [affine, square] = [
    { ...empty.affine, truncate: truncations.affine },
    { ...empty.square, truncate: truncations.square },
  ];
  square.multiplier.fill(fit.multiplier);
  square.offset.fill(fit.offset);
  square.constant.fill(fit.constant);
  affine.multiplier.fill(Math.round((output / scale) * 2 ** truncations.affine));
  const spec = { ...empty, affine, square };
  spec.kinds.fill(elementKinds.square, 0, spec.kinds.length / 2);
  const parts = plan.newWire(shape, output, Math.max(3, reach));
  plan.emit({ kind: 'activation', node: node.name, inputs: [x], spec }, parts);
  return parts;
}
