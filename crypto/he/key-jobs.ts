import { ProtocolError } from '../../src/shared/errors.ts';
import { systemRng } from '../../src/shared/random.ts';
import { linearParams, productParams } from '../params.ts';
import { prg } from '../prg.ts';
import type { JobTools } from '../pool/pool.ts';
import { packedPolynomialBytes, publicWords } from './engine.ts';
import type { Heap } from './heap.ts';
import { linearSeed, productSeed, publicKeyBytes } from './keys.ts';
import type { ClientSession, SeedParts, ServerSession } from './keys.ts';
import { engineOf } from './linear-jobs.ts';
import { ciphertextModulus } from './moduli.ts';
import { keyPrimes, linearScheme, productModuli, productScheme, whenReset } from './seal.ts';
import type { Decryptor, Encryptor, Scheme } from './seal.ts';
import { ciphertextBytes, ciphertextWords, plaintextBytes, plaintextWords } from './serial.ts';
import { bitsOf, readPolynomial, writePolynomial } from './wire.ts';

export type GeneratedKeys = {
  /** The secret key of linear layers, `secretWords` words (engine.ts), and that of products. */
  linear: Uint32Array<ArrayBuffer>;
  product: Uint32Array<ArrayBuffer>;
  /** SEAL's public key of products, [2, primes, N] words; `publicKeys` takes its error. It stays secret. */
  productPublic: Uint32Array<ArrayBuffer>;
  /** The two plain primes of products, and the primes of a key. */
  productModuli: number[];
  productPrimes: readonly number[];
};

/** Makes fresh secret keys for both parameter sets. */
export async function generateKeys({ heap }: { heap: Heap }, tools: JobTools): Promise<GeneratedKeys> {
  const [linear, product] = [await linearScheme(), await productScheme(0)];
  expectSameModulus(linear);
  using linearGenerator = new linear.seal.KeyGenerator(linear.context);
  using generator = new product.seal.KeyGenerator(product.context);
  using key = generator.createPublicKey();
  const bytes = key.saveToArray(product.seal.ComprModeType.none) as Uint8Array;
  return {
    linear: engineOf(tools, heap).secretOf(lowWords(secretWordsOf(linear, linearGenerator))),
    product: secretWordsOf(product, generator),
    productPublic: ciphertextWords(bytes, product.keyShape),
    productModuli: await productModuli(),
    productPrimes: product.primes,
  };
}

/** The kernels know their primes. SEAL, which checks the parameters, must mean the same ones. */
function expectSameModulus({ freshPrimes }: Scheme): void {
  const modulus = freshPrimes.reduce((product, prime) => product * BigInt(prime), 1n);
  if (modulus !== ciphertextModulus) {
    throw new Error(`node-seal: expected the primes of the kernels, got ${freshPrimes.join(', ')}`);
  }
}

type KeyGenerator = InstanceType<Scheme['seal']['KeyGenerator']>;

/** A secret key in NTT form, [primes, N] words. */
function secretWordsOf({ seal, keyShape }: Scheme, generator: KeyGenerator): Uint32Array<ArrayBuffer> {
  using secret = generator.secretKey();
  const words = plaintextWords(secret.saveToArray(seal.ComprModeType.none) as Uint8Array);
  const expected = 2 * keyShape.primes * keyShape.degree;
  if (words.length !== expected) {
    throw new Error(`node-seal: expected a secret key of ${expected} words, got ${words.length}`);
  }
  return words;
}

/** The low halves of u64 words. */
function lowWords(words: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: words.length / 2 }, (_, i) => words[2 * i]!);
}

export type PublicKeys = {
  heap: Heap;
  session: ClientSession;
  productPublic: Uint32Array;
  productPrimes: readonly number[];
  parts: SeedParts;
  linearKeys: number;
};

/** The public keys to both secret keys whose p1 follow from the seeds: `publicKeyBytes` bytes. */
export function publicKeys(job: PublicKeys, tools: JobTools): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(publicKeyBytes(job.linearKeys));
  const engine = engineOf(tools, job.heap);
  engine.withSecret(job.session.linear, () => {
    for (let i = 0; i < job.linearKeys; i++) {
      engine.publicPart(linearSeed(job.parts, i), systemRng, out, i * packedPolynomialBytes);
    }
  });
  const p0 = productPart(job);
  writePolynomial(productParams, job.productPrimes.length, p0, out, job.linearKeys * packedPolynomialBytes);
  return out;
}

/**
 * p0 for the p1 of the seed. SEAL makes a public key (p0', p1') with p0' = -p1' s - e and takes no p1. But
 * p0' + (p1' - p1) s = -p1 s - e has the same fresh e, and p0' is never shown.
 */
function productPart({
  session,
  productPublic,
  productPrimes: primes,
  parts,
}: PublicKeys): Uint32Array<ArrayBuffer> {
  const size = primes.length * productParams.degree;
  const [old, s] = [wide(productPublic), wide(session.product)];
  const p1 = wide(expandWide(productSeed(parts), primes));
  const p0 = new BigUint64Array(size);
  for (let i = 0; i < size; i++) {
    const q = BigInt(primes[Math.floor(i / productParams.degree)]!);
    p0[i] = (old[i]! + (old[size + i]! + q - p1[i]!) * s[i]!) % q;
  }
  return new Uint32Array(p0.buffer);
}

