/**
 * The only circuit of the protocol: the top bit of v_C + v_S mod 2^m for the m-bit windows of two shares, by the carry
 * chain with one AND gate a bit,
 *
 *   c_0 = 0,   c_{j+1} = c_j xor ((v_C[j] xor c_j) and (v_S[j] xor c_j)),   out = v_C[m-1] xor v_S[m-1] xor c_{m-1}
 *
 * Boyar, Peralta and Pochuev, 'On the multiplicative complexity of Boolean functions over the basis (and, xor, 1)' (2000).
 * XOR gates are free [KS08]. All instances of a layer are worked gate by gate, in chunks that share a hash key.
 *
 * Labels are 128 bits, 4 words; the labels of a layer are [wires, instances, 4 words]. The lowest bit of a label's first word is
 * its colour (point and permute); the lowest bit of Delta is 1, so the two labels of a wire differ in colour. c_0 is a
 * constant wire: both its zero label and the label the evaluator holds are 0.
 */
export const labelWords = 4;
export const labelBytes = 16;

/** Two ciphertexts of 128 bits an AND gate [ZRE15]. */
export const gateWords = 8;
export const gateBytes = 32;

export const maxWires = 32;

/** `wires` window bits and `count` instances, both checked. */
export type Shape = { readonly wires: number; readonly count: number };

/** Throws RangeError for a window of no bits, one wider than the ring, or a count that is no count. */
export function checkShape(shape: Shape): void {
  const { wires, count } = shape;
  if (!Number.isInteger(wires) || wires < 1 || wires > maxWires) {
    throw new RangeError(`garbled circuit: expected 1 to ${maxWires} window bits, got ${wires}`);
  }
  if (!Number.isInteger(count) || count < 0) {
    throw new RangeError(`garbled circuit: expected a number of instances, got ${count}`);
  }
}

export function andGates(wires: number): number {
  return wires - 1;
}

/** Words of the labels of one party's input. */
export function inputWords({ wires, count }: Shape): number {
  return labelWords * wires * count;
}

/** Bytes of the tables of all instances: [gates, instances, 2 ciphertexts]. */
export function tableBytes({ wires, count }: Shape): number {
  return gateBytes * andGates(wires) * count;
}
