import type { OutsideRange } from '../../../pipelines/inference/encoding.ts';
import * as format from '../../shared/format.ts';

/** The warning of an image whose values lie outside what the plan's scales hold. */
export function outsideText({ values, largest, limit }: OutsideRange): string {
  const [what, size] = [values === 1 ? 'value is' : 'values are', largest.toPrecision(3)];
  return (
    `image: ${format.count(values)} ${what} outside the range on which the server's scales were measured: ` +
    `the largest is ${size}, the range ends at ${limit.toPrecision(3)}; the answer may be wrong`
  );
}
