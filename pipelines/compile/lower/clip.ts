import { elementKinds } from '../../../crypto/spec.ts';
import type { NodeOf } from '../../../models/graph.ts';
import type { Shape, Tensor } from '../../../models/tensor.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';
import { valueBits } from '../scale-limits.ts';
import type { WireId } from '../../plan/plan.ts';

/**
 * Activations of two or three straight pieces, in one round trip. Their two parts are computed side by side,
 * as one layer of twice the channels.
 *
 *   LeakyRelu  alpha x + (1 - alpha) relu(x), and a PRelu with one slope
 *   Clip       min + relu(x - min) - relu(x - max);  without a min: x - relu(x - max)
 *
 * A PRelu with slopes per channel takes two round trips.
 */
export function lowerClip(node: NodeOf<'Clip'>, plan: PlanBuilder): void {
  const { min, max } = node.attributes;
  const [low, high] = [Number.isFinite(min), Number.isFinite(max)];
  const x = plan.wireOf(node.inputs[0]!);
  const below = low ? shifted(node, plan, x, -min) : x;
  if (!high) {
    const risen = activated(node, plan, below, () => low);
    finish(node, plan, risen, low ? min : 0);
    return;
  }
  const both = joined(node, plan, below, shifted(node, plan, x, -max));
  const pieces = activated(node, plan, both, (second) => low || second);
  finish(node, plan, halves(node, plan, pieces, -1), low ? min : 0);
}

export function lowerLeakyRelu(node: NodeOf<'LeakyRelu'>, plan: PlanBuilder): void {
  const { alpha } = node.attributes;
  checkSlope(node, alpha);
  leaky(node, plan, plan.wireOf(node.inputs[0]!), alpha);
}

/**
 * A PRelu with one slope for all channels is a LeakyRelu. Slopes per channel take two round trips: relu(x)
 * and x side by side, truncated to the activations' precision to leave room for multipliers, then (1 - a)
 * relu(x) + a x.
 */
export function lowerPRelu(node: NodeOf<'PRelu'>, plan: PlanBuilder): void {
  const x = plan.wireOf(node.inputs[0]!);
  const slopes = slopesOf(plan.publicPart.slopes.get(node.name)!, plan.wires[x]!.shape);
  if (slopes === undefined) {
    throw new PlanError(
      `node ${node.name} (PRelu) cannot run privately: its slopes differ within a channel; ` +
        'give it one slope per channel',
    );
  }
  if (slopes.every((slope) => slope === slopes[0])) {
    checkSlope(node, slopes[0]!);
    leaky(node, plan, x, slopes[0]!);
    return;
  }
  const both = activated(node, plan, joined(node, plan, x, x), (second) => !second);
  const weighted = multiplied(node, plan, both, [...slopes.map((slope) => 1 - slope), ...slopes]);
  plan.alias(node.outputs[0]!, halves(node, plan, weighted, 1));
}

/** Multiplies each channel by its factor, at the same scale. */
function multiplied(node: Piecewise, plan: PlanBuilder, x: WireId, factors: readonly number[]): WireId {
  const { shape, scale, bits } = plan.wires[x]!;
  const most = factors.reduce((largest, factor) => Math.max(largest, Math.abs(factor)), 0);
  const shift = Math.max(0, Math.min(valueBits - bits - Math.ceil(Math.log2(most)), 15));
  const empty = emptyActivation(shape);
  empty.affine.multiplier.set(factors.map((factor) => Math.round(factor * 2 ** shift)));
  const spec = { ...empty, affine: { ...empty.affine, truncate: shift } };
  const output = plan.newWire(shape, scale, most * reachOf(plan, x));
  plan.emit({ kind: 'activation', node: node.name, inputs: [x], spec }, output);
  return output;
}

/** The slopes per channel for an input of this shape; undefined if they differ within a channel. */
export function slopesOf(
  { shape, data }: Tensor,
  [channels = 1, ...inner]: Shape,
): readonly number[] | undefined {
  if (data.length === 1) return new Array<number>(channels).fill(data[0]!);
  const aligned = [channels, ...inner.map(() => 1)];
  return shape.join() === aligned.join() ? [...data] : undefined;
}

function checkSlope(node: Piecewise, slope: number): void {
  if (slope < 1) return;
  throw new PlanError(
    `node ${node.name} (${node.op}) cannot run privately: ` +
      `its slope is ${slope}, expected less than 1; give it a smaller one`,
  );
}

