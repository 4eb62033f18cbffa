import { batchElements, batchesOf } from '../../sign/batch.ts';
import type { KeyPairs } from '../../ot/transfers.ts';
import type { ByKind } from '../../spec.ts';
import { eachKind, elementCount, kindsInOrder } from './layer.ts';
import type { ElementParameters, Layer } from './layer.ts';

/**
 * Online a layer goes in parts, each in a frame of its own in either direction: the client answers a part
 * while the next one is on the wire, and both directions of the network are used at the same time. Part i
 * has batch i of the ReLUs and as many elements of each other kind, if there are so many.
 */

/** The counts of elements of each part; a layer without elements has one part of none. */
export function partCounts(counts: ByKind<number>): ByKind<number>[] {
  const batches = eachKind((kind) => batchesOf(counts[kind]));
  const parts = Math.max(1, ...kindsInOrder.map((kind) => batches[kind].length));
  return Array.from({ length: parts }, (_, i) => eachKind((kind) => batches[kind][i] ?? 0));
}

/** Takes what belongs to a part from what a layer has for each element of a kind, in order. */
export type Cut = {
  /** The number of the part, and so of its batch. */
  readonly index: number;
  readonly of: <T extends Sliceable<T>>(values: T) => T;
};

type Sliceable<T> = { subarray(from: number, to: number): T };

/** Part `index` of a layer. Its positions are those in the whole layer, and so is its size. */
export function partOf(layer: Layer, { of }: Cut): Layer {
  const { spec, size, positions, affine, square } = layer;
  const ofParameters = ({ multiplier, offset }: ElementParameters) => ({
    multiplier: of(multiplier),
    offset: of(offset),
  });
  return {
    ...{ spec, size, affine: ofParameters(affine), square: ofParameters(square) },
    positions: eachKind((kind) => of(positions[kind])),
  };
}

/** One for each part of a layer. */
export function cutsOf(layer: Layer): Cut[] {
  return partCounts(eachKind((kind) => elementCount(layer, kind))).map((_, index) => ({
    index,
    of: (values) => values.subarray(index * batchElements, (index + 1) * batchElements),
  }));
}

export function pairsOf({ k0, k1 }: KeyPairs, { of }: Cut): KeyPairs {
  return { k0: of(k0), k1: of(k1) };
}
