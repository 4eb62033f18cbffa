import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientHandles, generateKeys, serverEncryptor } from '../../../crypto/he/key-jobs.ts';
import { noiseBits } from '../../../crypto/he/noise.ts';
import { hide, maskPlaintext, pairs, switchDown } from '../../../crypto/he/rerandomize.ts';
import {
  linearScheme,
  loadCiphertext,
  loadPlaintext,
  productScheme,
  resetSeal,
  saveCiphertext,
  savePlaintext,
} from '../../../crypto/he/seal.ts';
import type { Ciphertext, Scheme } from '../../../crypto/he/seal.ts';
import { randomWords, systemRng } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';

/**
 * What the client can see of a response beyond its plaintext: the noise, computed from the secret key in exact integers. SEAL draws
 * its own randomness, so the statistics here differ from run to run; thresholds are at a false alarm rate of 10^-6.
 */
const rng = seededRng('privacy');
let scheme: Scheme;
let keys: Awaited<ReturnType<typeof generateKeys>>;
let secret: Int8Array;

beforeAll(async () => {
  scheme = await linearScheme();
  keys = await generateKeys();
  secret = secretCoefficients(scheme, keys.linear);
});
afterAll(resetSeal);

const client = () => clientHandles(scheme, 'test', keys.linear);
const server = () => serverEncryptor(scheme, { id: 'test', publicKey: keys.publicKey });

/** s, ternary, from its NTT form: an inverse transform of a ciphertext (s, s). */
function secretCoefficients(of: Scheme, keyWords: Uint32Array): Int8Array {
  const { primes } = of.freshShape;
  const { degree } = of.params;
  const residues = keyWords.slice(0, 2 * primes * degree);
  const both = new Uint32Array(2 * residues.length);
  both.set(residues);
  both.set(residues, residues.length);
  using ciphertext = loadCiphertext(of, { ...of.freshShape, ntt: true }, both);
  of.evaluator.cipherTransformFromNttInplace(ciphertext);
  const words = saveCiphertext(of, of.freshShape, ciphertext);
  return Int8Array.from({ length: degree }, (_, i) => (words[2 * i + 1] === 0 ? words[2 * i]! : -1));
}

/** c0 + c1 s mod each prime, as doubles. */
function phase(of: Scheme, words: Uint32Array, s: Int8Array, p: number): Float64Array {
  const { degree } = of.params;
  const { primes } = of.freshShape;
  const prime = of.primes[p]!;
  const read = (polynomial: number) =>
    Float64Array.from({ length: degree }, (_, i) => {
      const at = 2 * ((polynomial * primes + p) * degree + i);
      return words[at]! + words[at + 1]! * 2 ** 32;
    });
  const sum = read(0);
  const c1 = read(1);
  for (let j = 0; j < degree; j++) {
    if (s[j] === 0) continue;
    for (let i = 0; i < degree; i++) {
      const to = i + j < degree ? i + j : i + j - degree;
      const negative = i + j < degree ? s[j]! < 0 : s[j]! > 0;
      const value = sum[to]! + (negative ? prime - c1[i]! : c1[i]!);
      sum[to] = value >= prime ? value - prime : value;
    }
  }
  return sum;
}

/** Distance of c0 + c1 s from the nearest multiple of Q / t, coefficient by coefficient. */
function noiseOf(of: Scheme, ciphertext: Ciphertext, s: Int8Array): number[] {
  const words = saveCiphertext(of, of.freshShape, ciphertext);
  const [q0, q1] = of.primes.slice(0, 2).map(BigInt) as [bigint, bigint];
  const [first, second] = [phase(of, words, s, 0), phase(of, words, s, 1)];
  const modulus = q0 * q1;
  const t = BigInt(of.plain);
  let inverse = 1n;
  for (let e = q1 - 2n, b = q0 % q1; e > 0n; e >>= 1n, b = (b * b) % q1)
    if (e & 1n) inverse = (inverse * b) % q1;
  return Array.from(first, (low, i) => {
    const difference = (((BigInt(second[i]!) - BigInt(low)) % q1) + q1) % q1;
    const value = BigInt(low) + q0 * ((difference * inverse) % q1);
    const scaled = (value * t) % modulus;
    return Number(scaled > modulus / 2n ? scaled - modulus : scaled) / Number(t);
  });
}

/** Sum of `terms` encrypted uniform inputs times weights of which every coefficient is +-127; adds the plain one to `expected`. */
function denseSum(terms: number, expected?: Uint32Array): Ciphertext {
  const { evaluator, seal, params } = scheme;
  let sum: Ciphertext | undefined;
  for (let k = 0; k < terms; k++) {
    const x = randomWords(rng, params.degree);
    const w = Int32Array.from(rng.bytes(params.degree), (byte) => (byte & 1 ? 127 : -127));
    if (expected !== undefined) addNegacyclic(expected, x, w);
    using input = loadPlaintext(scheme, pairs(x));
    using ciphertext = new seal.Ciphertext();
    client().encryptor.encryptSymmetric(input, ciphertext);
    evaluator.cipherTransformToNttInplace(ciphertext);
    using weights = loadPlaintext(scheme, pairs(Uint32Array.from(w)));
    using id = scheme.context.firstParmsId();
    evaluator.plainTransformToNttInplace(weights, id);
    evaluator.multiplyPlainInplace(ciphertext, weights);
    if (sum === undefined) sum = ciphertext.clone();
    else evaluator.addInplace(sum, ciphertext);
  }
  evaluator.cipherTransformFromNttInplace(sum!);
  return sum!;
}

