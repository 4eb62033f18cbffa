import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  answerBytes,
  packedPolynomialBytes,
  polynomialStride,
  publicWords,
  requestCiphertextBytes,
} from '../../crypto/he/engine.ts';
import { linearKeys, linearSeed, seedPartBytes } from '../../crypto/he/keys.ts';
import { ciphertextModulus as Q } from '../../crypto/he/moduli.ts';
import { resetSeal } from '../../crypto/he/seal.ts';
import { HeClient } from '../../crypto/he/linear.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { tags } from '../../crypto/channel/channel.ts';
import { heKeysServer, heOpenServer } from '../../crypto/steps/linear.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { randomWords } from '../../src/shared/random.ts';
import { heSession } from '../helpers/protocol/he.ts';
import {
  inverses,
  joined,
  kernelBench,
  lifted,
  residuesOfDigits,
} from '../helpers/protocol/linear-kernels.ts';
import { seededRng } from '../helpers/rng.ts';
import { residuesZ, sixSigma, uniformityZ } from '../helpers/statistics.ts';

/**
 * What each party sees of a linear layer beyond what it should: the server a request, the client c1. Each property is
 * shown to fail where what makes it hold is left out.
 */
const n = 4096;
const rng = seededRng('linear privacy');
const bench = kernelBench();
const { engine, kernels, moduli } = bench;
const { q: q0 } = moduli[0]!;
const weight = 5;
const everywhere = Uint32Array.from({ length: n }, (_, i) => i);

let secret: Uint32Array;
let publicKey: Uint32Array;
/** The address of the session's public key. */
const loadKey = () => engine.useKeys(publicKey)[0]!;
/** Twenty dense polynomials of weights, and the encrypted inputs that they are multiplied with. */
const terms: [number, number][] = [];
/** A single constant weight on the first input. */
let constant: number;
beforeAll(async () => {
  const session = await heSession(rng);
  secret = session.secret;
  publicKey = session.checked;
  engine.useSecret(secret);
  for (let i = 0; i < 20; i++) {
    const [w, x] = [bench.polynomials(3), bench.polynomials(6)];
    engine.transform(
      (to) => to.set(Int32Array.from(rng.bytes(n), (byte) => (byte & 1 ? 1023 : -1023))),
      10,
      w,
    );
    readRequest(encrypted(randomWords(rng, n)), x);
    terms.push([w, x]);
  }
  constant = bench.polynomials(3);
  engine.transform((to) => void (to[0] = weight), 20, constant);
});
afterAll(resetSeal);

function encrypted(m: Uint32Array): Uint8Array {
  const request = new Uint8Array(requestCiphertextBytes);
  engine.useSecret(secret);
  engine.encrypt(m, rng, request, 0);
  return request;
}

function readRequest(request: Uint8Array, to: number): void {
  expect(engine.readCiphertext(request, 0, request.slice(packedPolynomialBytes), to)).toBe(true);
}

/** What the client receives, and c1 before it is rounded: its digits modulo each prime. */
function answerTo(list: readonly [number, number][], keys: readonly number[]) {
  const sum = bench.polynomials(6);
  const response = new Uint8Array(answerBytes);
  if (list.length > 0) engine.multiply(list, sum, false);
  const server = engine.answer(sum, keys, everywhere, rng, response, 0).slice();
  const digits = moduli.map((_, i) => engine.words(sum + (3 + i) * polynomialStride).slice());
  return { response, server, digits };
}

/** The digits modulo prime i of c1 of a sum of products alone. */
function productDigits(list: readonly [number, number][], i: number): Uint32Array {
  const sum = bench.polynomials(6);
  if (list.length > 0) engine.multiply(list, sum, false);
  const c1 = sum + (3 + i) * polynomialStride;
  bench.intt(c1, i, 'sum');
  return engine.words(c1).slice();
}

/** c1 less the products, as the client computes it who guesses the weights right: modulo the first prime. */
function afterGuess(digits: readonly Uint32Array[], list: readonly [number, number][]): Uint32Array {
  const guessed = productDigits(list, 0);
  return residuesOfDigits(
    digits[0]!.map((y, k) => (y + q0 - guessed[k]!) % q0),
    0,
  );
}

const small = (residue: number) => Math.min(residue, q0 - residue);

