import { elementKinds } from '../../../crypto/spec.ts';
import type { ActivationSpec } from '../../../crypto/spec.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { indexBits, maxClasses } from '../../plan/answer.ts';
import type { Wire, WireId } from '../../plan/plan.ts';
import { emptyActivation } from '../plan-builder.ts';
import type { PlanBuilder } from '../plan-builder.ts';

/**
 * Computes `classes - 1 - label` from the logits with activation layers and sums, as networks have them; the
 * lowest of equal labels counts. A comparison is a bit on shares: for an integer z, relu(z + 1) - relu(z) is
 * 1 if z >= 0, else 0, with exact sign tests. Up to 32 values are compared all with all, in two round trips:
 *
 *   1.  wins_i = the number of others that value i beats; of two equal ones the first wins
 *   2.  the sum over i of relu(name_i + 2^m (wins_i - (n - 1))), with names in [0, 2^m): the winner's name
 *
 * More values are halved in pairs until 32 are left, a round trip each time. Measured on the WAN (40 ms, 100
 * Mbit/s), online: 10 classes 138 ms, 277 if they were halved to 2; 100 classes 229 ms and 408, 1,000 classes
 * 377 ms and 572. Comparing 64 values saves another round trip for 3,000 more sign tests.
 */
export function lowerLabel(plan: PlanBuilder, logits: WireId): WireId {
  const values = flattened(plan, logits);
  const { count } = values;
  if (count < 2 || count > maxClasses) {
    throw new PlanError(
      `answer: a label can be told of 2 to ${maxClasses} classes, and the network has ${count}; serve its logits`,
    );
  }
  if (count <= mostCompared) {
    const lead = leads(plan, values);
    // Of two, the first has as many wins as the comparison says.
    if (count === 2) return picked(plan, selectNode, lead, [0], bit);
    return winner(plan, lead, { count, bits: indexBits(count), known: (i) => count - 1 - i });
  }
  let left = packedWinners(plan, values);
  while (left.count > mostCompared) left = winners(plan, left);
  const named = { ...left, bits: left.bits + 1, known: () => 2 ** left.bits };
  return winner(plan, leads(plan, left), named);
}

/** The most values that are compared all with all. */
const mostCompared = 32;

/** The bits by which the logits' scale must be smaller, so that their differences can be truncated. */
export function labelRoom(classes: number): number {
  return classes > mostCompared ? 1 : 0;
}

/** Integers [count] with |x| < 2^bits. */
type Values = { readonly wire: WireId; readonly count: number; readonly bits: number };

/** The scale and the bits of a wire. */
type Form = Omit<Wire, 'shape'>;
const bit: Form = { scale: 1, bits: 1 };

const [compareNode, halveNode, selectNode] = ['label/compare', 'label/halve', 'label/select'];

function flattened(plan: PlanBuilder, wire: WireId): Values {
  const { shape, ...form } = plan.wires[wire]!;
  const count = sizeOf(shape);
  if (shape.length === 1) return { wire, count, bits: form.bits };
  const flat = plan.exactWire({ shape: [count], ...form });
  plan.emit({ kind: 'reshape', node: compareNode, inputs: [wire] }, flat);
  return { wire: flat, count, bits: form.bits };
}

/** Compares all values with each other. The wire [count] has wins_i - i. */
function leads(plan: PlanBuilder, values: Values): WireId {
  const { count } = values;
  const places = Array.from({ length: count }, (_, i) => i);
  const games = places.flatMap((i) => places.slice(i + 1).map((j): Pair => [i, j]));
  const rises = comparisons(plan, compareNode, values, games, 0);
  const gameOf = new Map(games.map(([i, j], game) => [i * count + j, game]));
  // Against a later one, i gets the bit. Against an earlier one it gets the negative of that one's bit, which
  // is its own less 1.
  const scores = places.flatMap((i) =>
    places
      .filter((j) => j !== i)
      .map((j): Pair => {
        const game = gameOf.get(Math.min(i, j) * count + Math.max(i, j))!;
        return i < j ? [games.length + game, game] : [game, games.length + game];
      }),
  );
  const form = { scale: 1, bits: indexBits(count) };
  const each = combined(plan, compareNode, [rises, rises], scores, -1, [count, count - 1, 1], bit);
  return summed(plan, compareNode, each, form);
}

