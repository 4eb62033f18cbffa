import initializeSeal from 'node-seal';
import { linearParams } from '../params.ts';
import { readSeal } from '../platform/platform.ts';
import type { Params } from '../params.ts';

/**
 * The only file that imports node-seal, loaded in worker threads alone (implementations.ts). SEAL checks the
 * parameters and makes secret keys. Its objects never leave their thread and are freed by scope (`using`).
 */
export type Seal = Awaited<ReturnType<typeof initializeSeal>>;
type Handle<K extends keyof Seal> = Seal[K] extends new (...args: never[]) => infer T ? T : never;
type Context = Handle<'SEALContext'>;

/** SEAL's objects for parameters. */
export type Scheme = {
  readonly seal: Seal;
  readonly params: Params;
  readonly context: Context;
  /** Those of a fresh ciphertext. A key has a special one after them. */
  readonly freshPrimes: readonly number[];
};

let loading: Promise<Seal> | undefined;
let linear: Promise<Scheme> | undefined;

/**
 * Gives up this thread's SEAL and its memory after an abort, because SEAL 4.1.2 may leave a broken heap
 * behind. The next job loads a fresh instance.
 */
export function resetSeal(): void {
  loading = undefined;
  linear = undefined;
}

/** The scheme of linear layers in this thread. */
export function linearScheme(): Promise<Scheme> {
  linear ??= loadSeal().then((seal) => createScheme(seal, linearParams));
  return linear;
}

/** This thread's instance of SEAL, loaded on first use. */
export function loadSeal(): Promise<Seal> {
  loading ??= readSeal().then((wasmBinary) => initializeSeal(wasmBinary === undefined ? {} : { wasmBinary }));
  return loading;
}

/**
 * Makes new SEAL objects for `params`. Those of fewer primes, to which ciphertexts may be switched, take
 * 45 ms more and are made if `isChained`. The protocol switches nothing.
 */
export function createScheme(seal: Seal, params: Params, isChained = false): Scheme {
  const { degree, primeBits, specialBits } = params;
  using literal = new seal.EncryptionParameters(seal.SchemeType.bfv);
  literal.setPolyModulusDegree(degree);
  using moduli = seal.CoeffModulus.Create(degree, Int32Array.of(...primeBits, specialBits));
  literal.setCoeffModulus(moduli);
  using plain = new seal.Modulus(1n << BigInt(params.plainBits));
  literal.setPlainModulus(plain);
  const context = new seal.SEALContext(literal, isChained, seal.SecLevelType.tc128);
  if (!context.parametersSet())
    throw new Error(`SEAL refuses the BFV parameters '${params.name}', which checkParams let through`);
  const freshPrimes = primeBits.map((_, i) => {
    using prime = moduli.get(i)!;
    return Number(prime.value());
  });
  return { seal, params, context, freshPrimes };
}
