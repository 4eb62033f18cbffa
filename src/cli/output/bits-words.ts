import type { LeftOut } from '../../../models/graph.ts';
import type { Bits } from '../../../pipelines/simulate/bits-in-order.ts';
import { quoted } from './quoted.ts';

/** '--activation-bits 10 --weight-bits 14 --left-out stem.relu=5', which give a plan with these bits. */
export function bitsFlags({ activationBits, weightBits, leftOut }: Bits): string {
  const windows = leftOut === undefined ? '' : ` --left-out ${quoted(leftOutText(leftOut))}`;
  return `--activation-bits ${activationBits} --weight-bits ${weightBits}${windows}`;
}

/** 'stem.relu=5,stage1.relu=3', as --left-out takes it. */
export function leftOutText(leftOut: LeftOut): string {
  return Object.entries(leftOut)
    .map(([layer, bits]) => `${layer}=${bits}`)
    .join(',');
}

/** '10 and 14, sign tests leave out 2 to 8 more' */
export function bitsText({ activationBits, weightBits, leftOut = {} }: Bits): string {
  const lengths = Object.values(leftOut);
  const [least, most] = [Math.min(...lengths), Math.max(...lengths)];
  const range = least === most ? `${least}` : `${least} to ${most}`;
  const windows = lengths.length === 0 ? '' : `, sign tests leave out ${range} more`;
  return `${activationBits} and ${weightBits}${windows}`;
}

/** Bits for --json, whose keys are never names of layers. */
export function bitsValue<B extends Bits>({ leftOut, ...bits }: B) {
  if (leftOut === undefined) return bits;
  return { ...bits, leftOut: Object.entries(leftOut).map(([layer, bits]) => ({ layer, bits })) };
}