/** Pairs of u32 as u64 words. */
function wide(words: Uint32Array): BigUint64Array {
  return new BigUint64Array(words.slice().buffer);
}

/** A uniform polynomial in NTT form, [primes, N] words, from a seed. Drawn by rejection. */
function expandWide(seed: Uint8Array, primes: readonly number[]): Uint32Array<ArrayBuffer> {
  const { degree } = productParams;
  const stream = prg(seed);
  const words = new Uint32Array(2 * primes.length * degree);
  primes.forEach((prime, p) => {
    const highMask = 2 ** Math.max(0, bitsOf(productParams)[p]! - 32) - 1;
    const lowMask = (2 ** Math.min(32, bitsOf(productParams)[p]!) - 1) >>> 0;
    for (let filled = 0; filled < degree;) {
      const drawn = new Uint32Array(stream.bytes(8 * (degree - filled)).buffer);
      for (let i = 0; i < drawn.length; i += 2) {
        const [low, high] = [(drawn[i]! & lowMask) >>> 0, drawn[i + 1]! & highMask];
        if (low + high * 2 ** 32 >= prime) continue;
        words.set([low, high], 2 * (p * degree + filled++));
      }
    }
  });
  return words;
}

/**
 * The SEAL handles of the sessions that this thread served last. The handles of the oldest session are freed.
 */
class Recent<T extends { free(): void }> {
  readonly #entries = new Map<string, T>();
  static readonly most = 64;

  constructor() {
    whenReset(() => this.#entries.clear());
  }

  get(key: string, create: () => T): T {
    const entry = this.#entries.get(key) ?? create();
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const oldest = this.#entries.keys().next().value;
    if (this.#entries.size > Recent.most && oldest !== undefined) {
      this.#entries.get(oldest)?.free();
      this.#entries.delete(oldest);
    }
    return entry;
  }
}

type ClientHandles = { encryptor: Encryptor; decryptor: Decryptor; free(): void };
type ServerHandles = { encryptor: Encryptor; free(): void };
const clients = new Recent<ClientHandles>();
const servers = new Recent<ServerHandles>();

/** Encrypts and decrypts products under a session's secret key. */
export function clientHandles(scheme: Scheme, id: string, secretWords: Uint32Array): ClientHandles {
  return clients.get(`${id}/${scheme.plain}`, () => {
    const { seal, context } = scheme;
    using secret = new seal.SecretKey();
    secret.loadFromArray(context, plaintextBytes(secretWords, scheme.keyShape.parmsId));
    using generator = new seal.KeyGenerator(context, secret);
    // node-seal's Encryptor takes a public key even when only the secret one is used.
    using unused = generator.createPublicKey();
    const encryptor = new seal.Encryptor(context, unused, secret);
    const decryptor = new seal.Decryptor(context, secret);
    const free = () => {
      encryptor.delete();
      decryptor.delete();
    };
    return { encryptor, decryptor, free };
  });
}

/** Encrypts products under a session's public key, which `checkPublicKey` has checked. */
export function serverEncryptor(scheme: Scheme, session: ServerSession): Encryptor {
  return servers.get(`${session.id}/${scheme.plain}`, () => {
    const { seal, context, keyShape } = scheme;
    const p0 = readProductKey(session.product, 0, scheme.primes);
    const words = new Uint32Array(2 * p0.length);
    words.set(p0);
    words.set(expandWide(session.productSeed, scheme.primes), p0.length);
    using key = new seal.PublicKey();
    key.loadFromArray(context, ciphertextBytes(keyShape, words));
    const encryptor = new seal.Encryptor(context, key);
    return { encryptor, free: () => encryptor.delete() };
  }).encryptor;
}

function readProductKey(bytes: Uint8Array, at: number, primes: readonly number[]): Uint32Array {
  return readPolynomial(productParams, primes, bytes, at, 'product public key');
}

export type CheckPublicKey = { heap: Heap; publicKey: Uint8Array; parts: SeedParts; linearKeys: number };
export type CheckedKey = { linear: Uint32Array<ArrayBuffer>; productModuli: number[] };

/**
 * Checks the public keys at the start of a session. Returns those of linear layers as the kernels take them
 * and the plain primes of products. Throws ProtocolError when a key is malformed.
 */
export async function checkPublicKey(job: CheckPublicKey, tools: JobTools): Promise<CheckedKey> {
  const engine = engineOf(tools, job.heap);
  const linear = new Uint32Array(job.linearKeys * publicWords);
  for (let i = 0; i < job.linearKeys; i++) {
    const words = engine.readPublic(job.publicKey, i * packedPolynomialBytes, linearSeed(job.parts, i));
    if (words === undefined) {
      const { name } = linearParams;
      throw new ProtocolError(`${name} public key: expected residues below their primes, got a larger one`);
    }
    linear.set(words, i * publicWords);
  }
  const at = job.linearKeys * packedPolynomialBytes;
  readProductKey(job.publicKey, at, await keyPrimes(productParams));
  return { linear, productModuli: await productModuli() };
}
