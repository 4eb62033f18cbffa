import { batchElements, batchesOf, clientBatchSigns, serverBatchBits, signBytes } from '../../sign/batch.ts';
import type { Planes } from '../../ring/planes.ts';
import type { ReluSpec } from '../../spec.ts';
import { windowOf, windowOffset } from './window.ts';

/**
 * The sign test of a layer online, batch by batch: `comparison.ts` of crypto/sign has the formulas. Its
 * output is d = e_C xor e_S, 1 for x >= 0, where e_S is random and fixed offline.
 */
export type ServerSigns = {
  /** Of each batch: S's tables and choices, packed planes. */
  readonly batches: readonly { readonly tables: Uint8Array; readonly choices: Uint8Array }[];
  /** e_S, one bit a byte, and the words that S chose with it. */
  readonly e: Uint8Array;
  readonly h: Uint32Array;
};

/** Of each batch: C's tables, packed planes. */
export type ClientSigns = readonly Uint8Array[];

/** S's bits for all elements, to `out`. */
export function writeServerBits(
  planes: Planes,
  spec: ReluSpec,
  { batches }: ServerSigns,
  xS: Uint32Array,
  out: Uint8Array,
): void {
  const window = windowOf(spec);
  const offset = windowOffset(spec);
  const tested = offset === 0 ? xS : xS.map((x) => x + offset);
  let at = 0;
  for (const [i, { tables, choices }] of batches.entries()) {
    const x = tested.subarray(i * batchElements, (i + 1) * batchElements);
    const bits = serverBatchBits(planes, window, x, tables, choices);
    out.set(bits, at);
    at += bits.length;
  }
}

/** e_C, one bit a byte, from the bits that S sent. */
export function clientSigns(
  planes: Planes,
  spec: ReluSpec,
  tables: ClientSigns,
  xC: Uint32Array,
  bits: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const window = windowOf(spec);
  const share = new Uint8Array(xC.length);
  let at = 0;
  for (const [i, size] of batchesOf(xC.length).entries()) {
    const x = xC.subarray(i * batchElements, i * batchElements + size);
    const length = signBytes(window.bits, size);
    share.set(
      clientBatchSigns(planes, window, x, tables[i]!, bits.subarray(at, at + length)),
      i * batchElements,
    );
    at += length;
  }
  return share;
}
