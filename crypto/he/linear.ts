import { PlanError, ProtocolError } from '../../src/shared/errors.ts';
import { split } from '../pool/pool.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { inputElements, outputElements } from '../spec.ts';
import type { LinearSpec } from '../spec.ts';
import { linearParams } from '../params.ts';
import { publicWords } from './engine.ts';
import { answerRoom, answerSizes, exchangeSizes, exchangesOf, requestBytesOf } from './exchange.ts';
import { responseBytesOf, wholeExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { heapOf, Room, roomFor } from './heap.ts';
import type { Heap, SharedHeap } from './heap.ts';
import { heJobs, heServerJobs } from './jobs.ts';
import { publicKeyBytes } from './keys.ts';
import type { SeedParts } from './keys.ts';
import { layoutCost, layoutOf } from './layout.ts';
import { headroomBits } from './noise.ts';
import { inputsReaching, packInput, placeOutputs, tileNumber } from './pack.ts';
import type { Layout } from './pack.ts';
import { ownBytes, shareBytes, shareWeights, shareWords } from './shared.ts';
import { WeightTable } from './weight-table.ts';
import type { NewTile } from './weight-table.ts';

/**
 * Linear layers under BFV. The client sends the input r encrypted, the server multiplies it with the weights
 * W and answers with **c1 alone**:
 *
 *   c0 = sum c0_i w_i + p0 v         c1 = sum c1_i w_i + p1 v + e1      v ternary, e1 binomial, both fresh
 *   answer  c1' = round(2^40 c1 / Q)                      server keeps  x_S = round(2^32 c0 / Q)
 *   client  x_C = round(2^-8 (c1' s mod X^N + 1)) mod 2^32
 *
 * c0 + c1 s is Q / t W r and noise modulo Q, so that both may round their own part, and x_C + x_S is W r mod
 * 2^32 or one unit beside it: the local rounding of Dodis, Halevi, Rothblum and Wichs (CRYPTO 2016) and of
 * Boyle, Kohl and Scholl (EUROCRYPT 2019). The client sees one ring-LWE sample, (p1, p1 v + e1), shifted by
 * what it knows. c0 is never sent, so v gets no second equation, and nothing has to hide the noise of the
 * products.
 */
/**
 * The bytes that the transformed weights of all threads together may take: all of the demo's network, 28 MB.
 * A tile of 48 KiB that is not kept is made in 35 us: of a ResNet-18 on 32 x 32 images, which has 1.4 GB, a
 * twentieth is kept, and an inference takes 50 ms of a processor longer than with a tenth.
 */
export const defaultWeightCacheBytes: number = 64 * 2 ** 20;

/** The number of bytes of the encrypted input of a step. Throws PlanError as `layoutOf` does. */
export function linearRequestBytes(spec: LinearSpec): number {
  return requestBytesOf(layoutOf(spec));
}

/** The number of bytes of the server's answer to it. Throws PlanError as `layoutOf` does. */
export function linearResponseBytes(spec: LinearSpec): number {
  return responseBytesOf(layoutOf(spec));
}

/** The number of exchanges of a step. Throws PlanError as `layoutOf` does. */
export function linearExchanges(spec: LinearSpec): number {
  return exchangesOf(layoutOf(spec)).length;
}

/** The most bytes of one of them, both ways together. Throws PlanError as `layoutOf` does. */
export function linearExchangeBytes(spec: LinearSpec): number {
  const layout = layoutOf(spec);
  const sizes = exchangesOf(layout).map((exchange) => exchangeSizes(layout, exchange));
  return Math.max(...sizes.map(({ requestBytes, responseBytes }) => requestBytes + responseBytes));
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

const { degree } = linearParams;

function expectLength(what: string, got: number, expected: number): void {
  if (got !== expected) throw new RangeError(`${what}: expected ${expected}, got ${got}`);
}

function expectPeerLength(what: string, got: number, expected: number): void {
  if (got !== expected) throw new ProtocolError(`${what}: expected ${expected} bytes, got ${got}`);
}

/** The party that holds the secret key. */
export class HeClient {
  readonly pool: WorkerPool;
  readonly #secret: Uint32Array;
  #published = false;
  #closed = false;

  private constructor(pool: WorkerPool, secret: Uint32Array) {
    this.pool = pool;
    this.#secret = secret;
  }

  /**
   * Generates the secret key in a worker. It stays in memory shared by the pool's threads and is never
   * written anywhere.
   */
  static async create(pool: WorkerPool): Promise<HeClient> {
    const { heap } = heapOf(pool);
    const made = await pool.run(heJobs.generateKey, { heap });
    const secret = shareWords(made);
    made.fill(0);
    return new HeClient(pool, secret);
  }

  /**
   * The public keys, which go to the server: `publicKeyBytes(linearKeys)` bytes. Once per client. `keys` is
   * `linearKeys` of keys.ts (default: 1).
   */
  async publicKey(parts: SeedParts, keys = 1): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#published) throw new Error('HeClient: its public key exists already');
    this.#published = true;
    const { heap } = heapOf(this.pool);
    return this.pool.run(heJobs.publicKeys, { heap, secret: this.#open(), parts, linearKeys: keys });
  }

  /** The secret key. Throws after `close`. */
  #open(): Uint32Array {
    if (this.#closed) throw new Error('HeClient: used after close; create another client');
    return this.#secret;
  }

  /**
   * Encrypts an exchange (default: the whole layer) of the input of a step, [C, H, W]: the bytes that it has
   * in the request.
   */
  async encrypt(
    spec: LinearSpec,
    input: Uint32Array,
    exchange: Exchange = wholeExchange(layoutOf(spec)),
  ): Promise<Uint8Array<ArrayBuffer>> {
    expectLength('HE input elements', input.length, inputElements(spec));
    const layout = layoutOf(spec);
    const { firstInput, inputs, requestBytes } = exchangeSizes(layout, exchange);
    const words = inputs * degree;
    return this.#lend(roomFor(4 * words, requestBytes), async (room, heap) => {
      const shared = { heap, secret: this.#open(), packed: room.words(words) };
      const request = room.bytes(requestBytes);
      try {
        for (let i = 0; i < inputs; i++)
          shared.packed.set(packInput(layout, input, firstInput + i), i * degree);
        await split(this.pool, heJobs.encryptLinear, inputs, (from, to) => ({
          ...{ ...shared, request },
          from,
          to,
        }));
        return ownBytes(request);
      } finally {
        shared.packed.fill(0);
      }
    });
  }

  #lend<T>(bytes: number, use: (room: Room, heap: Heap) => Promise<T>): Promise<T> {
    this.#open();
    const shared = heapOf(this.pool);
    return shared.lend(bytes, (address) => use(new Room(shared.heap, address), shared.heap));
  }

  /**
   * The client's share of W input, [M, H', W'], from the server's answer: it is written to `share` for an
   * exchange (default: the whole layer), and returned. A share of the elements, `roundingFaultRate` of
   * params.ts, adds up with the server's to one unit more or less. Every answer of the right length means
   * something. Throws ProtocolError for another length.
   */
  async decrypt(
    spec: LinearSpec,
    response: Uint8Array,
    exchange: Exchange = wholeExchange(layoutOf(spec)),
    share: Uint32Array<ArrayBuffer> = new Uint32Array(outputElements(spec)),
  ): Promise<Uint32Array<ArrayBuffer>> {
    const layout = layoutOf(spec);
    const { firstOutput, outputs, responseBytes } = exchangeSizes(layout, exchange);
    expectPeerLength('linear response', response.length, responseBytes);
    const words = outputs * degree;
    return this.#lend(roomFor(responseBytes, 4 * words), async (room, heap) => {
      const job = {
        heap,
        secret: this.#open(),
        spec,
        first: firstOutput,
        response: room.bytes(responseBytes),
      };
      const shares = room.words(words);
      job.response.set(response);
      try {
        await split(this.pool, heJobs.decryptLinear, outputs, (from, to) => ({
          ...{ ...job, shares },
          from,
          to,
        }));
        placeShares(layout, exchange, shares, share);
        return share;
      } finally {
        shares.fill(0);
      }
    });
  }

  /**
   * Overwrites the key in shared memory, which all threads use; each overwrites its copy after every job.
   * Later calls throw. The pool stays open.
   */
  close(): void {
    this.#closed = true;
    this.#secret.fill(0);
  }
}

