declare const polarity: unique symbol;

/**
 * Which ReLUs go, by activation layer: of [C, H, W] elements 1 for each that something else takes the place of, 0 for those that
 * stay; an element that is no ReLU any more may be either, and a layer without an entry stays whole. Masks have this polarity
 * everywhere: what ranks the ReLUs to keep gives all the others.
 */
export type ReplacedElements = ReadonlyMap<string, Uint8Array> & { readonly [polarity]: 'replaced' };

/** What is 1 in each layer's elements is replaced: the only way to make one, so that no mask of another polarity is taken for it. */
export function replacedElements(
  layers: Iterable<readonly [layer: string, replaced: Uint8Array]> = [],
): ReplacedElements {
  return new Map(layers) as ReadonlyMap<string, Uint8Array> as ReplacedElements;
}
