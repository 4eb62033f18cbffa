import { PlanError } from '../../../src/shared/errors.ts';
import { areKinds, countByKind } from '../../../src/shared/kinds.ts';
import { maxWindowBits } from '../../sign/comparison.ts';
import { elementKinds } from '../../spec.ts';
import type { ActivationSpec, ByKind, ElementKind } from '../../spec.ts';
import { maxTruncate } from './truncation.ts';

/** The kinds in the order of the wire: where a message goes kind by kind, the ReLUs come first. */
export function eachKind<T>(make: (kind: ElementKind, index: number) => T): ByKind<T> {
  return { relu: make('relu', 0), affine: make('affine', 1), square: make('square', 2) };
}

export function countElements(kinds: Uint8Array): ByKind<number> {
  const counts = countByKind(elementKinds, kinds);
  return eachKind((kind) => counts[kind]);
}

export const kindsInOrder: readonly ElementKind[] = Object.values(eachKind((kind) => kind));

/**
 * The elements of an activation layer, or of a part of one, gathered by kind. All work is on dense batches,
 * so that a dropped ReLU costs as much as an affine element. Positions are those in the whole layer, of
 * `size` elements, in ascending order.
 */
export type Layer = {
  readonly spec: ActivationSpec;
  readonly size: number;
  readonly positions: ByKind<Uint32Array>;
  readonly affine: ElementParameters;
  readonly square: ElementParameters;
};

/** The channel parameters of each element, gathered from the arrays of the spec. */
export type ElementParameters = {
  readonly multiplier: Int32Array;
  readonly offset: Int32Array;
};

const counted = new WeakMap<ActivationSpec, ByKind<number>>();

/**
 * The number of elements of each kind in a spec that keeps its rules; nobody may change it afterwards. Throws
 * as `checkSpec` does. A layer's sizes are asked for again and again: looking at a million elements each time
 * took a SqueezeNet on 227 x 227 images a tenth of its main thread.
 */
export function checkedCounts(spec: ActivationSpec): ByKind<number> {
  let counts = counted.get(spec);
  if (counts === undefined) {
    checkSpec(spec);
    counted.set(spec, (counts = countElements(spec.kinds)));
  }
  return counts;
}

/** Throws PlanError for a spec that contradicts itself or leaves the protocol's range. */
export function layerOf(spec: ActivationSpec): Layer {
  checkedCounts(spec);
  const positions = eachKind((kind) => positionsOf(spec.kinds, elementKinds[kind]));
  const batch = (kind: 'affine' | 'square') => ({
    multiplier: ofChannels(spec[kind].multiplier, positions[kind], spec.channelSize),
    offset: ofChannels(spec[kind].offset, positions[kind], spec.channelSize),
  });
  return {
    spec,
    size: spec.kinds.length,
    positions,
    affine: batch('affine'),
    square: batch('square'),
  };
}

function positionsOf(kinds: Uint8Array, kind: number): Uint32Array {
  let count = 0;
  for (let i = 0; i < kinds.length; i++) if (kinds[i] === kind) count++;
  const positions = new Uint32Array(count);
  for (let i = 0, at = 0; i < kinds.length; i++) if (kinds[i] === kind) positions[at++] = i;
  return positions;
}

/** Turns a value per channel into a value per element. */
export function ofChannels(
  values: Int32Array | Int8Array,
  positions: Uint32Array,
  channelSize: number,
): Int32Array {
  const out = new Int32Array(positions.length);
  for (let i = 0; i < out.length; i++) out[i] = values[Math.floor(positions[i]! / channelSize)]!;
  return out;
}

/** values[positions] */
export function gather(values: Uint32Array, positions: Uint32Array): Uint32Array {
  const out = new Uint32Array(positions.length);
  for (let i = 0; i < out.length; i++) out[i] = values[positions[i]!]!;
  return out;
}

/** multiplier v mod 2^32 */
export function scaled(values: Uint32Array, multiplier: Int32Array): Uint32Array {
  const out = new Uint32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = Math.imul(values[i]!, multiplier[i]!);
  return out;
}

/** values + addend mod 2^32, in place. */
export function addInPlace(values: Uint32Array, addend: Int32Array): Uint32Array {
  for (let i = 0; i < values.length; i++) values[i]! += addend[i]!;
  return values;
}

export function elementCount(layer: Layer, kind: ElementKind): number {
  return layer.positions[kind].length;
}

/** A party's share, gathered by kind and multiplied by the public multipliers. */
export function sharesByKind(layer: Layer, x: Uint32Array): ByKind<Uint32Array> {
  const { positions, affine, square } = layer;
  return {
    relu: gather(x, positions.relu),
    affine: scaled(gather(x, positions.affine), affine.multiplier),
    square: scaled(gather(x, positions.square), square.multiplier),
  };
}

/** Throws PlanError when the spec breaks a precondition of spec.ts that can be seen without values. */
function checkSpec(spec: ActivationSpec): void {
  const require = (holds: boolean, rule: string, got: string | number) => {
    if (!holds) throw new PlanError(`activation: expected ${rule}, got ${got}`);
  };
  const size = spec.channels * spec.channelSize;
  require(spec.kinds.length === size, `kinds of ${size} elements`, spec.kinds.length);
  require(areKinds(elementKinds, spec.kinds), 'known kinds of elements', 'an unknown one');
  for (const name of kindsInOrder) {
    const t = spec[name].truncate;
    const whole = Number.isInteger(t) && t >= 0 && t <= maxTruncate;
    require(whole, `${name}.truncate in 0 to ${maxTruncate}`, t);
  }
  const { k, bits } = spec.relu;
  const window = Number.isInteger(k) && Number.isInteger(bits) && k >= 0 && k <= bits && bits < maxWindowBits;
  require(window, `a window with 0 <= k <= bits < ${maxWindowBits}`, `k = ${k}, bits = ${bits}`);
  for (const table of kindsInOrder.flatMap((kind) => channelTables[kind](spec))) {
    require(table.length === spec.channels, `channel parameters of ${spec.channels} channels`, table.length);
  }
  require(spec.square.sign.every((sign) => Math.abs(sign) === 1), 'signs of +1 or -1', 'another sign');
}

/** The parameters per channel that a kind of element has. */
const channelTables: ByKind<(spec: ActivationSpec) => readonly (Int32Array | Int8Array)[]> = {
  relu: () => [],
  affine: ({ affine }) => [affine.multiplier, affine.offset],
  square: ({ square }) => [square.multiplier, square.offset, square.sign, square.constant],
};
