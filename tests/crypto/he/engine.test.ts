import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answerBytes,
  batchWeights,
  ciphertextSpace,
  packedPolynomialBytes,
  polynomialStride,
  requestCiphertextBytes,
  weightSpace,
} from '../../../crypto/he/engine.ts';
import type { Term } from '../../../crypto/he/server-engine.ts';
import { ciphertextModulus as Q } from '../../../crypto/he/moduli.ts';
import { noiseBoundBits } from '../../../crypto/he/noise.ts';
import { linearScheme, resetSeal } from '../../../crypto/he/seal.ts';
import type { Scheme, Seal } from '../../../crypto/he/seal.ts';
import { plaintextWords } from '../../../crypto/he/serial.ts';
import { linearFaultRate } from '../../../crypto/steps/linear.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { joined, kernelBench, lifted } from '../../helpers/protocol/linear-kernels.ts';
import { seededRng } from '../../helpers/rng.ts';
import {
  freshShape,
  loadCiphertext,
  loadPlaintext,
  pairs,
  saveCiphertext,
  savePlaintext,
} from '../../helpers/protocol/seal.ts';
import type { Ciphertext, Decryptor, Encryptor, Plaintext } from '../../helpers/protocol/seal.ts';
import { sixSigma, trialsZ } from '../../helpers/statistics.ts';
import { expectWithinOne } from '../../helpers/protocol/within-one.ts';

/** The kernels against SEAL, bit for bit where SEAL computes the same, and against integers. */
const n = 4096;
const rng = seededRng('engine');
const bench = kernelBench();
const { engine, moduli } = bench;
const terms = 21;

/** Dense weights of 11 bits; the first all at their limit. */
const weights = Array.from({ length: terms }, (_, i) =>
  i === 0 ? new Int32Array(n).fill(-1023) : new Int32Array(randomWords(rng, n).buffer).map((w) => w >> 21),
);
const inputs = Array.from({ length: terms }, () => randomWords(rng, n));
inputs[1]!.fill(0xffff_ffff);
inputs[2]!.fill(0x8000_0000);
inputs[3]!.fill(0);

let scheme: Scheme;
let decryptor: Decryptor;
let encryptor: Encryptor;
let evaluator: InstanceType<Seal['Evaluator']>;
const transformed = bench.polynomials(3 * terms);
const sent = bench.polynomials(6 * terms);
const request = new Uint8Array(terms * requestCiphertextBytes);
let inSeal: Ciphertext[];
let weightsInSeal: Plaintext[];
let secret: Uint32Array;

beforeAll(async () => {
  scheme = await linearScheme();
  const { seal, context } = scheme;
  evaluator = new seal.Evaluator(context);
  const generator = new seal.KeyGenerator(context);
  const key = generator.secretKey();
  decryptor = new seal.Decryptor(context, key);
  encryptor = new seal.Encryptor(context, generator.createPublicKey(), key);
  const words = plaintextWords(key.saveToArray(seal.ComprModeType.none) as Uint8Array);
  secret = engine.secretOf(Uint32Array.from({ length: 4 * n }, (_, i) => words[2 * i]!));
  engine.useSecret(secret);
  inputs.forEach((m, j) => engine.encrypt(m, rng, request, j * requestCiphertextBytes));
  weights.forEach((w, j) => engine.transform((to) => to.set(w), 11, transformed + j * weightSpace));
  inSeal = inputs.map((_, j) => {
    const at = j * requestCiphertextBytes;
    const seed = request.slice(at + packedPolynomialBytes, at + requestCiphertextBytes);
    expect(engine.readCiphertext(request, at, seed, sent + j * ciphertextSpace)).toBe(true);
    return toSeal(sent + j * ciphertextSpace);
  });
  weightsInSeal = weights.map((w) => {
    const plaintext = loadPlaintext(scheme, pairs(Uint32Array.from(w)));
    evaluator.plainTransformToNttInplace(plaintext, context.firstParmsId());
    return plaintext;
  });
});
afterAll(resetSeal);

/** A centred polynomial in memory modulo prime i, in [0, q). */
const residuesAt = (at: number, i: number) => lifted(engine.words(at).slice(), moduli[i]!.q);