type Names = {
  readonly count: number;
  /** Names are in [0, 2^bits). */
  readonly bits: number;
  /** The public part of the name of value i. */
  readonly known: (i: number) => number;
  /** The shared part, [count] (default: none). */
  readonly wire?: WireId;
};

/** The name of the value that beats all others: a win less takes more away than any name has. */
function winner(plan: PlanBuilder, lead: WireId, { count, bits, known, wire }: Names): WireId {
  const wide = bits + indexBits(count);
  const [inputs, shifts] =
    wire === undefined
      ? [[lead], [bits]]
      : [
          [lead, wire],
          [bits, 0],
        ];
  const spaced = plan.exactWire({ shape: [count], scale: 1, bits: wide });
  plan.emit({ kind: 'add', node: selectNode, inputs, shifts }, spaced);
  const value = Int32Array.from({ length: count }, (_, i) => known(i) + 2 ** bits * (i - (count - 1)));
  const named = offset(plan, selectNode, spaced, value);
  const form = { scale: 1, bits };
  const alone = activated(plan, selectNode, named, relus(count, 0, wide), [1, count, 1], form);
  return summed(plan, selectNode, alone, form);
}

/** The bits of packed values: `winner` takes one more for their sign and those of 32 wins. */
const packedBits = 31 - 1 - indexBits(mostCompared);

/**
 * The larger of each two values, as 2^s x + (classes - 1 - index), after cutting x by t bits so that this
 * fits. For one share T(z + 2^t) = T(z) + 1, and a test that leaves out t bits (posZero) makes the ReLU of z
 * that of T(z). The two ReLUs therefore differ by a bit here too. It tells the sign of z unless |z| < 2^t, so
 * that a winner may be less than 2^t below the other. The larger value is T(x_j) + T(z), which stays below
 * 2^(bits - t) as long as x < 2^bits - 2^(t + 1).
 */
function packedWinners(plan: PlanBuilder, values: Values): Values {
  const { wire, count, bits } = values;
  const shift = indexBits(count);
  const truncate = Math.max(0, bits + shift - packedBits);
  const games = neighbours(count);
  const half = games.length;
  const cut = { scale: plan.scaleOf(wire) / 2 ** truncate, bits: bits - truncate };
  const second = games.map(([, j]) => j);
  const rises = comparisons(plan, halveNode, values, games, truncate, second);
  const terms = (a: number, b: number) => games.map((_, i): Pair => [a * half + i, b * half + i]);
  const larger = combined(plan, halveNode, [rises, rises], terms(0, 2), 1, [half], cut);
  const firstWins = combined(plan, halveNode, [rises, rises], terms(1, 0), -1, [half], bit);
  const joined = plan.exactWire({ shape: [half], scale: 1, bits: cut.bits + shift });
  plan.emit({ kind: 'add', node: halveNode, inputs: [larger, firstWins], shifts: [shift, 0] }, joined);
  // The last of an odd number meets itself and wins as the first.
  const known = Int32Array.from(games, ([i]) => count - 2 - i);
  return { wire: offset(plan, halveNode, joined, known), count: half, bits: cut.bits + shift };
}

/** The larger of each two packed values. No two are equal. */
function winners(plan: PlanBuilder, { wire, count, bits }: Values): Values {
  const games = neighbours(count);
  const half = games.length;
  const form = { scale: 1, bits: bits + 1 };
  const difference = combined(plan, halveNode, [wire, wire], games, -1, [half], form);
  const rise = activated(plan, halveNode, difference, relus(half, 0, bits + 1), [half], form);
  const onto = games.map(([, j], i): Pair => [i, j]);
  const larger = combined(plan, halveNode, [rise, wire], onto, 1, [half], { scale: 1, bits });
  return { wire: larger, count: half, bits };
}