/** How a server's session is made. */
export type HeServerOptions = {
  /** The public keys of linear layers that the client sends, as keys.ts counts them (default: 1). */
  readonly linearKeys?: number;
  /**
   * Bytes that the transformed weights of all sessions on the pool may take (default:
   * `defaultWeightCacheBytes`).
   */
  readonly weightCacheBytes?: number;
};

/**
 * The answer to an exchange, and the server's share of W input, [M, H', W'], as far as it has been written.
 */
export type LinearAnswer = {
  readonly response: Uint8Array<ArrayBuffer>;
  readonly shares: Uint32Array<ArrayBuffer>;
};

const tables = new WeakMap<SharedHeap, WeightTable>();

/** The one table of weights of a pool's memory. */
function tableOf(heap: SharedHeap): WeightTable {
  let table = tables.get(heap);
  if (table === undefined) tables.set(heap, (table = new WeightTable(heap)));
  return table;
}

/** The party that holds the weights, one object per session. */
export class HeServer {
  readonly pool: WorkerPool;
  /** The client's public keys, `publicWords` words each, in memory shared by the pool's threads. */
  readonly publicKeys: Uint32Array;
  readonly #weightCacheBytes: number;

  private constructor(pool: WorkerPool, publicKeys: Uint32Array, weightCacheBytes: number) {
    this.pool = pool;
    this.publicKeys = publicKeys;
    this.#weightCacheBytes = weightCacheBytes;
  }