function addNegacyclic(target: Uint32Array, a: Uint32Array, b: Int32Array): void {
  const n = a.length;
  for (let j = 0; j < n; j++) {
    for (let i = 0; i < n; i++) {
      const to = i + j < n ? i + j : i + j - n;
      target[to] = target[to]! + (i + j < n ? Math.imul(a[i]!, b[j]!) : -Math.imul(a[i]!, b[j]!));
    }
  }
}

/** Largest distance of two empirical distributions. */
function kolmogorovSmirnov(a: number[], b: number[]): number {
  const x = a.toSorted((p, q) => p - q);
  const y = b.toSorted((p, q) => p - q);
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    if (x[i]! <= y[j]!) i++;
    else j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest;
}

const threshold = (n: number) => Math.sqrt(-Math.log(1e-6 / 2) / 2) * Math.sqrt(2 / n);
const uniformMask = () => maskPlaintext(scheme, randomWords(rng, scheme.params.degree));

test('the noise of dense worst-case weights stays below its bound', () => {
  const terms = 20;
  using held = denseSum(terms);
  const noise = noiseOf(scheme, held, secret);
  const bound = noiseBits(terms * scheme.params.degree, 7);
  const largest = Math.log2(Math.max(...noise.map(Math.abs)));
  expect(largest).toBeLessThan(bound);
  // And the bound is not idle: the largest of 4,096 normal values is about 4 deviations, the bound 28.4 / 3.2.
  expect(largest).toBeGreaterThan(bound - 3);
});

test('worst-case weights decrypt exactly after flooding and the switch', () => {
  const expected = new Uint32Array(scheme.params.degree);
  using held = denseSum(4, expected);
  using mask = maskPlaintext(scheme, new Uint32Array(scheme.params.degree));
  using hidden = hide(scheme, server(), held, mask, systemRng);
  using small = loadCiphertext(scheme, scheme.keptShape, switchDown(scheme, hidden));
  using plaintext = new scheme.seal.Plaintext();
  client().decryptor.decrypt(small, plaintext);
  const words = savePlaintext(scheme, plaintext);
  expect(expected.map((_, i) => words[2 * i] ?? 0)).toEqual(expected);
});

test('flooded noise has one distribution for no weights and for worst-case weights', () => {
  const degree = scheme.params.degree;
  using held = denseSum(20);
  using mask = uniformMask();
  using plain = hide(scheme, server(), undefined, mask, systemRng);
  using dense = hide(scheme, server(), held, mask, systemRng);
  const [quiet, loud] = [noiseOf(scheme, plain, secret), noiseOf(scheme, dense, secret)];
  expect(kolmogorovSmirnov(quiet, loud)).toBeLessThan(threshold(degree));
  // Uniform over 31 / 32 of Q / t = 2^61, less the primes' distance from powers of two.
  const half = 2 ** 60 * (31 / 32);
  const uniform = quiet.map((_, i) => half * ((2 * i + 1) / degree - 1));
  expect(kolmogorovSmirnov(loud, uniform)).toBeLessThan(threshold(degree));
});

test('without flooding the same comparison tells the weights apart', () => {
  using held = denseSum(20);
  using zero = new scheme.seal.Ciphertext();
  server().encryptZero(zero);
  const quiet = noiseOf(scheme, zero, secret);
  scheme.evaluator.addInplace(zero, held);
  const loud = noiseOf(scheme, zero, secret);
  expect(kolmogorovSmirnov(quiet, loud)).toBeGreaterThan(3 * threshold(scheme.params.degree));
});

test('products: the noise of a worst-case factor leaves the flooding 40 bits, and it decrypts', async () => {
  for (const index of [0, 1]) {
    const product = await productScheme(index);
    const { degree } = product.params;
    const handles = clientHandles(product, 'test', keys.product);
    const encryptor = serverEncryptor(product, { id: 'test', publicKey: keys.publicKey });
    const slots = BigUint64Array.from(randomWords(rng, degree), BigInt);
    using u = new product.seal.Plaintext();
    product.batch!.encode(slots, u);
    using ciphertext = new product.seal.Ciphertext();
    handles.encryptor.encryptSymmetric(u, ciphertext);
    // Every coefficient of the factor +-(t - 1) / 2, the largest there is.
    const half = (product.plain - 1) / 2;
    const words = new Uint32Array(2 * degree);
    for (let i = 0; i < degree; i++) {
      const value = rng.bytes(1)[0]! & 1 ? half : product.plain - half;
      words[2 * i] = value;
      words[2 * i + 1] = value / 2 ** 32;
    }
    using factor = loadPlaintext(product, words);
    using id = product.context.firstParmsId();
    product.evaluator.plainTransformToNttInplace(factor, id);
    product.evaluator.cipherTransformToNttInplace(ciphertext);
    product.evaluator.multiplyPlainInplace(ciphertext, factor);
    product.evaluator.cipherTransformFromNttInplace(ciphertext);
    // Budget = log2(Q / (2 t noise)), rounded down; flooding is at least 2^-1 of Q / t wide.
    expect(handles.decryptor.invariantNoiseBudget(ciphertext)).toBeGreaterThanOrEqual(41);
    using mask = new product.seal.Plaintext();
    product.batch!.encode(new BigUint64Array(degree), mask);
    using before = new product.seal.Plaintext();
    handles.decryptor.decrypt(ciphertext, before);
    using hidden = hide(product, encryptor, ciphertext, mask, systemRng);
    using small = loadCiphertext(product, product.keptShape, switchDown(product, hidden));
    using after = new product.seal.Plaintext();
    handles.decryptor.decrypt(small, after);
    expect(product.batch!.decodeBigUint64(after)).toEqual(product.batch!.decodeBigUint64(before));
  }
});
