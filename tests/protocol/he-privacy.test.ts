import { afterAll, beforeAll, expect, test } from 'vitest';
import { cellWidth, createFlood } from '../../crypto/he/flood.ts';
import { clientHandles, generateKeys, serverEncryptor } from '../../crypto/he/key-jobs.ts';
import { noiseBoundBits } from '../../crypto/he/noise.ts';
import { hide, maskPlaintext, pairs, switchDown } from '../../crypto/he/rerandomize.ts';
import {
  linearScheme,
  loadCiphertext,
  loadPlaintext,
  productScheme,
  resetSeal,
  saveCiphertext,
  savePlaintext,
} from '../../crypto/he/seal.ts';
import type { Ciphertext, Encryptor, Plaintext, Scheme } from '../../crypto/he/seal.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import { noiseOf, residuesOf, secretCoefficients } from '../helpers/bfv-noise.ts';
import { seededRng } from '../helpers/rng.ts';
import { kolmogorovSmirnov, residuesZ, sixSigma, smirnovBound, uniformityZ } from '../helpers/statistics.ts';
import { expectWithinOne } from '../helpers/within-one.ts';

/**
 * What the client can see of a response beyond its plaintext: c1, and the noise, computed from the secret key
 * in exact integers. SEAL draws its own randomness, so the statistics here differ from run to run: every
 * bound is crossed by chance once in 10^9 runs.
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

/**
 * Sum of `terms` encrypted uniform inputs times weights of which every coefficient is +-127; adds the plain
 * one to `expected`.
 */
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

const uniformMask = () => maskPlaintext(scheme, randomWords(rng, scheme.params.degree));

test('the noise of dense worst-case weights stays below its bound', () => {
  const terms = 20;
  using held = denseSum(terms);
  const noise = noiseOf(scheme, held, secret);
  const bound = noiseBoundBits(terms * scheme.params.degree, 7);
  const largest = Math.log2(Math.max(...noise.map(Math.abs)));
  expect(largest).toBeLessThan(bound);
  // And the bound is not idle: the largest of 4,096 normal values is about 4 deviations, the bound 28.4 / 3.2.
  expect(largest).toBeGreaterThan(bound - 3);
});

test('worst-case weights decrypt after flooding and the switch, seldom one unit off', () => {
  const expected = new Uint32Array(scheme.params.degree);
  using held = denseSum(4, expected);
  using mask = maskPlaintext(scheme, new Uint32Array(scheme.params.degree));
  using hidden = hide(scheme, server(), held, mask, systemRng);
  using small = loadCiphertext(scheme, scheme.keptShape, switchDown(scheme, hidden));
  using plaintext = new scheme.seal.Plaintext();
  client().decryptor.decrypt(small, plaintext);
  const words = savePlaintext(scheme, plaintext);
  expectWithinOne(
    expected.map((_, i) => words[2 * i] ?? 0),
    expected,
  );
});

/** Counts of noise in 64 bins of a whole cell, Q / t. */
function cellBins(noise: readonly number[]): Uint32Array {
  const width = Number(cellWidth(scheme.freshPrimes, scheme.plain));
  const counts = new Uint32Array(64);
  for (const value of noise) counts[Math.min(63, Math.floor((value / width + 1 / 2) * 64))]!++;
  return counts;
}

test('flooded noise has one distribution for no weights and for worst-case weights: uniform over a whole cell', () => {
  const degree = scheme.params.degree;
  using held = denseSum(20);
  using mask = uniformMask();
  using plain = hide(scheme, server(), undefined, mask, systemRng);
  using dense = hide(scheme, server(), held, mask, systemRng);
  const [quiet, loud] = [noiseOf(scheme, plain, secret), noiseOf(scheme, dense, secret)];
  expect(kolmogorovSmirnov(quiet, loud)).toBeLessThan(smirnovBound(degree));
  for (const noise of [quiet, loud]) expect(uniformityZ(cellBins(noise))).toBeLessThan(sixSigma);
});

