import type { OpAttributes } from '../../../models/graph.ts';

/**
 * The number of elements that each window's average divides by. With `countIncludePad` the padding counts;
 * what ceilMode adds never counts.
 */
export function countsAlong(
  { kernel, strides, pads, countIncludePad }: OpAttributes['AveragePool'],
  axis: 0 | 1,
  length: number,
  count: number,
): number[] {
  const low = countIncludePad ? -pads[axis] : 0;
  const high = length + (countIncludePad ? pads[axis + 2]! : 0);
  return Array.from({ length: count }, (_, i) => {
    const start = i * strides[axis] - pads[axis];
    return Math.min(start + kernel[axis], high) - Math.max(start, low);
  });
}

/** Whether windows at the border may average fewer elements than the others. */
export function isUneven({ pads, countIncludePad, ceilMode }: OpAttributes['AveragePool']): boolean {
  return ceilMode || (!countIncludePad && pads.some((pad) => pad > 0));
}