describe('the server sees', () => {
  const residues = (request: Uint8Array) => {
    const at = bench.polynomials(6);
    readRequest(request, at);
    return lifted(engine.words(at).slice(), q0);
  };

  test('uniform residues for any input, and fresh ones each time', () => {
    for (const value of [0, 12_345]) {
      const input = new Uint32Array(n).fill(value);
      const [first, second] = [residues(encrypted(input)), residues(encrypted(input))];
      const difference = first.map((residue, i) => (residue + q0 - second[i]!) % q0);
      for (const seen of [first, difference]) expect(residuesZ(seen, q0)).toBeLessThan(sixSigma);
    }
  });

  test('planted: without c1 s in it, the difference of two requests for one input is the errors', () => {
    const bare = () => {
      const error = Int32Array.from(rng.bytes(n), (byte) => (byte & 7) - 4);
      return Uint32Array.from(error, (e) => (12_345 * 2 ** 16 + e + q0) % q0);
    };
    const [first, second] = [bare(), bare()];
    const difference = first.map((residue, i) => (residue + q0 - second[i]!) % q0);
    expect(residuesZ(difference, q0)).toBeGreaterThan(sixSigma);
  });

  /** c0 + c1 s of an encryption of zero, exactly: its error. */
  function errorOf(request: Uint8Array): number[] {
    const at = bench.polynomials(6);
    readRequest(request, at);
    const digits = moduli.map(({ q, digit }, i) => {
      const [c0, c1] = [at + i * polynomialStride, at + (3 + i) * polynomialStride];
      engine.words(c1).set(lifted(engine.words(c1).slice(), q));
      const product = engine.words(bench.times(c1, bench.of(secret.subarray(i * n, (i + 1) * n)), i));
      const phase = lifted(engine.words(c0).slice(), q).map((word, k) => (word + product[k]!) % q);
      const out = bench.of(phase);
      bench.intt(out, i);
      return engine.words(out).map((word) => Number((BigInt(word) * BigInt(digit[0])) % BigInt(q)));
    });
    return joined(digits).map(Number);
  }

  /** Of N errors of variance 10.5 the mean square is 10.5 with deviation 0.23. */
  const isBinomial = (errors: readonly number[]) =>
    Math.abs(errors.reduce((sum, e) => sum + e * e, 0) / n - 10.5) < 1.4 &&
    Math.abs(errors.reduce((sum, e) => sum + e, 0) / n) < 0.31 &&
    errors.every((e) => Math.abs(e) <= 21);

  test('an error of the right size, fresh each time; planted: no error, or one that is used twice, shows', () => {
    const [first, second] = [0, 1].map(() => errorOf(encrypted(new Uint32Array(n)))) as [number[], number[]];
    expect(isBinomial(first) && isBinomial(second)).toBe(true);
    expect(isBinomial(first.map((e, i) => (e - second[i]!) / Math.SQRT2))).toBe(true);
    expect(isBinomial(first.map(() => 0))).toBe(false);
    expect(isBinomial(first.map((e) => (e - e) / Math.SQRT2))).toBe(false);
  });
});

describe('the client sees', () => {
  test('c1 uniform for no weights and for dense worst-case ones, whatever it knows and guesses', () => {
    for (const list of [[], terms]) {
      const { response, digits } = answerTo(list, [loadKey()]);
      expect(uniformityZ(countsOf(response))).toBeLessThan(sixSigma);
      for (const guess of [[], list]) {
        expect(residuesZ(afterGuess(digits, guess), q0)).toBeLessThan(sixSigma);
      }
      const again = answerTo(list, [loadKey()]);
      const difference = digits[0]!.map((y, k) => (y + q0 - again.digits[0]![k]!) % q0);
      expect(residuesZ(difference, q0)).toBeLessThan(sixSigma);
      // 1 in 256 bytes agree by chance.
      const equal = response.reduce((count, byte, i) => count + (byte === again.response[i] ? 1 : 0), 0);
      expect(equal / response.length).toBeLessThan(0.01);
    }
  });

  test('planted: without p1 v, and with a p1 of zeros, the rest of a right guess is the error alone', () => {
    const list: [number, number][] = [[constant, terms[0]![1]]];
    const zeros = engine.useKeys(new Uint32Array(publicWords));
    for (const keys of [[], zeros]) {
      const { digits } = answerTo(list, keys);
      expect(afterGuess(digits, list).every((residue) => small(residue) <= 21)).toBe(true);
      expect(residuesZ(afterGuess(digits, list), q0)).toBeGreaterThan(sixSigma);
      expect(residuesZ(afterGuess(digits, []), q0)).toBeLessThan(sixSigma);
    }
    const { digits } = answerTo(list, [loadKey()]);
    expect(afterGuess(digits, list).some((residue) => small(residue) > 21)).toBe(true);
  });

  /** (p1 v + e1) / p1 modulo the first prime, which is v where there is no e1. */
  function overP1(p1vPlusE1: Uint32Array): Uint32Array {
    const at = bench.of(p1vPlusE1);
    bench.ntt(at, 0);
    const p1 = lifted(engine.words(loadKey() + 3 * polynomialStride).slice(), q0);
    const quotient = bench.times(at, bench.of(inverses(p1, 0)), 0);
    bench.intt(quotient, 0);
    return engine.words(quotient).slice();
  }

  test('an e1 in each answer; planted: without it a division by p1 gives v, and all else follows', () => {
    const { digits } = answerTo([], [loadKey()]);
    expect(residuesZ(overP1(afterGuess(digits, [])), q0)).toBeLessThan(sixSigma);
    const v = Uint32Array.from(rng.bytes(n), (byte) => [q0 - 1, 0, 1][byte % 3]!);
    const at = bench.of(v);
    bench.ntt(at, 0);
    const p1 = bench.of(lifted(engine.words(loadKey() + 3 * polynomialStride).slice(), q0));
    const bare = bench.times(at, p1, 0);
    bench.intt(bare, 0);
    expect(overP1(engine.words(bare).slice())).toEqual(v);
  });
});