test('c0 is uniform for no weights and for worst-case weights, also against c1 of the same response', () => {
  const prime = scheme.primes[0]!;
  using held = denseSum(20);
  using mask = uniformMask();
  for (const sum of [undefined, held]) {
    using hidden = hide(scheme, server(), sum, mask, systemRng);
    const words = saveCiphertext(scheme, scheme.freshShape, hidden);
    const [c0, c1] = [residuesOf(scheme, words, 0, 0), residuesOf(scheme, words, 1, 0)];
    expect(residuesZ(c0, prime)).toBeLessThan(sixSigma);
    const difference = c0.map((value, i) => (value - c1[i]! + prime) % prime);
    expect(residuesZ(difference, prime)).toBeLessThan(sixSigma);
  }
});

test('flooding no wider than the noise shows the weights', () => {
  const { degree } = scheme.params;
  const narrow = { ...scheme, flood: createFlood(degree, scheme.freshPrimes, 2n ** 20n) };
  using held = denseSum(20);
  using mask = uniformMask();
  using plain = hide(narrow, server(), undefined, mask, systemRng);
  using dense = hide(narrow, server(), held, mask, systemRng);
  const [quiet, loud] = [noiseOf(scheme, plain, secret), noiseOf(scheme, dense, secret)];
  // Noise of 2^16.3 beside a width of 2^20 blurs the edges alone; half as wide as the noise it shows everywhere.
  const within = (noise: readonly number[]) => noise.filter((value) => Math.abs(value) > 2 ** 19).length;
  expect(within(quiet)).toBeLessThan(within(loud) / 3);
  const half = { ...scheme, flood: createFlood(degree, scheme.freshPrimes, 2n ** 15n) };
  using blurred = hide(half, server(), held, mask, systemRng);
  using still = hide(half, server(), undefined, mask, systemRng);
  expect(kolmogorovSmirnov(noiseOf(scheme, still, secret), noiseOf(scheme, blurred, secret))).toBeGreaterThan(
    3 * smirnovBound(degree),
  );
});

test('without flooding the same comparison tells the weights apart', () => {
  using held = denseSum(20);
  using zero = new scheme.seal.Ciphertext();
  server().encryptZero(zero);
  const quiet = noiseOf(scheme, zero, secret);
  scheme.evaluator.addInplace(zero, held);
  const loud = noiseOf(scheme, zero, secret);
  expect(kolmogorovSmirnov(quiet, loud)).toBeGreaterThan(3 * smirnovBound(scheme.params.degree));
});

/**
 * c1 of `result` minus `factor` times c1 of the request, modulo the first prime: what is left once the weight
 * is guessed.
 */
function afterGuess(request: Ciphertext, result: Ciphertext, factor: number): Float64Array {
  const prime = scheme.primes[0]!;
  const c1Of = (ciphertext: Ciphertext) =>
    residuesOf(scheme, saveCiphertext(scheme, scheme.freshShape, ciphertext), 1, 0);
  const asked = c1Of(request);
  return c1Of(result).map((value, i) => {
    const guessed = Number((BigInt(asked[i]!) * BigInt(factor)) % BigInt(prime));
    return value >= guessed ? value - guessed : value - guessed + prime;
  });
}

