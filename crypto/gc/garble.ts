import { ReluctantError } from '../../src/shared/errors.ts';
import { asBytes } from '../bits.ts';
import { instancesPerKey, TweakedCipher } from '../hash.ts';
import { andGates, checkShape, gateWords, inputWords, labelWords, tableBytes } from './circuit.ts';
import type { CircuitShape } from './circuit.ts';

export type Garbled = {
  /** [gates, instances, T_G then T_E]; goes to the evaluator. */
  readonly tables: Uint8Array<ArrayBuffer>;
  /** [instances]: the colour of the output's zero label; stays with the garbler. */
  readonly colours: Uint8Array<ArrayBuffer>;
};

/** What garbling one layer takes. All of it is secret except `salt`. */
export type GarblerInput = CircuitShape & {
  /** 4 words; the lowest bit is 1. */
  readonly delta: Uint32Array;
  /** The zero labels of v_C and v_S, [wires, instances, 4 words] each. */
  readonly evaluatorZero: Uint32Array;
  readonly garblerZero: Uint32Array;
  /** 16 public bytes, fresh for each garbling. */
  readonly salt: Uint8Array;
};

/**
 * Garbles the carry chain of circuit.ts with half gates [ZRE15, Fig. 2]. Throws RangeError when sizes
 * disagree.
 */
export function garble(input: GarblerInput): Garbled {
  checkInput(input);
  const { wires, count, evaluatorZero, garblerZero } = input;
  const tables = new Uint32Array(tableBytes(input) / 4);
  const colours = new Uint8Array(count);
  const chunk = new GarbleChunk(input.delta, Math.min(count, instancesPerKey));
  const cipher = new TweakedCipher(input.salt);
  for (let from = 0; from < count; from += instancesPerKey) {
    const size = Math.min(instancesPerKey, count - from);
    chunk.start(size);
    for (let gate = 0; gate < andGates(wires); gate++) {
      const at = gate * count + from;
      chunk.load(evaluatorZero, garblerZero, labelWords * at);
      chunk.gate(cipher, tables, gateWords * at);
    }
    chunk.colours(evaluatorZero, garblerZero, labelWords * ((wires - 1) * count + from), colours, from);
  }
  return { tables: asBytes(tables), colours };
}

function checkInput(input: GarblerInput): void {
  checkShape(input);
  const words = inputWords(input);
  if (input.evaluatorZero.length !== words || input.garblerZero.length !== words) {
    throw new RangeError(
      `garble: expected two inputs of ${words} words, ` +
        `got ${input.evaluatorZero.length} and ${input.garblerZero.length}`,
    );
  }
  if (input.delta.length !== labelWords || (input.delta[0]! & 1) !== 1) {
    throw new ReluctantError('garble: expected a Delta of 4 words with lowest bit 1');
  }
}

/**
 * The buffers of one chunk of instances: sigma of both labels of both AND inputs, and the zero labels of the
 * carry.
 */
class GarbleChunk {
  readonly #delta: Uint32Array;
  readonly #carry: Uint32Array;
  readonly #a: Uint32Array;
  readonly #b: Uint32Array;
  #size = 0;

  constructor(delta: Uint32Array, size: number) {
    this.#delta = delta;
    this.#carry = new Uint32Array(labelWords * size);
    this.#a = new Uint32Array(2 * labelWords * size);
    this.#b = new Uint32Array(2 * labelWords * size);
  }

  start(size: number): void {
    this.#size = size;
    this.#carry.fill(0);
  }