/** Computes relu(x) + alpha / (1 - alpha) x, whose scale is larger by 1 / (1 - alpha). */
function leaky(node: NodeOf<'LeakyRelu' | 'PRelu'>, plan: PlanBuilder, x: WireId, alpha: number): void {
  const { scale, bits } = plan.wires[x]!;
  const both = joined(node, plan, x, x);
  const truncate = plan.truncation(node.outputs[0]!, scale);
  const relu = { truncate, ...plan.signTest(node.name, both, truncate) };
  const gain = alpha / (1 - alpha);
  const room = valueBits - bits - Math.max(-15, Math.ceil(Math.log2(Math.abs(gain) || 1)));
  const shift = Math.max(0, Math.min(room, 29 - truncate, 20));
  const { shape } = plan.wires[both]!;
  const empty = emptyActivation(shape);
  const affine = {
    ...empty.affine,
    truncate: truncate + shift,
    multiplier: empty.affine.multiplier.fill(Math.round(gain * 2 ** shift)),
  };
  const spec = { ...empty, relu, affine };
  spec.kinds.fill(elementKinds.relu, 0, spec.kinds.length / 2);
  const { largest } = plan.range(node.outputs[0]!);
  const pieces = plan.newWire(shape, scale / 2 ** truncate / (1 - alpha), largest);
  plan.emit({ kind: 'activation', node: node.name, inputs: [both], spec }, pieces);
  plan.alias(node.outputs[0]!, halves(node, plan, pieces, 1));
}

type Piecewise = NodeOf<'Clip' | 'LeakyRelu' | 'PRelu' | 'HardSigmoid' | 'HardSwish'>;

function reachOf(plan: PlanBuilder, wire: WireId): number {
  const { scale, bits } = plan.wires[wire]!;
  return 2 ** (bits - plan.options.guardBits) / scale;
}

/** x + constant, or the same wire if the constant rounds to 0. */
export function shifted(node: Piecewise, plan: PlanBuilder, x: WireId, constant: number): WireId {
  const { shape, scale } = plan.wires[x]!;
  const value = Math.round(constant * scale);
  if (Math.abs(value) >= 2 ** valueBits) {
    throw new PlanError(
      `node ${node.name} (${node.op}) cannot run privately: ` +
        `its bound ${-constant} does not fit the 32-bit ring beside its input; ` +
        'remove bounds that are never reached',
    );
  }
  if (value === 0) return x;
  const output = plan.newWire(shape, scale, reachOf(plan, x) + Math.abs(constant));
  plan.emit({ kind: 'offset', node: node.name, inputs: [x], value }, output);
  return output;
}

/** Joins two wires as the halves of one. */
export function joined(node: Piecewise, plan: PlanBuilder, a: WireId, b: WireId): WireId {
  const { shape, scale } = plan.wires[a]!;
  const reach = Math.max(reachOf(plan, a), reachOf(plan, b));
  const output = plan.newWire([2 * shape[0]!, ...shape.slice(1)], scale, reach);
  plan.emit({ kind: 'concat', node: node.name, inputs: [a, b], shifts: [0, 0], blocks: 1 }, output);
  return output;
}

/** Applies ReLU or the identity to each half, truncated to the activations' precision. */
export function activated(
  node: Piecewise,
  plan: PlanBuilder,
  x: WireId,
  isRelu: (second: boolean) => boolean,
): WireId {
  const { shape, scale } = plan.wires[x]!;
  const truncate = plan.truncation(node.outputs[0]!, scale);
  const empty = emptyActivation(shape);
  const affine = { ...empty.affine, truncate, multiplier: empty.affine.multiplier.fill(1) };
  const spec = { ...empty, affine, relu: { truncate, ...plan.signTest(node.name, x, truncate) } };
  const half = spec.kinds.length / 2;
  if (isRelu(false)) spec.kinds.fill(elementKinds.relu, 0, half);
  if (isRelu(true)) spec.kinds.fill(elementKinds.relu, half);
  const output = plan.newWire(shape, scale / 2 ** truncate, reachOf(plan, x));
  plan.emit({ kind: 'activation', node: node.name, inputs: [x], spec }, output);
  return output;
}

/**
 * Returns the first half of the channels plus or minus the second. A scale other than that of the pieces
 * multiplies it.
 */
export function halves(
  node: Piecewise,
  plan: PlanBuilder,
  pieces: WireId,
  sign: 1 | -1,
  scale = plan.scaleOf(pieces),
): WireId {
  const { shape } = plan.wires[pieces]!;
  const channels = shape[0]! / 2;
  const first = Array.from({ length: channels }, (_, c) => c);
  const second = first.map((c) => c + channels);
  const { shape: outShape, largest } = plan.range(node.outputs[0]!);
  const output = plan.newWire(outShape, scale, largest);
  const inputs = [pieces, pieces];
  plan.emit({ kind: 'combine', node: node.name, inputs, axis: 0, first, second, sign }, output);
  return output;
}

function finish(node: NodeOf<'Clip'>, plan: PlanBuilder, x: WireId, constant: number): void {
  plan.alias(node.outputs[0]!, shifted(node, plan, x, constant));
}
