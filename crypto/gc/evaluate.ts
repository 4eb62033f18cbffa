import { ProtocolError } from '../../src/shared/errors.ts';
import { asWords } from '../bits.ts';
import { instancesPerKey, TweakedCipher } from '../hash.ts';
import { andGates, checkShape, gateWords, inputWords, labelWords, tableBytes } from './circuit.ts';
import type { CircuitShape } from './circuit.ts';

/**
 * What the evaluator holds: the labels of both parties' inputs, [wires, instances, 4 words] each, and the
 * garbler's tables.
 */
export type EvaluatorInput = CircuitShape & {
  readonly evaluatorLabels: Uint32Array;
  readonly garblerLabels: Uint32Array;
  readonly tables: Uint8Array;
  readonly salt: Uint8Array;
  /** The salt's keys, when `evaluationKeys` has made them ahead. They serve one evaluation. */
  readonly keys?: TweakedCipher;
};

/**
 * The keys that one evaluation takes: two per gate and chunk. Made online, they would take a tenth of its
 * time.
 */
export function evaluationKeys({ wires, count }: CircuitShape, salt: Uint8Array): TweakedCipher {
  return new TweakedCipher(salt).makeAhead(2 * andGates(wires) * Math.ceil(count / instancesPerKey));
}

/**
 * The colour of each instance's output label, [instances]. Together with the garbler's colours of the zero
 * labels it is a Boolean sharing of the output. Throws ProtocolError when tables or labels have a wrong
 * length.
 */
export function evaluateGarbled(input: EvaluatorInput): Uint8Array<ArrayBuffer> {
  checkInput(input);
  const { wires, count, evaluatorLabels, garblerLabels } = input;
  const tables = asWords(input.tables);
  const colours = new Uint8Array(count);
  const cipher = input.keys ?? new TweakedCipher(input.salt);
  const scratch = new Uint32Array(3 * labelWords * Math.min(count, instancesPerKey));
  for (let from = 0; from < count; from += instancesPerKey) {
    const size = Math.min(instancesPerKey, count - from);
    const words = labelWords * size;
    const carry = scratch.subarray(0, words).fill(0);
    const a = scratch.subarray(words, 2 * words);
    const b = scratch.subarray(2 * words, 3 * words);
    for (let gate = 0; gate < andGates(wires); gate++) {
      const at = gate * count + from;
      sigmaSum(evaluatorLabels, labelWords * at, carry, a);
      sigmaSum(garblerLabels, labelWords * at, carry, b);
      const hashA = cipher.nextKey()(a);
      const hashB = cipher.nextKey()(b);
      halfGates(a, b, hashA, hashB, carry, tables, gateWords * at);
    }
    const top = labelWords * ((wires - 1) * count + from);
    for (let i = 0, j = 0; i < size; i++, j += labelWords) {
      colours[from + i] = (evaluatorLabels[top + j]! ^ garblerLabels[top + j]! ^ carry[j]!) & 1;
    }
  }
  return colours;
}

function checkInput(input: EvaluatorInput): void {
  checkShape(input);
  const words = inputWords(input);
  if (input.evaluatorLabels.length !== words || input.garblerLabels.length !== words) {
    throw new ProtocolError(
      `garbled circuit: expected two inputs of ${words} words, ` +
        `got ${input.evaluatorLabels.length} and ${input.garblerLabels.length}`,
    );
  }
  if (input.tables.byteLength !== tableBytes(input)) {
    throw new ProtocolError(
      `garbled circuit: expected tables of ${tableBytes(input)} bytes, got ${input.tables.byteLength}`,
    );
  }
}

/** out = sigma(x xor carry). */
function sigmaSum(x: Uint32Array, at: number, carry: Uint32Array, out: Uint32Array): void {
  for (let j = 0, i = at; j < out.length; j += 4, i += 4) {
    const x0 = x[i]! ^ carry[j]!;
    const x1 = x[i + 1]! ^ carry[j + 1]!;
    out[j] = x0 ^ x[i + 2]! ^ carry[j + 2]!;
    out[j + 1] = x1 ^ x[i + 3]! ^ carry[j + 3]!;
    out[j + 2] = x0;
    out[j + 3] = x1;
  }
}

/** [ZRE15, Fig. 2]: W_G = H(W_a) + s_a T_G, W_E = H(W_b) + s_b (T_E + W_a), carry += W_G + W_E. */
function halfGates(
  a: Uint32Array,
  b: Uint32Array,
  hashA: Uint32Array,
  hashB: Uint32Array,
  carry: Uint32Array,
  tables: Uint32Array,
  at: number,
): void {
  for (let j = 0, o = at; j < a.length; j += 4, o += 8) {
    // a is sigma(label) = (xL xor xR, xL): its words 2 and 3 are xL, and its words 0 and 1 xor those are xR.
    const s0 = a[j]!;
    const s1 = a[j + 1]!;
    const a0 = a[j + 2]!;
    const a1 = a[j + 3]!;
    const b0 = b[j + 2]!;
    const sa = -(a0 & 1);
    const sb = -(b0 & 1);
    carry[j]! ^= hashA[j]! ^ s0 ^ hashB[j]! ^ b[j]! ^ (sa & tables[o]!) ^ (sb & (tables[o + 4]! ^ a0));
    carry[j + 1]! ^=
      hashA[j + 1]! ^ s1 ^ hashB[j + 1]! ^ b[j + 1]! ^ (sa & tables[o + 1]!) ^ (sb & (tables[o + 5]! ^ a1));
    carry[j + 2]! ^=
      hashA[j + 2]! ^ a0 ^ hashB[j + 2]! ^ b0 ^ (sa & tables[o + 2]!) ^ (sb & (tables[o + 6]! ^ s0 ^ a0));
    carry[j + 3]! ^=
      hashA[j + 3]! ^
      a1 ^
      hashB[j + 3]! ^
      b[j + 3]! ^
      (sa & tables[o + 3]!) ^
      (sb & (tables[o + 7]! ^ s1 ^ a1));
  }
}
