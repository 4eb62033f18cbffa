/** The fewest bits of the largest weight: with fewer, the layer's output is noise. */
export const fewestWeightBits = 5;

/**
 * With this many bits in the largest weight, truncating the input costs more (one round trip) than it gains.
 */
const worthRound = 6;

/** What a linear layer's scales depend on. */
export type LayerLimits = {
  /** The absolute value of its largest weight. */
  readonly largest: number;
  readonly weightBits: number;
  /** The largest scale that its output may have. */
  readonly limit: number;
};

/**
 * The scale of a layer's output for a scale of its input: a power of two. The weights' scale is the real
 * number that leads to it.
 */
export function outputScale({ largest, weightBits, limit }: LayerLimits, input: number): number {
  const weightScale = (2 ** weightBits - 1) / Math.max(largest, 2 ** -20);
  return 2 ** Math.floor(Math.log2(Math.min(input * weightScale, limit)));
}

/** The bits of the largest weight for a scale of the layer's input. */
export function largestWeightBits(layer: LayerLimits, input: number): number {
  return Math.log2((outputScale(layer, input) / input) * layer.largest);
}

/** Whether an input of this scale leaves the weights so few bits that the input is truncated first. */
export function isTooFine(layer: LayerLimits, input: number): boolean {
  const enough = Math.min(layer.weightBits - 2, worthRound);
  return layer.largest > 0 && largestWeightBits(layer, input) < enough;
}
