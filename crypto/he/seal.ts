import initializeSeal from 'node-seal';
import { linearParams, productParams } from '../params.ts';
import { readSeal } from '../platform/platform.ts';
import type { Params } from '../params.ts';
import { cellWidth, createFlood } from './flood.ts';
import type { Flood } from './flood.ts';
import { ciphertextBytes, ciphertextWords, plaintextBytes, plaintextWords } from './serial.ts';
import type { CiphertextShape } from './serial.ts';

/**
 * The only file that imports node-seal, loaded in worker threads alone (implementations.ts). SEAL objects
 * never leave their thread and are freed by scope (`using`). What goes in and out is words: u64 values as
 * pairs of u32.
 */
export type Seal = Awaited<ReturnType<typeof initializeSeal>>;
type Handle<K extends keyof Seal> = Seal[K] extends new (...args: never[]) => infer T ? T : never;
export type Ciphertext = Handle<'Ciphertext'>;
export type Plaintext = Handle<'Plaintext'>;
export type Encryptor = Handle<'Encryptor'>;
export type Decryptor = Handle<'Decryptor'>;
type Context = Handle<'SEALContext'>;

/** SEAL's objects for parameters with one plain modulus. */
export type Scheme = {
  readonly seal: Seal;
  readonly params: Params;
  readonly context: Context;
  readonly evaluator: Handle<'Evaluator'>;
  /** The plaintext modulus t. */
  readonly plain: number;
  /**
   * `primes` are those of a key, the special one last. A fresh ciphertext has all of them except the special
   * one.
   */
  readonly primes: readonly number[];
  readonly freshPrimes: readonly number[];
  readonly keyShape: CiphertextShape;
  readonly freshShape: CiphertextShape;
  /** What a response is made with; defined only where it is switched to fewer primes. */
  readonly switched: { readonly shape: CiphertextShape; readonly flood: Flood } | undefined;
  /** Defined only when t is a prime for batching. */
  readonly batch: Handle<'BatchEncoder'> | undefined;
};

let loading: Promise<Seal> | undefined;
const schemes = new Map<string, Scheme>();
const onReset: (() => void)[] = [];

/** Runs `forget` when this thread gives up its SEAL: handles of the old instance must not be used again. */
export function whenReset(forget: () => void): void {
  onReset.push(forget);
}

/**
 * Gives up this thread's SEAL and its memory after an abort, because SEAL 4.1.2 may leave a broken heap
 * behind. The next job loads a fresh instance.
 */
export function resetSeal(): void {
  loading = undefined;
  schemes.clear();
  for (const forget of onReset) forget();
}

export function linearScheme(): Promise<Scheme> {
  return schemeOf(linearParams, 0);
}

/**
 * The scheme of one of the two plain primes (index 0 or 1). Both have the same words for keys. Building one
 * takes 0.3 s.
 */
export function productScheme(index: number): Promise<Scheme> {
  return schemeOf(productParams, index);
}

/** The two plain primes of products, without building a scheme. */
export async function productModuli(): Promise<number[]> {
  const seal = await loadSeal();
  return [0, 1].map((index) => {
    using modulus = plainModulus(seal, productParams, index);
    return Number(modulus.value());
  });
}

/** The primes of a key, the special one last, without building a scheme. */
export async function keyPrimes(params: Params): Promise<number[]> {
  using moduli = coefficientModulus(await loadSeal(), params);
  return values(moduli);
}

function coefficientModulus(seal: Seal, { degree, primeBits, specialBits }: Params) {
  return seal.CoeffModulus.Create(degree, Int32Array.of(...primeBits, specialBits));
}

function values(moduli: ReturnType<typeof coefficientModulus>): number[] {
  return Array.from({ length: moduli.size() }, (_, i) => {
    using prime = moduli.get(i)!;
    return Number(prime.value());
  });
}

/** This thread's instance of SEAL, loaded on first use. */
export function loadSeal(): Promise<Seal> {
  loading ??= readSeal().then((wasmBinary) => initializeSeal(wasmBinary === undefined ? {} : { wasmBinary }));
  return loading;
}

