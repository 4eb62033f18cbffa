import { linearParams, productParams } from '../params.ts';
import type { Params } from '../params.ts';
import { publicKeyBytes } from './keys.ts';
import type { ServerSession } from './keys.ts';
import { keyPrimes, linearScheme, productModuli, productScheme, whenReset } from './seal.ts';
import type { Decryptor, Encryptor, Scheme } from './seal.ts';
import { ciphertextBytes, plaintextBytes, plaintextWords, seededWords } from './serial.ts';
import { keyBytes, readSeeded, writeSeeded } from './wire.ts';

export type GeneratedKeys = {
  linear: Uint32Array<ArrayBuffer>;
  product: Uint32Array<ArrayBuffer>;
  publicKey: Uint8Array<ArrayBuffer>;
  /** The two plain primes of products. */
  productModuli: number[];
};

/** Makes fresh keys for both parameter sets. */
export async function generateKeys(): Promise<GeneratedKeys> {
  const publicKey = new Uint8Array(publicKeyBytes);
  return {
    linear: generate(await linearScheme(), publicKey, 0),
    product: generate(await productScheme(0), publicKey, keyBytes(linearParams)),
    publicKey,
    productModuli: await productModuli(),
  };
}

function generate(scheme: Scheme, publicKey: Uint8Array, at: number): Uint32Array<ArrayBuffer> {
  const { seal, context, keyShape } = scheme;
  const none = seal.ComprModeType.none;
  using generator = new seal.KeyGenerator(context);
  using pub = generator.createPublicKeySerializable();
  const { c0, seed } = seededWords(pub.saveToArray(none) as Uint8Array, keyShape);
  writeSeeded(scheme, keyShape.primes, c0, seed, publicKey, at);
  using secret = generator.secretKey();
  const words = plaintextWords(secret.saveToArray(none) as Uint8Array);
  const expected = 2 * keyShape.primes * keyShape.degree;
  if (words.length !== expected) {
    throw new Error(`node-seal: expected a secret key of ${expected} words, got ${words.length}`);
  }
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

/** Encrypts and decrypts under a session's secret key. */
export function clientHandles(scheme: Scheme, id: string, secretWords: Uint32Array): ClientHandles {
  return clients.get(`${id}/${scheme.params.name}/${scheme.plain}`, () => {
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

/** Encrypts under a session's public key, which `checkPublicKey` has checked. */
export function serverEncryptor(scheme: Scheme, session: ServerSession): Encryptor {
  return servers.get(`${session.id}/${scheme.params.name}/${scheme.plain}`, () => {
    const { seal, context, keyShape } = scheme;
    const { c0, seed } = readPublicKey(scheme.params, scheme.primes, session);
    using key = new seal.PublicKey();
    key.loadFromArray(context, ciphertextBytes(keyShape, c0, seed));
    const encryptor = new seal.Encryptor(context, key);
    return { encryptor, free: () => encryptor.delete() };
  }).encryptor;
}

function readPublicKey(params: Params, primes: readonly number[], session: ServerSession) {
  const at = params.name === linearParams.name ? 0 : keyBytes(linearParams);
  return readSeeded(params, primes, session.publicKey, at, `${params.name} public key`);
}

/**
 * Checks a public key at the start of a session and returns the plain primes of products. Throws
 * ProtocolError when the key is malformed.
 */
export async function checkPublicKey(session: ServerSession): Promise<number[]> {
  for (const params of [linearParams, productParams]) {
    readPublicKey(params, await keyPrimes(params), session);
  }
  return productModuli();
}