test('c1 is uniform, whatever is known of the request and guessed of the weights; without the zero-encryption division reads them off', () => {
  const { evaluator, seal } = scheme;
  const weight = 5;
  using input = loadPlaintext(scheme, pairs(randomWords(rng, scheme.params.degree)));
  using request = new seal.Ciphertext();
  client().encryptor.encryptSymmetric(input, request);
  using constant = loadPlaintext(scheme, pairs(Uint32Array.of(weight)));
  using product = new seal.Ciphertext();
  evaluator.multiplyPlain(request, constant, product);
  using mask = uniformMask();
  for (const held of [undefined, product]) {
    using hidden = hide(scheme, server(), held, mask, systemRng);
    for (const guess of [0, weight]) {
      expect(residuesZ(afterGuess(request, hidden, guess), scheme.primes[0]!)).toBeLessThan(sixSigma);
    }
    using again = hide(scheme, server(), held, mask, systemRng);
    expect(residuesZ(afterGuess(hidden, again, 1), scheme.primes[0]!)).toBeLessThan(sixSigma);
    const kept = switchDown(scheme, hidden).slice(2 * scheme.params.degree);
    const c1 = Float64Array.from(
      { length: scheme.params.degree },
      (_, i) => kept[2 * i]! + kept[2 * i + 1]! * 2 ** 32,
    );
    expect(residuesZ(c1, scheme.primes[0]!)).toBeLessThan(sixSigma);
  }
  // Planted: the mask alone, no encryption of zero.
  using bare = product.clone();
  evaluator.addPlainInplace(bare, mask);
  expect(afterGuess(request, bare, weight).every((value) => value === 0)).toBe(true);
});

/**
 * A product's parts under one plain prime: encrypted random slots times a factor whose every coefficient is
 * +-(t - 1) / 2, the largest there is.
 */
function worstProduct(product: Scheme, slots: Plaintext, encryptor: Encryptor): Ciphertext {
  const { degree } = product.params;
  const ciphertext = new product.seal.Ciphertext();
  encryptor.encryptSymmetric(slots, ciphertext);
  const half = (product.plain - 1) / 2;
  const words = new Uint32Array(2 * degree);
  const signs = rng.bytes(degree);
  for (let i = 0; i < degree; i++) {
    const value = signs[i]! & 1 ? half : product.plain - half;
    words[2 * i] = value;
    words[2 * i + 1] = value / 2 ** 32;
  }
  using factor = loadPlaintext(product, words);
  using id = product.context.firstParmsId();
  product.evaluator.plainTransformToNttInplace(factor, id);
  product.evaluator.cipherTransformToNttInplace(ciphertext);
  product.evaluator.multiplyPlainInplace(ciphertext, factor);
  product.evaluator.cipherTransformFromNttInplace(ciphertext);
  return ciphertext;
}

test('products: the noise of a worst-case factor is 40 bits below a cell, and it decrypts', async () => {
  for (const index of [0, 1]) {
    const product = await productScheme(index);
    const { degree } = product.params;
    const handles = clientHandles(product, 'test', keys.product);
    const encryptor = serverEncryptor(product, { id: 'test', publicKey: keys.publicKey });
    using u = new product.seal.Plaintext();
    product.batch!.encode(BigUint64Array.from(randomWords(rng, degree), BigInt), u);
    using ciphertext = worstProduct(product, u, handles.encryptor);
    // Budget = log2(Q / (2 t noise)), rounded down.
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

test('products: flooded noise has one distribution for no factor and for the worst; without flooding it has not', async () => {
  const product = await productScheme(0);
  const s = secretCoefficients(product, keys.product);
  const count = 1024;
  const encryptor = serverEncryptor(product, { id: 'test', publicKey: keys.publicKey });
  using slots = new product.seal.Plaintext();
  product.batch!.encode(BigUint64Array.from(randomWords(rng, product.params.degree), BigInt), slots);
  using held = worstProduct(product, slots, clientHandles(product, 'test', keys.product).encryptor);
  using quiet = hide(product, encryptor, undefined, slots, systemRng);
  using loud = hide(product, encryptor, held, slots, systemRng);
  const noise = (of: Ciphertext) => noiseOf(product, of, s, count);
  expect(kolmogorovSmirnov(noise(quiet), noise(loud))).toBeLessThan(smirnovBound(count));
  using zero = new product.seal.Ciphertext();
  encryptor.encryptZero(zero);
  const plain = noise(zero);
  product.evaluator.addInplace(zero, held);
  expect(kolmogorovSmirnov(plain, noise(zero))).toBeGreaterThan(3 * smirnovBound(count));
});
