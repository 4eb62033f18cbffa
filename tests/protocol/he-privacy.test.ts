import { afterAll, beforeAll, expect, test } from 'vitest';
import { clientHandles, serverEncryptor } from '../../crypto/he/key-jobs.ts';
import { hide, pairs, switchDown } from '../../crypto/he/rerandomize.ts';
import {
  loadCiphertext,
  loadPlaintext,
  productScheme,
  resetSeal,
  saveCiphertext,
} from '../../crypto/he/seal.ts';
import type { Ciphertext, Encryptor, Plaintext, Scheme } from '../../crypto/he/seal.ts';
import { randomWords, systemRng } from '../../src/shared/random.ts';
import { noiseOf, residuesOf, secretCoefficients } from '../helpers/bfv-noise.ts';
import { heSession } from '../helpers/he.ts';
import { seededRng } from '../helpers/rng.ts';
import { kolmogorovSmirnov, residuesZ, sixSigma, smirnovBound } from '../helpers/statistics.ts';

/**
 * What the client can see of a response to products of private vectors beyond its plaintext: c1, and the noise,
 * computed from the secret key in exact integers. SEAL draws its own randomness, so the statistics here differ from
 * run to run: every bound is crossed by chance once in 10^9 runs. Of linear layers see linear-privacy.test.ts.
 */
const rng = seededRng('privacy');
let session: Awaited<ReturnType<typeof heSession>>;
beforeAll(async () => {
  session = await heSession(rng);
});
afterAll(resetSeal);

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
    const handles = clientHandles(product, 'test', session.client.product);
    const encryptor = serverEncryptor(product, session.server);
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
    using small = loadCiphertext(product, product.switched!.shape, switchDown(product, hidden));
    using after = new product.seal.Plaintext();
    handles.decryptor.decrypt(small, after);
    expect(product.batch!.decodeBigUint64(after)).toEqual(product.batch!.decodeBigUint64(before));
  }
});

test('products: flooded noise has one distribution for no factor and for the worst; without flooding it has not', async () => {
  const product = await productScheme(0);
  const s = secretCoefficients(product, session.client.product);
  const count = 1024;
  const encryptor = serverEncryptor(product, session.server);
  using slots = new product.seal.Plaintext();
  product.batch!.encode(BigUint64Array.from(randomWords(rng, product.params.degree), BigInt), slots);
  using held = worstProduct(product, slots, clientHandles(product, 'test', session.client.product).encryptor);
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

/**
 * c1 of `result` minus `factor` times c1 of the request, modulo the first prime: what is left once the weight
 * is guessed.
 */
function afterGuess(of: Scheme, request: Ciphertext, result: Ciphertext, factor: number): Float64Array {
  const prime = of.primes[0]!;
  const c1Of = (ciphertext: Ciphertext) =>
    residuesOf(of, saveCiphertext(of, of.freshShape, ciphertext), 1, 0);
  const asked = c1Of(request);
  return c1Of(result).map((value, i) => {
    const guessed = Number((BigInt(asked[i]!) * BigInt(factor)) % BigInt(prime));
    return value >= guessed ? value - guessed : value - guessed + prime;
  });
}

test('products: c0 and c1 are uniform, whatever is known of the request and guessed of the factor; without the zero-encryption division reads it off', async () => {
  const of = await productScheme(0);
  const factor = 5;
  const prime = of.primes[0]!;
  const encryptor = serverEncryptor(of, session.server);
  using input = loadPlaintext(of, pairs(randomWords(rng, of.params.degree)));
  using request = new of.seal.Ciphertext();
  clientHandles(of, 'test', session.client.product).encryptor.encryptSymmetric(input, request);
  using constant = loadPlaintext(of, pairs(Uint32Array.of(factor)));
  using held = new of.seal.Ciphertext();
  of.evaluator.multiplyPlain(request, constant, held);
  using mask = new of.seal.Plaintext();
  of.batch!.encode(BigUint64Array.from(randomWords(rng, of.params.degree), BigInt), mask);
  for (const sum of [undefined, held]) {
    using hidden = hide(of, encryptor, sum, mask, systemRng);
    for (const guess of [0, factor]) {
      expect(residuesZ(afterGuess(of, request, hidden, guess), prime)).toBeLessThan(sixSigma);
    }
    const words = saveCiphertext(of, of.freshShape, hidden);
    const [c0, c1] = [residuesOf(of, words, 0, 0), residuesOf(of, words, 1, 0)];
    expect(residuesZ(c0, prime)).toBeLessThan(sixSigma);
    const difference = c0.map((value, i) => (value - c1[i]! + prime) % prime);
    expect(residuesZ(difference, prime)).toBeLessThan(sixSigma);
    using again = hide(of, encryptor, sum, mask, systemRng);
    expect(residuesZ(afterGuess(of, hidden, again, 1), prime)).toBeLessThan(sixSigma);
  }
  // Planted: the mask alone, no encryption of zero.
  using bare = held.clone();
  of.evaluator.addPlainInplace(bare, mask);
  expect(afterGuess(of, request, bare, factor).every((value) => value === 0)).toBe(true);
});
