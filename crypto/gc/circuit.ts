/**
 * The only circuit of the protocol. It gives the top bit of v_C + v_S mod 2^m, where v_C and v_S are m-bit
 * windows of the two shares. It is the carry chain with one AND gate per bit (Boyar, Peralta and Pochuev, 'On
 * the multiplicative complexity of Boolean functions over the basis (and, xor, 1)', Theoretical Computer
 * Science, 2000):
 *
 *   c_0 = 0,   c_{j+1} = c_j xor ((v_C[j] xor c_j) and (v_S[j] xor c_j))
 *   out = v_C[m-1] xor v_S[m-1] xor c_{m-1}
 *
 * XOR gates are free [KS08]. All instances of a layer are worked on gate by gate, in chunks that share a hash
 * key.
 *
 * A label has 128 bits, 4 words, and the labels of a layer are [wires, instances, 4 words]. The lowest bit of
 * a label's first word is its colour (point and permute). The lowest bit of Delta is 1, so the two labels of
 * a wire differ in colour. c_0 is a constant wire: its zero label is 0, and the evaluator holds 0.
 */
export const labelWords = 4;
export const labelBytes = 16;

/** An AND gate has two ciphertexts of 128 bits [ZRE15]. */
export const gateWords = 8;
export const gateBytes = 32;

export const maxWires = 32;

/** The size of a layer of circuits: `wires` window bits per instance and `count` instances. */
export type CircuitShape = { readonly wires: number; readonly count: number };

/** Throws RangeError unless the window has 1 to 32 bits and the count is a whole number. */
export function checkShape(shape: CircuitShape): void {
  const { wires, count } = shape;
  if (!Number.isInteger(wires) || wires < 1 || wires > maxWires) {
    throw new RangeError(`garbled circuit: expected 1 to ${maxWires} window bits, got ${wires}`);
  }
  if (!Number.isInteger(count) || count < 0) {
    throw new RangeError(`garbled circuit: expected a whole number of instances, got ${count}`);
  }
}

export function andGates(wires: number): number {
  return wires - 1;
}

/** The number of words that the labels of one party's input take. */
export function inputWords({ wires, count }: CircuitShape): number {
  return labelWords * wires * count;
}

/** The number of bytes that the tables of all instances take: [gates, instances, 2 ciphertexts]. */
export function tableBytes({ wires, count }: CircuitShape): number {
  return gateBytes * andGates(wires) * count;
}
