declare const polarity: unique symbol;

/**
 * Which ReLUs are replaced, by activation layer: for each element of [C, H, W], 1 if something else replaces
 * its ReLU and 0 if the ReLU stays. An element that is not a ReLU may be either, and a layer without an entry
 * stays whole. All masks have this polarity; a method that ranks the ReLUs to keep returns the complement.
 */
export type ReplacedElements = ReadonlyMap<string, Uint8Array> & { readonly [polarity]: 'replaced' };

/**
 * Makes a mask in which 1 means "replaced". It is the only way to make one, so that a mask of the other
 * polarity cannot be passed by mistake.
 */
export function replacedElements(
  layers: Iterable<readonly [layer: string, replaced: Uint8Array]> = [],
): ReplacedElements {
  return new Map(layers) as ReadonlyMap<string, Uint8Array> as ReplacedElements;
}
