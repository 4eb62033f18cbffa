import { kindsInOrder, layerOf } from './layer.ts';
import type { ElementParameters, Layer } from './layer.ts';
import { ofChannels } from './layer.ts';
import { passesInClear, windowOffset } from './window.ts';
import type { ActivationSpec, ByKind } from '../../spec.ts';
import { truncateInClear } from './truncation.ts';

/**
 * What the protocol computes, bit for bit, given the client's uniform shares: rounding and faults included.
 * All arrays are [channels * channelSize]. To simulate whole test sets, build the `Layer` once and use
 * `layerInClear`.
 */
export function activationInClear(spec: ActivationSpec, x: Int32Array, xC: Uint32Array): Int32Array {
  return layerInClear(layerOf(spec), x, xC);
}

/**
 * Like `activationInClear`, on a layer that is gathered already. Throws RangeError for arrays of another
 * size.
 */
export function layerInClear(layer: Layer, x: Int32Array, xC: Uint32Array): Int32Array {
  if (x.length !== layer.size || xC.length !== layer.size) {
    throw new RangeError(`activation: expected ${layer.size} elements, got ${x.length} and ${xC.length}`);
  }
  const y = new Int32Array(layer.size);
  for (const kind of kindsInOrder) inClear[kind](layer, x, xC, y);
  return y;
}

/** Writes the elements of a kind into y. */
const inClear: ByKind<(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array) => void> = {
  relu: reluInClear,
  affine: affineInClear,
  square: squareInClear,
};

function reluInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const { k, bits, truncate } = layer.spec.relu;
  const offset = windowOffset(layer.spec.relu);
  const positions = layer.positions.relu;
  for (let j = 0; j < positions.length; j++) {
    const i = positions[j]!;
    const passes = passesInClear(x[i]!, xC[i]!, k, offset, bits - k);
    y[i] = -passes & truncateInClear(x[i]!, xC[i]!, truncate);
  }
}

/** T(multiplier x, t) + offset of element j of its kind, element i of the layer. */
function affine(
  parameters: ElementParameters,
  j: number,
  i: number,
  t: number,
  x: Int32Array,
  xC: Uint32Array,
): number {
  const multiplier = parameters.multiplier[j]!;
  return (
    truncateInClear(Math.imul(multiplier, x[i]!), Math.imul(multiplier, xC[i]!), t) + parameters.offset[j]!
  );
}

function affineInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const positions = layer.positions.affine;
  const t = layer.spec.affine.truncate;
  for (let j = 0; j < positions.length; j++) {
    const i = positions[j]!;
    y[i] = affine(layer.affine, j, i, t, x, xC);
  }
}

function squareInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const positions = layer.positions.square;
  const { channelSize, square } = layer.spec;
  const sign = ofChannels(square.sign, positions, channelSize);
  const constant = ofChannels(square.constant, positions, channelSize);
  for (let j = 0; j < positions.length; j++) {
    const i = positions[j]!;
    const z = affine(layer.square, j, i, square.truncate, x, xC);
    y[i] = Math.imul(sign[j]!, Math.imul(z, z)) + constant[j]!;
  }
}
