import type { Rng } from '../../../src/shared/random.ts';
import { asWords } from '../../bits.ts';
import { labelBytes, labelWords } from '../../gc/circuit.ts';
import type { ReluSpec } from '../../spec.ts';

/**
 * The sign test: the top bit of v_C + v_S mod 2^m, where v is bits k to B of a share and m = B - k + 1 is the
 * number of wires.
 *
 * k = 0 is exact for |x| < 2^B. For k > 0 the low bits are dropped (Circa: Ghodsi, Jha, Reagen and Garg,
 * NeurIPS 2021), and the test sees floor(x / 2^k) minus the carry of the dropped bits. Circa's fault |x| / p
 * of a prime field does not occur, because the size of the ring is a power of two. The test then needs |x| <
 * 2^B - 2^k: the last 2^k values before 2^B (negPass) or -2^B (posZero) may wrap.
 */
export function windowWires(spec: ReluSpec): number {
  return spec.bits - spec.k + 1;
}

/** The client's window bits as OT choices, [wires, n]. */
export function windowChoices(xC: Uint32Array, spec: ReluSpec): Uint8Array {
  const wires = windowWires(spec);
  const choices = new Uint8Array(wires * xC.length);
  for (let wire = 0, at = 0; wire < wires; wire++) {
    const shift = spec.k + wire;
    for (let i = 0; i < xC.length; i++, at++) choices[at] = (xC[i]! >>> shift) & 1;
  }
  return choices;
}

/** What S adds to its share before it cuts the window. Adding 2^k lets small negative values pass. */
export function windowOffset(spec: ReluSpec): number {
  return spec.mode === 'negPass' ? 2 ** spec.k : 0;
}

/**
 * Writes the labels of S's window bits, [wires, n, 4 words], to `out`. `zeros` gives the zero labels wire by
 * wire, the same bytes as at garbling.
 */
export function writeServerLabels(
  xS: Uint32Array,
  spec: ReluSpec,
  zeros: Rng,
  delta: Uint32Array,
  out: Uint32Array,
): void {
  const offset = windowOffset(spec);
  for (let wire = 0; wire < windowWires(spec); wire++) {
    const labels = asWords(zeros.bytes(labelBytes * xS.length));
    selectLabels(xS, offset, spec.k + wire, labels, delta, out, wire * labelWords * xS.length);
  }
}

function selectLabels(
  xS: Uint32Array,
  offset: number,
  shift: number,
  zeros: Uint32Array,
  delta: Uint32Array,
  out: Uint32Array,
  to: number,
): void {
  const [d0, d1, d2, d3] = [delta[0]!, delta[1]!, delta[2]!, delta[3]!];
  for (let i = 0, j = 0, o = to; i < xS.length; i++, j += 4, o += 4) {
    const bit = -(((xS[i]! + offset) >>> shift) & 1);
    out[o] = zeros[j]! ^ (bit & d0);
    out[o + 1] = zeros[j + 1]! ^ (bit & d1);
    out[o + 2] = zeros[j + 2]! ^ (bit & d2);
    out[o + 3] = zeros[j + 3]! ^ (bit & d3);
  }
}

/** d in the clear, faults included, given the client's share: 1 when x passes. */
export function passesInClear(x: number, xC: number, k: number, offset: number, topOfWindow: number): number {
  const sum = (xC >>> k) + ((x - xC + offset) >>> k);
  return ((sum >>> topOfWindow) & 1) ^ 1;
}

/**
 * The probability, over the client's uniform share, that the sign test is wrong at x, where |x| < 2^bits -
 * 2^k when k > 0. `posZero` takes 0 <= x < 2^k for negative with probability 1 - (x + 1) / 2^k. `negPass`
 * lets -2^k <= x < 0 pass with probability (x + 2^k + 1) / 2^k.
 */
export function faultProbability(x: number, k: number, mode: ReluSpec['mode']): number {
  const size = 2 ** k;
  if (mode === 'posZero') return x >= 0 && x < size ? 1 - (x + 1) / size : 0;
  return x >= -size && x < 0 ? (x + size + 1) / size : 0;
}