/** Counts of the bytes of a message. */
function countsOf(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(256);
  for (const byte of bytes) counts[byte]!++;
  return counts;
}

describe('opened shares', () => {
  /** p0 = sum floor(Q / 3^(k+1)) X^k: 32 bits of a share of p0 v then spell 20 digits of v. */
  function craftedKeys(count: number): Uint32Array {
    const keys = new Uint32Array(count * publicWords);
    for (let j = 0; j < count; j++) {
      moduli.forEach(({ q }, i) => {
        const p0 = bench.of(
          Array.from({ length: n }, (_, k) => Number((Q / 3n ** BigInt(k + 1)) % BigInt(q))),
        );
        const p1 = bench.of(randomWords(rng, n).map((word) => word % q));
        bench.ntt(p0, i);
        [p0, p1].forEach((at, k) => {
          kernels.centre(at, q);
          keys.set(engine.words(at), j * publicWords + (3 * k + i) * n);
        });
      });
    }
    return keys;
  }

  const digitsPerShare = 16;
  /** v as a client reads it from the shares at every 16th position: their balanced ternary digits. */
  function guessV(server: Uint32Array): Int32Array {
    const v = new Int32Array(n);
    for (let last = digitsPerShare - 1; last < n; last += digitsPerShare) {
      let rest = (server[last]! | 0) / 2 ** 32;
      for (let k = 0; k < digitsPerShare; k++) {
        const digit = Math.round(3 * rest);
        v[last - k] = digit;
        rest = 3 * rest - digit;
      }
    }
    return v;
  }

  /** How many coefficients of c1 - p1 v are as small as e1: all where v is right. */
  function explained(v: Int32Array, digits: readonly Uint32Array[], keys: Uint32Array): number {
    const at = bench.of(Uint32Array.from(v, (digit) => ((digit % q0) + q0) % q0));
    bench.ntt(at, 0);
    const p1 = bench.of(lifted(keys.slice(3 * n, 4 * n), q0));
    const product = bench.times(at, p1, 0);
    bench.intt(product, 0);
    const known = engine.words(product);
    const c1 = residuesOfDigits(digits[0]!, 0);
    return c1.filter((residue, k) => small((residue + q0 - known[k]!) % q0) <= 21).length;
  }

  test('planted: of one key, 256 shares give v to a client that chose p0; with the keys that a session makes they do not', () => {
    const attack = (count: number) => {
      const keys = craftedKeys(count);
      const { server, digits } = answerTo([], engine.useKeys(keys));
      return explained(guessV(server), digits, keys);
    };
    expect(attack(1)).toBe(n);
    const count = linearKeys(256, 32);
    expect(count).toBe(4);
    expect(attack(count)).toBeLessThan(50);
  });

  test('one key serves up to 2,000 opened bits; more keys have more digits than all that is opened, and one', () => {
    expect(linearKeys(10, 24)).toBe(1);
    expect(linearKeys(100, 20)).toBe(1);
    expect(linearKeys(101, 20)).toBe(3);
    for (const elements of [101, 200, 1000, 10_000]) {
      const added = linearKeys(elements, 24) - 1;
      expect((added - 1) * 6400).toBeGreaterThanOrEqual(32 * elements);
    }
  });
});

describe('the seeds of p1', () => {
  test('follow from both parts, one for each key, none for two', () => {
    const parts = { client: rng.bytes(seedPartBytes), server: rng.bytes(seedPartBytes) };
    const others = [
      { ...parts, client: rng.bytes(seedPartBytes) },
      { ...parts, server: rng.bytes(seedPartBytes) },
    ];
    const seeds = [parts, ...others].flatMap((some) => [linearSeed(some, 0), linearSeed(some, 1)]);
    expect(new Set(seeds.map((seed) => seed.join())).size).toBe(seeds.length);
  });

  test('a client commits to its part before it sees the server’s: the server sends nothing before', async () => {
    const pool = new ThreadPool(1);
    const [client, server] = memoryChannels();
    const session = (async () => {
      const part = await heOpenServer(server, 0);
      return heKeysServer(pool, server, 0, part, {}, rng);
    })();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.traffic.sent).toBe(0);
    const part = rng.bytes(seedPartBytes);
    await client.send(tags.heSeedPart, 0, part);
    const theirs = await client.receive(tags.heSeedPart, 0, seedPartBytes);
    const he = await HeClient.create(pool);
    await client.send(tags.hePublicKey, 0, await he.publicKey({ client: part, server: theirs }));
    const made = await session;
    // p1 is what the seeds say, whatever the client sends.
    const at = bench.polynomials(6);
    const zeros = new Uint8Array(packedPolynomialBytes);
    expect(engine.readCiphertext(zeros, 0, linearSeed({ client: part, server: theirs }, 0), at)).toBe(true);
    for (let k = 3; k < 6; k++) {
      const p1 = made.publicKeys.slice(k * n, (k + 1) * n);
      expect(p1).toEqual(engine.words(at + k * polynomialStride).slice());
    }
    await pool.close();
  });
});
