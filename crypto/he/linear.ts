import { PlanError, ProtocolError } from '../../src/shared/errors.ts';
import { linearParams } from '../params.ts';
import { inputElements, outputElements } from '../spec.ts';
import type { LinearSpec } from '../spec.ts';
import { heJobs } from './jobs.ts';
import { publicKeyBytes } from './keys.ts';
import type { ClientSession, ServerSession } from './keys.ts';
import { layoutCost, layoutOf } from './layout.ts';
import { headroomBits } from './noise.ts';
import { inputCount, outputCount } from './pack.ts';
import { split } from '../pool/pool.ts';
import type { WorkerPool } from '../pool/pool.ts';
import {
  ownBytes,
  ownWords,
  shareBytes,
  sharedBytes,
  sharedWords,
  shareWeights,
  shareWords,
} from './shared.ts';
import { linearResponseOffsets, seededBytes } from './wire.ts';

/** The bytes that the transformed weights of all threads together may take. */
export const defaultWeightCacheBytes: number = 448 * 2 ** 20;

let sessions = 0;

/** The number of bytes of the encrypted input of a step. Throws PlanError as `layoutOf` does. */
export function linearRequestBytes(spec: LinearSpec): number {
  return inputCount(layoutOf(spec)) * seededBytes(linearParams);
}

/** The number of bytes of the server's answer to it. Throws PlanError as `layoutOf` does. */
export function linearResponseBytes(spec: LinearSpec): number {
  return linearResponseOffsets(layoutOf(spec), linearParams).at(-1)!;
}

/**
 * The bits by which a plaintext's cell, with the step's own layout, is wider than faults of 2^-40 per
 * coefficient need (see noise.ts).
 */
export function linearNoiseHeadroomBits(spec: LinearSpec): number {
  return headroomBits(layoutOf(spec));
}

/** What a step costs offline, for the planner. Ciphertexts have N = 4096 coefficients. */
export type LinearCost = {
  readonly products: number;
  readonly requestCiphertexts: number;
  readonly responseCiphertexts: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
};

/** Throws PlanError when the step cannot be packed or its weights leave no room for the noise. */
export function linearCost(spec: LinearSpec): LinearCost {
  const { inputs, outputs, products } = layoutCost(layoutOf(spec));
  return {
    products,
    requestCiphertexts: inputs,
    responseCiphertexts: outputs,
    requestBytes: linearRequestBytes(spec),
    responseBytes: linearResponseBytes(spec),
  };
}

function expectLength(what: string, got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`${what}: expected ${expected}, got ${got}`);
}

function expectPeerLength(what: string, got: number, expected: number): void {
  if (got !== expected) throw new ProtocolError(`${what}: expected ${expected} bytes, got ${got}`);
}

/** The party that holds the secret keys. */
export class HeClient {
  readonly pool: WorkerPool;
  /** The public keys of both parameter sets, `publicKeyBytes` bytes; goes to the server. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** The two plain moduli of products of private vectors. */
  readonly productModuli: readonly number[];
  readonly #session: ClientSession;
  #closed = false;

  private constructor(
    pool: WorkerPool,
    session: ClientSession,
    publicKey: Uint8Array<ArrayBuffer>,
    productModuli: readonly number[],
  ) {
    this.pool = pool;
    this.#session = session;
    this.publicKey = publicKey;
    this.productModuli = productModuli;
  }

  /**
   * Generates the keys in a worker. They stay in memory shared by the pool's threads and are never written
   * anywhere.
   */
  static async create(pool: WorkerPool): Promise<HeClient> {
    const { linear, product, publicKey, productModuli } = await pool.run(heJobs.generateKeys, undefined);
    const session = { id: `client-${sessions++}`, linear: shareWords(linear), product: shareWords(product) };
    linear.fill(0);
    product.fill(0);
    return new HeClient(pool, session, publicKey, productModuli);
  }