  /**
   * Loads the AND gate's inputs v_C xor c and v_S xor c: sigma of the zero labels, then sigma of the one
   * labels.
   */
  load(evaluatorZero: Uint32Array, garblerZero: Uint32Array, at: number): void {
    const words = labelWords * this.#size;
    loadPair(evaluatorZero, at, this.#carry, this.#a, words, this.#delta);
    loadPair(garblerZero, at, this.#carry, this.#b, words, this.#delta);
  }

  /** Writes the table of one gate and moves on to the next carry. */
  gate(cipher: TweakedCipher, tables: Uint32Array, at: number): void {
    const words = labelWords * this.#size;
    const a = this.#a.subarray(0, 2 * words);
    const b = this.#b.subarray(0, 2 * words);
    const hashA = cipher.nextKey()(a);
    const hashB = cipher.nextKey()(b);
    halfGates(words, this.#delta, a, b, hashA, hashB, this.#carry, tables, at);
  }

  colours(evaluator: Uint32Array, garbler: Uint32Array, at: number, out: Uint8Array, to: number): void {
    for (let i = 0, j = 0; i < this.#size; i++, j += labelWords) {
      out[to + i] = (evaluator[at + j]! ^ garbler[at + j]! ^ this.#carry[j]!) & 1;
    }
  }
}

/** out = sigma(x xor carry) at 0 and sigma(x xor carry xor delta) at `words`. */
function loadPair(
  x: Uint32Array,
  at: number,
  carry: Uint32Array,
  out: Uint32Array,
  words: number,
  delta: Uint32Array,
): void {
  const [d0, d1, d2, d3] = [delta[0]!, delta[1]!, delta[2]!, delta[3]!];
  for (let j = 0, i = at; j < words; j += 4, i += 4) {
    const x0 = x[i]! ^ carry[j]!;
    const x1 = x[i + 1]! ^ carry[j + 1]!;
    const x2 = x0 ^ x[i + 2]! ^ carry[j + 2]!;
    const x3 = x1 ^ x[i + 3]! ^ carry[j + 3]!;
    out[j] = x2;
    out[j + 1] = x3;
    out[j + 2] = x0;
    out[j + 3] = x1;
    const k = words + j;
    out[k] = x2 ^ d0 ^ d2;
    out[k + 1] = x3 ^ d1 ^ d3;
    out[k + 2] = x0 ^ d0;
    out[k + 3] = x1 ^ d1;
  }
}

/**
 * The two half gates of one AND gate [ZRE15, Fig. 2], where p is the colour of a zero label W^0:
 *
 *   T_G = H(W_a^0) + H(W_a^1) + p_b R,   W_G = H(W_a^0) + p_a T_G
 *   T_E = H(W_b^0) + H(W_b^1) + W_a^0,   W_E = H(W_b^0) + p_b (T_E + W_a^0)
 *
 * Then carry += W_G + W_E. Addition is xor, and H(x) is the encryption of sigma(x), plus sigma(x).
 */
function halfGates(
  words: number,
  delta: Uint32Array,
  a: Uint32Array,
  b: Uint32Array,
  hashA: Uint32Array,
  hashB: Uint32Array,
  carry: Uint32Array,
  tables: Uint32Array,
  at: number,
): void {
  const [d0, d1, d2, d3] = [delta[0]!, delta[1]!, delta[2]!, delta[3]!];
  for (let j = 0, k = words, o = at; j < words; j += 4, k += 4, o += 8) {
    const a0 = a[j + 2]!;
    const a1 = a[j + 3]!;
    const a2 = a[j]! ^ a0;
    const a3 = a[j + 1]! ^ a1;
    const pa = -(a0 & 1);
    const pb = -(b[j + 2]! & 1);
    // H(W_b^0) + H(W_b^1), which is T_E + W_a^0
    const e0 = hashB[j]! ^ b[j]! ^ hashB[k]! ^ b[k]!;
    const e1 = hashB[j + 1]! ^ b[j + 1]! ^ hashB[k + 1]! ^ b[k + 1]!;
    const e2 = hashB[j + 2]! ^ b[j + 2]! ^ hashB[k + 2]! ^ b[k + 2]!;
    const e3 = hashB[j + 3]! ^ b[j + 3]! ^ hashB[k + 3]! ^ b[k + 3]!;
    const h0 = hashA[j]! ^ a[j]!;
    const h1 = hashA[j + 1]! ^ a[j + 1]!;
    const h2 = hashA[j + 2]! ^ a[j + 2]!;
    const h3 = hashA[j + 3]! ^ a[j + 3]!;
    const g0 = h0 ^ hashA[k]! ^ a[k]! ^ (pb & d0);
    const g1 = h1 ^ hashA[k + 1]! ^ a[k + 1]! ^ (pb & d1);
    const g2 = h2 ^ hashA[k + 2]! ^ a[k + 2]! ^ (pb & d2);
    const g3 = h3 ^ hashA[k + 3]! ^ a[k + 3]! ^ (pb & d3);
    tables[o] = g0;
    tables[o + 1] = g1;
    tables[o + 2] = g2;
    tables[o + 3] = g3;
    tables[o + 4] = e0 ^ a0;
    tables[o + 5] = e1 ^ a1;
    tables[o + 6] = e2 ^ a2;
    tables[o + 7] = e3 ^ a3;
    carry[j]! ^= h0 ^ (pa & g0) ^ hashB[j]! ^ b[j]! ^ (pb & e0);
    carry[j + 1]! ^= h1 ^ (pa & g1) ^ hashB[j + 1]! ^ b[j + 1]! ^ (pb & e1);
    carry[j + 2]! ^= h2 ^ (pa & g2) ^ hashB[j + 2]! ^ b[j + 2]! ^ (pb & e2);
    carry[j + 3]! ^= h3 ^ (pa & g3) ^ hashB[j + 3]! ^ b[j + 3]! ^ (pb & e3);
  }
}