/** A ciphertext in memory, in NTT form, as SEAL's. */
function toSeal(at: number): Ciphertext {
  const words = new Uint32Array(6 * n);
  for (let k = 0; k < 6; k++) words.set(residuesAt(at + k * polynomialStride, k % 3), k * n);
  return loadCiphertext(scheme, freshShape(scheme, true), pairs(words));
}

/** Polynomial k of [2, 3] of a ciphertext of SEAL's. */
function sealResidues(words: Uint32Array, k: number): Uint32Array {
  return Uint32Array.from({ length: n }, (_, i) => words[2 * (k * n + i)]!);
}

const termsOf = (count: number): Term[] =>
  Array.from({ length: count }, (_, j) => [transformed + j * weightSpace, sent + j * ciphertextSpace]);

/** The same sum by SEAL, in NTT form. */
function sealSum(count: number): Ciphertext {
  const { seal } = scheme;
  const sum = new seal.Ciphertext();
  evaluator.multiplyPlain(inSeal[0]!, weightsInSeal[0]!, sum);
  using product = new seal.Ciphertext();
  for (let j = 1; j < count; j++) {
    evaluator.multiplyPlain(inSeal[j]!, weightsInSeal[j]!, product);
    evaluator.addInplace(sum, product);
  }
  return sum;
}

test('the primes are those that SEAL makes for these parameters', () => {
  expect(moduli.map(({ q }) => q)).toEqual(scheme.freshPrimes);
});

test('the transform gives the residues of SEAL in its order, and the inverse undoes it', () => {
  weightsInSeal.forEach((plaintext, j) => {
    const words = savePlaintext(scheme, plaintext);
    for (let i = 0; i < 3; i++) {
      const got = residuesAt(transformed + j * weightSpace + i * polynomialStride, i);
      expect(got).toEqual(sealResidues(words, i));
    }
  });
  for (let i = 0; i < 3; i++) {
    const x = randomWords(rng, n).map((word) => word % moduli[i]!.q);
    const at = bench.of(x);
    bench.ntt(at, i);
    expect(engine.words(at).slice()).not.toEqual(x);
    bench.intt(at, i);
    expect(engine.words(at).slice()).toEqual(x);
  }
});

test('own encryptions decrypt in SEAL, with the noise budget of its own', () => {
  const { seal } = scheme;
  using fresh = new seal.Ciphertext();
  using message = loadPlaintext(scheme, pairs(inputs[0]!));
  encryptor.encryptSymmetric(message, fresh);
  const budget = decryptor.invariantNoiseBudget(fresh);
  inputs.forEach((m, j) => {
    using ciphertext = toSeal(sent + j * ciphertextSpace);
    evaluator.cipherTransformFromNttInplace(ciphertext);
    expect(Math.abs(decryptor.invariantNoiseBudget(ciphertext) - budget)).toBeLessThanOrEqual(1);
    using plaintext = new seal.Plaintext();
    decryptor.decrypt(ciphertext, plaintext);
    const words = savePlaintext(scheme, plaintext);
    expect(m.map((_, i) => words[2 * i] ?? 0)).toEqual(m);
  });
});

test.each([1, 2, 3, 4, 5, 8, 9, 15, 16, 17, terms])('a sum of %i products is that of SEAL', (count) => {
  const out = bench.polynomials(6);
  engine.multiply(termsOf(count), out, false);
  using sum = sealSum(count);
  const words = saveCiphertext(scheme, freshShape(scheme, true), sum);
  for (let k = 0; k < 6; k++) {
    const q = BigInt(moduli[k % 3]!.q);
    const got = engine.words(out + k * polynomialStride);
    const want = sealResidues(words, k);
    expect(got.every((word) => word < q)).toBe(true);
    expect(got.map((word) => Number((BigInt(word) << 32n) % q))).toEqual(want);
  }
});