async function schemeOf(params: Params, index: number): Promise<Scheme> {
  const seal = await loadSeal();
  const name = `${params.name}/${index}`;
  let scheme = schemes.get(name);
  if (scheme === undefined) {
    scheme = createScheme(seal, params, index);
    schemes.set(name, scheme);
  }
  return scheme;
}

function plainModulus(seal: Seal, params: Params, index: number) {
  const { plain, degree } = params;
  if (plain.kind === 'power') return new seal.Modulus(1n << BigInt(plain.bits));
  const sizes = new Int32Array(plain.count).fill(plain.bits);
  using primes = seal.PlainModulus.BatchingVector(degree, sizes);
  return primes.get(index)!;
}

/** Makes new SEAL objects for the `index`-th plain modulus of `params`. */
export function createScheme(seal: Seal, params: Params, index: number): Scheme {
  using literal = new seal.EncryptionParameters(seal.SchemeType.bfv);
  literal.setPolyModulusDegree(params.degree);
  using coefficient = coefficientModulus(seal, params);
  literal.setCoeffModulus(coefficient);
  using modulus = plainModulus(seal, params, index);
  literal.setPlainModulus(modulus);
  const context = new seal.SEALContext(literal, true, seal.SecLevelType.tc128);
  if (!context.parametersSet())
    throw new Error(`SEAL refuses the BFV parameters '${params.name}', which checkParams let through`);
  const primes = values(coefficient);
  const plain = Number(modulus.value());
  const shape = (count: number, ntt: boolean) => ({
    parmsId: parmsIdAt(context, count),
    ntt,
    degree: params.degree,
    primes: count,
  });
  const fresh = params.primeBits.length;
  const freshPrimes = primes.slice(0, fresh);
  return {
    seal,
    params,
    context,
    evaluator: new seal.Evaluator(context),
    plain,
    primes,
    freshPrimes,
    keyShape: shape(fresh + 1, true),
    freshShape: shape(fresh, false),
    switched:
      params.response.kind === 'switched'
        ? {
            shape: shape(params.response.kept, false),
            flood: createFlood(params.degree, freshPrimes, cellWidth(freshPrimes, plain)),
          }
        : undefined,
    batch: params.plain.kind === 'batching' ? new seal.BatchEncoder(context) : undefined,
  };
}

/** The id of the level of the modulus chain that has this many primes. */
function parmsIdAt(context: Context, primes: number): Uint8Array {
  let data = context.keyContextData();
  for (;;) {
    using here = data;
    using parameters = here.parms();
    using moduli = parameters.coeffModulus();
    if (moduli.size() === primes) {
      using id = here.parmsId();
      return new Uint8Array(BigUint64Array.from(id.values() as BigUint64Array).buffer);
    }
    data = here.nextContextData();
  }
}

/** A plaintext from coefficients mod t. */
export function loadPlaintext(scheme: Scheme, words: Uint32Array): Plaintext {
  const plaintext = new scheme.seal.Plaintext();
  plaintext.loadFromArray(scheme.context, plaintextBytes(words));
  return plaintext;
}

export function savePlaintext(scheme: Scheme, plaintext: Plaintext): Uint32Array<ArrayBuffer> {
  return plaintextWords(plaintext.saveToArray(scheme.seal.ComprModeType.none) as Uint8Array);
}

export function loadCiphertext(
  scheme: Scheme,
  shape: CiphertextShape,
  words: Uint32Array,
  seed?: Uint8Array,
): Ciphertext {
  const ciphertext = new scheme.seal.Ciphertext();
  ciphertext.loadFromArray(scheme.context, ciphertextBytes(shape, words, seed));
  return ciphertext;
}

export function saveCiphertext(
  scheme: Scheme,
  shape: CiphertextShape,
  ciphertext: Ciphertext,
): Uint32Array<ArrayBuffer> {
  return ciphertextWords(ciphertext.saveToArray(scheme.seal.ComprModeType.none) as Uint8Array, shape);
}
