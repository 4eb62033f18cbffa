import { layerOf } from './layer.ts';
import type { Batch, Layer } from './layer.ts';
import { ofChannels } from './layer.ts';
import { passesInClear, windowOffset } from './sign.ts';
import type { ActivationSpec } from '../../spec.ts';
import { truncateInClear } from './truncation.ts';

/**
 * What the protocol computes, bit for bit, given the client's uniform shares: rounding and faults included. All arrays
 * [channels * channelSize]. For simulating whole test sets build the `Layer` once.
 */
export function activationInClear(spec: ActivationSpec, x: Int32Array, xC: Uint32Array): Int32Array {
  return layerInClear(layerOf(spec), x, xC);
}

/** As activationInClear, on a layer already gathered. Throws RangeError for arrays of another size. */
export function layerInClear(layer: Layer, x: Int32Array, xC: Uint32Array): Int32Array {
  if (x.length !== layer.size || xC.length !== layer.size) {
    throw new RangeError(`activation: expected ${layer.size} elements, got ${x.length} and ${xC.length}`);
  }
  const y = new Int32Array(layer.size);
  reluInClear(layer, x, xC, y);
  affineInClear(layer, x, xC, y);
  squareInClear(layer, x, xC, y);
  return y;
}

function reluInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const { k, bits, truncate } = layer.spec.relu;
  const offset = windowOffset(layer.spec.relu);
  for (let j = 0; j < layer.relu.length; j++) {
    const i = layer.relu[j]!;
    const passes = passesInClear(x[i]!, xC[i]!, k, offset, bits - k);
    y[i] = -passes & truncateInClear(x[i]!, xC[i]!, truncate);
  }
}

/** T(multiplier x, t) + offset of element j of the batch. */
function affine(batch: Batch, j: number, t: number, x: Int32Array, xC: Uint32Array): number {
  const i = batch.positions[j]!;
  const multiplier = batch.multiplier[j]!;
  return truncateInClear(Math.imul(multiplier, x[i]!), Math.imul(multiplier, xC[i]!), t) + batch.offset[j]!;
}

function affineInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const { positions } = layer.affine;
  const t = layer.spec.affine.truncate;
  for (let j = 0; j < positions.length; j++) y[positions[j]!] = affine(layer.affine, j, t, x, xC);
}

function squareInClear(layer: Layer, x: Int32Array, xC: Uint32Array, y: Int32Array): void {
  const { positions } = layer.square;
  const { channelSize, square } = layer.spec;
  const sign = ofChannels(square.sign, positions, channelSize);
  const constant = ofChannels(square.constant, positions, channelSize);
  for (let j = 0; j < positions.length; j++) {
    const z = affine(layer.square, j, square.truncate, x, xC);
    y[positions[j]!] = Math.imul(sign[j]!, Math.imul(z, z)) + constant[j]!;
  }
}