test('a sum in two parts is the sum', () => {
  const [whole, parts] = [bench.polynomials(6), bench.polynomials(6)];
  engine.multiply(termsOf(terms), whole, false);
  engine.multiply(termsOf(terms).slice(0, 13), parts, false);
  engine.multiply(termsOf(terms).slice(13), parts, true);
  for (let k = 0; k < 6; k++) {
    const at = k * polynomialStride;
    expect(engine.words(parts + at).slice()).toEqual(engine.words(whole + at).slice());
  }
});

test.each([1, -1])(
  'no sum wraps: as many terms as a batch has, of the largest residues, signs %i',
  (sign) => {
    const [w, x, out] = [bench.polynomials(3), bench.polynomials(6), bench.polynomials(6)];
    for (let k = 0; k < 6; k++) {
      const half = (moduli[k % 3]!.q - 1) / 2;
      engine.words(x + k * polynomialStride).fill(half);
      if (k < 3) engine.words(w + k * polynomialStride).fill(sign * half);
    }
    engine.multiply(Array<Term>(batchWeights).fill([w, x]), out, false);
    for (let k = 0; k < 6; k++) {
      const q = BigInt(moduli[k % 3]!.q);
      const want = ((((BigInt(sign * batchWeights) * (q - 1n) ** 2n) / 4n) % q) + q) % q;
      const got = engine.words(out + k * polynomialStride);
      expect(got.every((word) => (BigInt(word) << 32n) % q === want)).toBe(true);
    }
  },
);

test('room for eight products: what a fold leaves and the largest products stay within 63 bits', () => {
  for (const { q, fold } of moduli) {
    const product = ((BigInt(q) - 1n) / 2n) ** 2n;
    const left = 2n ** 31n * BigInt(fold) + 2n ** 32n;
    expect(8n * product + left).toBeLessThan(2n ** 63n);
    expect(fold).toBeLessThan(2 ** 22);
  }
});

/** Q W r / t of the 21 dense products, by SEAL's decryption. */
function truth(): Uint32Array {
  const { seal } = scheme;
  using sum = sealSum(terms);
  evaluator.cipherTransformFromNttInplace(sum);
  using plaintext = new seal.Plaintext();
  decryptor.decrypt(sum, plaintext);
  const words = savePlaintext(scheme, plaintext);
  return Uint32Array.from({ length: n }, (_, i) => words[2 * i] ?? 0);
}

const everywhere = Uint32Array.from({ length: n }, (_, i) => i);

/** A public key of this secret key, at an address. */
function publicKey(): number[] {
  const p0 = new Uint8Array(packedPolynomialBytes);
  const seed = rng.bytes(16);
  engine.useSecret(secret);
  engine.publicPart(seed, rng, p0, 0);
  return engine.useKeys(engine.readPublic(p0, 0, seed)!);
}

/** One answer, with both shares. */
function exchange(keys: readonly number[], list: readonly Term[]) {
  const sum = bench.polynomials(6);
  const response = new Uint8Array(answerBytes);
  if (list.length > 0) engine.multiply(list, sum, false);
  const server = engine.answer(sum, keys, everywhere, rng, response, 0).slice();
  return { response, server, client: engine.decrypt(response, 0, everywhere).slice() };
}

test('an own public key is one of SEAL: what it encrypts decrypts', () => {
  const { seal } = scheme;
  const [key] = publicKey() as [number];
  // SEAL wants the special prime too, which encryption drops again: zeros there are a key to zero noise.
  const words = new Uint32Array(8 * n);
  for (let k = 0; k < 6; k++) {
    words.set(residuesAt(key + k * polynomialStride, k % 3), (4 * Math.floor(k / 3) + (k % 3)) * n);
  }
  using ciphertext = loadCiphertext(scheme, freshShape(scheme, true), pairs(dropSpecial(words)));
  evaluator.cipherTransformFromNttInplace(ciphertext);
  using zero = new seal.Plaintext();
  decryptor.decrypt(ciphertext, zero);
  expect(zero.isZero()).toBe(true);
  expect(decryptor.invariantNoiseBudget(ciphertext)).toBeGreaterThan(50);
});

/** [2, 4, N] to [2, 3, N]. */
function dropSpecial(words: Uint32Array): Uint32Array {
  const fresh = new Uint32Array(6 * n);
  fresh.set(words.subarray(0, 3 * n));
  fresh.set(words.subarray(4 * n, 7 * n), 3 * n);
  return fresh;
}