  /** What the workers need to find the keys. Throws after `close`. */
  get session(): ClientSession {
    if (this.#closed) throw new Error('HeClient: used after close; create another client');
    return this.#session;
  }

  /** Encrypts the input of a step, [C, H, W], as `linearRequestBytes(spec)` bytes. */
  async encrypt(spec: LinearSpec, input: Uint32Array): Promise<Uint8Array<ArrayBuffer>> {
    expectLength('HE input elements', input.length, inputElements(spec));
    const request = sharedBytes(linearRequestBytes(spec));
    const shared = { session: this.session, spec, input: shareWords(input), request };
    await split(this.pool, heJobs.encryptLinear, inputCount(layoutOf(spec)), (from, to) => ({
      ...shared,
      from,
      to,
    }));
    shared.input.fill(0);
    return ownBytes(request);
  }

  /**
   * Decrypts the server's response: W input - s, [M, H', W'], where 2^-11.4 of the elements are wrong by one
   * unit (see rerandomize.ts). Throws ProtocolError when the response is malformed.
   */
  async decrypt(spec: LinearSpec, response: Uint8Array): Promise<Uint32Array<ArrayBuffer>> {
    expectPeerLength('linear response', response.length, linearResponseBytes(spec));
    const output = sharedWords(outputElements(spec));
    const shared = { session: this.session, spec, response: shareBytes(response), output };
    await split(this.pool, heJobs.decryptLinear, outputCount(layoutOf(spec)), (from, to) => ({
      ...shared,
      from,
      to,
    }));
    const own = ownWords(output);
    output.fill(0);
    return own;
  }

  /** Wipes the keys. Later calls throw. The pool stays open. */
  close(): void {
    this.#closed = true;
    this.#session.linear.fill(0);
    this.#session.product.fill(0);
  }
}

/** The party that holds the weights, one object per session. */
export class HeServer {
  readonly pool: WorkerPool;
  readonly session: ServerSession;
  /** The two plain moduli of products of private vectors. */
  readonly productModuli: readonly number[];

  /** The bytes that the transformed weights of one thread may take. */
  readonly #weightCacheBytes: number;

  private constructor(
    pool: WorkerPool,
    session: ServerSession,
    productModuli: readonly number[],
    weightCacheBytes: number,
  ) {
    this.pool = pool;
    this.session = session;
    this.productModuli = productModuli;
    this.#weightCacheBytes = weightCacheBytes;
  }

  /**
   * `weightCacheBytes` is for all threads together (default: `defaultWeightCacheBytes`). A WASM heap ends at
   * 4 GiB, so a thread gives at most 2 GiB of it to weights. Throws ProtocolError when the client's public
   * key is malformed.
   */
  static async create(
    pool: WorkerPool,
    publicKey: Uint8Array,
    weightCacheBytes: number = defaultWeightCacheBytes,
  ): Promise<HeServer> {
    expectPeerLength('public key', publicKey.length, publicKeyBytes);
    const session = { id: `server-${sessions++}`, publicKey: shareBytes(publicKey) };
    const moduli = await pool.run(heJobs.checkPublicKey, session);
    return new HeServer(pool, session, moduli, Math.min(weightCacheBytes / pool.threads, 2 ** 31));
  }

  /**
   * Answers the client's request with Enc(W input - mask), which hides W (see rerandomize.ts).
   *
   * `weights` is [M, C / group, kh, kw] with |w| < 2^weightBits. `weightsId` names them in this pool: their
   * transforms are cached under it and a fingerprint. `mask` is [M, H', W'], uniform and used once. Throws
   * ProtocolError when the request is malformed, PlanError when a weight is out of range.
   */
  async respond(
    spec: LinearSpec,
    weightsId: string,
    weights: Int32Array,
    request: Uint8Array,
    mask: Uint32Array,
  ): Promise<Uint8Array<ArrayBuffer>> {
    expectPeerLength('linear request', request.length, linearRequestBytes(spec));
    expectLength('HE mask elements', mask.length, outputElements(spec));
    const fingerprint = checkWeights(spec, weightsId, weights);
    const response = sharedBytes(linearResponseBytes(spec));
    const shared = {
      session: this.session,
      spec,
      weightsId: `${weightsId}#${fingerprint}`,
      weightCacheBytes: this.#weightCacheBytes,
      weights: shareWeights(weights),
      request: shareBytes(request),
      mask: shareWords(mask),
      response,
    };
    await split(this.pool, heJobs.respondLinear, outputCount(layoutOf(spec)), (from, to) => ({
      ...shared,
      from,
      to,
    }));
    shared.mask.fill(0);
    return ownBytes(response);
  }
}

/**
 * Checks the weights and returns their FNV-1a hash, so that other weights under a used id never meet the old
 * transforms.
 */
function checkWeights(spec: LinearSpec, id: string, weights: Int32Array): number {
  const perOutput = (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  expectLength(`weights '${id}'`, weights.length, spec.outChannels * perOutput);
  const limit = 2 ** spec.weightBits;
  let fingerprint = 0x811c9dc5;
  for (const weight of weights) {
    if (weight >= limit || weight <= -limit) {
      throw new PlanError(`weights '${id}': expected every |w| < 2^${spec.weightBits}, got a larger one`);
    }
    fingerprint = Math.imul(fingerprint ^ weight, 0x01000193);
  }
  return fingerprint >>> 0;
}