  /** Throws ProtocolError when the client's public keys are malformed. */
  static async create(
    pool: WorkerPool,
    publicKey: Uint8Array,
    parts: SeedParts,
    options: HeServerOptions = {},
  ): Promise<HeServer> {
    const { linearKeys: keys = 1, weightCacheBytes = defaultWeightCacheBytes } = options;
    expectPeerLength('public key', publicKey.length, publicKeyBytes(keys));
    const shared = shareBytes(publicKey);
    const job = { heap: heapOf(pool).heap, publicKey: shared, parts, linearKeys: keys };
    const checked = await pool.run(heServerJobs.checkPublicKey, job);
    return new HeServer(pool, shareWords(checked), weightCacheBytes);
  }

  /**
   * Answers the client's request for an exchange (default: the whole layer), and writes the server's shares
   * of it to `shares`. `weights` is [M, C / group, kh, kw] with |w| < 2^weightBits. `weightsId` names them in
   * this pool: their transforms are cached under it and a fingerprint. Where the shares are `opened` to the
   * client, all of its keys hide them (default: false). Throws ProtocolError when the request is malformed,
   * PlanError when a weight is out of range.
   */
  async respond(
    spec: LinearSpec,
    weightsId: string,
    weights: Int32Array,
    request: Uint8Array,
    opened = false,
    exchange: Exchange = wholeExchange(layoutOf(spec)),
    shares: Uint32Array<ArrayBuffer> = new Uint32Array(outputElements(spec)),
  ): Promise<LinearAnswer> {
    const layout = layoutOf(spec);
    const sizes = answerSizes(layout, exchange);
    expectPeerLength('linear request', request.length, sizes.request);
    const name = `${weightsId}#${checkWeights(spec, weightsId, weights)}`;
    const shared = heapOf(this.pool);
    const { heap } = shared;
    return shared.lend(answerRoom(layout, exchange), async (address) => {
      const room = new Room(heap, address);
      const read = { heap, request: room.bytes(sizes.request), inputs: room.take(sizes.inputs) };
      read.request.set(request);
      const job = {
        ...{ heap, spec, weights: shareWeights(weights), slots: room.words(sizes.slots / 4) },
        ...{ response: room.bytes(sizes.response), shares: room.words(sizes.shares / 4) },
        ...{ inputs: read.inputs, ...exchange },
        keys: opened ? this.publicKeys : this.publicKeys.subarray(0, publicWords),
      };
      const { inputs, outputs } = exchangeSizes(layout, exchange);
      const transform = (tiles: readonly NewTile[]) => this.#transform(spec, job.weights, tiles);
      const answer = async () => {
        await split(this.pool, heServerJobs.readLinear, inputs, (from, to) => ({ ...read, from, to }));
        await split(this.pool, heServerJobs.respondLinear, outputs, (from, to) => ({ ...job, from, to }));
      };
      try {
        const most = this.#weightCacheBytes;
        await tableOf(shared).lend(name, tilesOf(layout), job.slots, most, transform, answer);
        placeShares(layout, exchange, job.shares, shares);
        return { response: ownBytes(job.response), shares };
      } finally {
        job.shares.fill(0);
      }
    });
  }

  /** Puts tiles of weights into their slots. */
  async #transform(spec: LinearSpec, weights: Int32Array, tiles: readonly NewTile[]): Promise<void> {
    const job = {
      ...{ heap: heapOf(this.pool).heap, spec, weights },
      tiles: shareWords(Uint32Array.from(tiles, ({ tile }) => tile)),
      addresses: shareWords(Uint32Array.from(tiles, ({ address }) => address)),
    };
    await split(this.pool, heServerJobs.transformLinear, tiles.length, (from, to) => ({ ...job, from, to }));
  }
}

/** Puts the shares of an exchange's answers where they are in the layer's output. */
function placeShares(layout: Layout, exchange: Exchange, shares: Uint32Array, output: Uint32Array): void {
  const { firstOutput, outputs } = exchangeSizes(layout, exchange);
  for (let i = 0; i < outputs; i++) {
    placeOutputs(layout, firstOutput + i, shares.subarray(i * degree, (i + 1) * degree), output);
  }
}

/** The weight tiles of a layer: every pair of an input and an output range that share a group. */
function tilesOf(layout: Layout): number[] {
  return layout.outputRanges.flatMap((_, output) =>
    inputsReaching(layout, output).map((input) => tileNumber(layout, input, output)),
  );
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