type Pair = readonly [number, number];

/** Each even place with the next; a last one alone with itself. */
function neighbours(count: number): Pair[] {
  return Array.from({ length: Math.ceil(count / 2) }, (_, i) => [2 * i, Math.min(2 * i + 1, count - 1)]);
}

/**
 * For each pair, with z = x_i - x_j: relu(T(z)), then for each relu(T(z) + 1). `also` are the places of
 * values that are only cut, after them.
 */
function comparisons(
  plan: PlanBuilder,
  node: string,
  { wire, bits }: Values,
  games: readonly Pair[],
  truncate: number,
  also: readonly number[] = [],
): WireId {
  const scale = plan.scaleOf(wire);
  const form = { scale, bits: bits + 1 };
  const difference = combined(plan, node, [wire, wire], games, -1, [games.length], form);
  const inputs = [difference, offset(plan, node, difference, 2 ** truncate)];
  if (also.length > 0) inputs.push(picked(plan, node, wire, also, { scale, bits }));
  const count = 2 * games.length + also.length;
  const joined = plan.exactWire({ shape: [count], ...form });
  plan.emit({ kind: 'concat', node, inputs, shifts: inputs.map(() => 0), blocks: 1 }, joined);
  const spec = relus(count, truncate, form.bits);
  spec.kinds.fill(elementKinds.affine, 2 * games.length);
  spec.affine.multiplier.fill(1);
  return activated(plan, node, joined, spec, [count], {
    scale: scale / 2 ** truncate,
    bits: form.bits - truncate,
  });
}

/** A layer of ReLUs of values below 2^bits, whose sign tests err only in bits that are cut. */
function relus(count: number, truncate: number, bits: number): ActivationSpec {
  const empty = emptyActivation([count]);
  return {
    ...empty,
    kinds: empty.kinds.fill(elementKinds.relu),
    relu: { truncate, k: truncate, bits, mode: 'posZero' },
    affine: { ...empty.affine, truncate },
  };
}

function activated(
  plan: PlanBuilder,
  node: string,
  input: WireId,
  spec: ActivationSpec,
  shape: Shape,
  form: Form,
): WireId {
  const output = plan.exactWire({ shape, ...form });
  plan.emit({ kind: 'activation', node, inputs: [input], spec }, output);
  return output;
}

function combined(
  plan: PlanBuilder,
  node: string,
  inputs: readonly [WireId, WireId],
  pairs: readonly Pair[],
  sign: 1 | -1,
  shape: Shape,
  form: Form,
): WireId {
  const output = plan.exactWire({ shape, ...form });
  const [first, second] = [pairs.map(([i]) => i), pairs.map(([, j]) => j)];
  plan.emit({ kind: 'combine', node, inputs, axis: 0, first, second, sign }, output);
  return output;
}

function picked(
  plan: PlanBuilder,
  node: string,
  input: WireId,
  indices: readonly number[],
  form: Form,
): WireId {
  const output = plan.exactWire({ shape: [indices.length], ...form });
  plan.emit({ kind: 'pick', node, inputs: [input], axis: 0, indices }, output);
  return output;
}

function offset(plan: PlanBuilder, node: string, input: WireId, value: number | Int32Array): WireId {
  const output = plan.exactWire(plan.wires[input]!);
  plan.emit({ kind: 'offset', node, inputs: [input], value }, output);
  return output;
}

/** The sums of a wire [channels, height, 1] over its height. */
function summed(plan: PlanBuilder, node: string, input: WireId, form: Form): WireId {
  const [channels, height] = plan.wires[input]!.shape as [number, number, number];
  const output = plan.exactWire({ shape: [channels], ...form });
  const spec = { kernel: [height, 1], strides: [1, 1], pads: [0, 0, 0, 0] } as const;
  plan.emit({ kind: 'sumPool', node, inputs: [input], spec }, output);
  return output;
}
