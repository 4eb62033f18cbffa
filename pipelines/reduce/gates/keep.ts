import { replacedElements } from '../../../models/passes/replaced-elements.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';

/**
 * Keeps the `count` elements with the highest scores over all layers, in the order of `byScore`, and replaces
 * all others. Throws RangeError if the layers have fewer elements.
 */
export function keepHighest(
  scores: ReadonlyMap<string, Float32Array>,
  count: number,
  placeOf: (layer: string) => readonly number[],
): ReplacedElements {
  return keepFirst(scores, byScore(scores, placeOf), count);
}

/**
 * The order in which elements are kept: all elements, numbered from layer to layer, by falling score. Equal
 * scores are ordered by layer and channel, and within a channel from the middle of the map outwards, so that
 * the last channel can be cut to the exact count. `placeOf` gives a map's height and width.
 */
export function byScore(
  scores: ReadonlyMap<string, Float32Array>,
  placeOf: (layer: string) => readonly number[],
): Uint32Array {
  const all = concatenated([...scores.values()]);
  const distance = concatenated([...scores].map(([layer, { length }]) => distances(length, placeOf(layer))));
  const channel = channels(scores, placeOf);
  return Uint32Array.from(all.keys()).sort(
    (a, b) => all[b]! - all[a]! || channel[a]! - channel[b]! || distance[a]! - distance[b]! || a - b,
  );
}

/**
 * Keeps the first `count` elements of an order and replaces all others. Throws RangeError if there are fewer.
 */
export function keepFirst(
  scores: ReadonlyMap<string, Float32Array>,
  order: Uint32Array,
  count: number,
): ReplacedElements {
  if (count > order.length)
    throw new RangeError(`expected at most ${order.length} ReLUs to keep, got ${count}`);
  const replaced = new Uint8Array(order.length).fill(1);
  for (const i of order.subarray(0, count)) replaced[i] = 0;
  let end = 0;
  return replacedElements(
    [...scores].map(([layer, { length }]) => [layer, replaced.slice(end, (end += length))]),
  );
}

/** The squared distance of each of a layer's elements from the middle of its map of [height, width]. */
function distances(length: number, [height = 1, width = 1]: readonly number[]): Float32Array {
  const from = (at: number, size: number) => (at - (size - 1) / 2) ** 2;
  return Float32Array.from({ length }, (_, e) => {
    const place = e % (height * width);
    return from(Math.floor(place / width), height) + from(place % width, width);
  });
}

/** The number of each element's channel, counted from layer to layer. */
function channels(
  scores: ReadonlyMap<string, Float32Array>,
  placeOf: (layer: string) => readonly number[],
): Float32Array {
  let first = 0;
  return concatenated(
    [...scores].map(([layer, { length }]) => {
      const places = placeOf(layer).reduce((a, b) => a * b, 1);
      const numbers = Float32Array.from({ length }, (_, e) => first + Math.floor(e / places));
      first += length / places;
      return numbers;
    }),
  );
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