test.each([
  ['no weights', 0],
  ['21 dense polynomials', terms],
])('%s: shares add up, one unit off as often as derived, up and down alike, never two', (_name, count) => {
  const keys = publicKey();
  const exact = count === 0 ? new Uint32Array(n) : truth();
  const list = termsOf(count);
  let [faults, ups, total] = [0, 0, 0];
  for (let round = 0; round < 20; round++) {
    const { server, client } = exchange(keys, list);
    const sum = server.map((word, i) => word + client[i]!);
    faults += expectWithinOne(sum, exact);
    ups += sum.reduce((more, word, i) => more + (word - exact[i]! === 1 ? 1 : 0), 0);
    total += n;
  }
  const rate = new Float64Array(total).fill(linearFaultRate);
  expect(Math.abs(trialsZ(faults, rate))).toBeLessThan(sixSigma);
  expect(Math.abs(trialsZ(ups, new Float64Array(faults).fill(1 / 2)))).toBeLessThan(sixSigma);
  // The derived rate is no wide cover: a tenth more or less would not pass.
  for (const wrong of [0.9, 1.1]) {
    expect(Math.abs(trialsZ(total * linearFaultRate * wrong, rate))).toBeGreaterThan(sixSigma);
  }
});

describe('the noise of a sum', () => {
  const norm = () => Math.sqrt(weights.flatMap((w) => [...w]).reduce((sum, w) => sum + w * w, 0));

  /** c0 + c1 s - round(Q W r / t) of the 21 dense products, from exact integers. */
  function noise(): number[] {
    const sum = bench.polynomials(6);
    engine.multiply(termsOf(terms), sum, false);
    const digits = moduli.map(({ q }, i) => {
      const [c0, c1] = [sum + i * polynomialStride, sum + (3 + i) * polynomialStride];
      const product = engine.words(bench.times(c1, bench.of(secret.subarray(i * n, (i + 1) * n)), i));
      const phase = bench.of(engine.words(c0).map((word, k) => (word + product[k]!) % q));
      bench.intt(phase, i, 'sum');
      return engine.words(phase).slice();
    });
    const exact = truth();
    return joined(digits).map((value, k) => {
      const e = (((value - ((Q * BigInt(exact[k]!) + (1n << 31n)) >> 32n)) % Q) + Q) % Q;
      return Number(2n * e > Q ? e - Q : e);
    });
  }

  test('has the deviation of the formula and stays below the tail bound, which is not idle', () => {
    const e = noise();
    const deviation = Math.sqrt(e.reduce((sum, x) => sum + x * x, 0) / n);
    expect(deviation / (Math.sqrt(10.75) * norm())).toBeGreaterThan(0.93);
    expect(deviation / (Math.sqrt(10.75) * norm())).toBeLessThan(1.07);
    const largest = Math.log2(Math.max(...e.map(Math.abs)));
    // The bound of weights of norm 1, times the norm.
    const bound = noiseBoundBits(1, 1) + Math.log2(norm());
    expect(largest).toBeLessThan(bound);
    expect(largest).toBeGreaterThan(bound - 3.5);
  });
});
test('a request with a residue out of range in any prime is refused', () => {
  const seed = new Uint8Array(16);
  for (let i = 0; i < 3; i++) {
    const bytes = request.slice(0, packedPolynomialBytes);
    expect(engine.readCiphertext(bytes, 0, seed, sent)).toBe(true);
    const at = (i * packedPolynomialBytes) / 3;
    bytes.fill(0xff, at + 100, at + 104);
    expect(engine.readCiphertext(bytes, 0, seed, sent)).toBe(false);
  }
});

test('polynomials that a sum reads side by side lie at different offsets modulo 4,096', () => {
  for (let first = 0; first + 4 <= terms; first += 4) {
    const streams = termsOf(terms)
      .slice(first, first + 4)
      .flatMap(([, x]) => [x, x + 3 * polynomialStride]);
    expect(new Set(streams.map((at) => at % 4096)).size).toBe(streams.length);
  }
});
