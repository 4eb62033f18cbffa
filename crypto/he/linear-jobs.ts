import { ProtocolError } from '../../src/shared/errors.ts';
import { systemRng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import type { JobTools } from '../pool/pool.ts';
import type { LinearSpec } from '../spec.ts';
import {
  answerBytes,
  batchAnswers,
  batchWeights,
  ciphertextSpace,
  LinearEngine,
  packedPolynomialBytes,
  requestCiphertextBytes,
  weightSpace,
} from './engine.ts';
import type { Term } from './engine.ts';
import type { Heap } from './heap.ts';
import { layoutOf } from './layout.ts';
import { inputsReaching, outputPositions, packWeights, tileNumber } from './pack.ts';
import type { Layout } from './pack.ts';

/**
 * The jobs of one exchange of a linear layer (exchange.ts). Arrays are views of memory that the threads share
 * and begin with the exchange's first ciphertext, addresses lie in the pool's heap. A job writes only its own
 * part of them, [from, to).
 */
type Part = { heap: Heap; from: number; to: number };

const { degree } = linearParams;

/** The engines of this thread, one for each heap that it has served. */
const engines = new Map<number, LinearEngine>();

export function engineOf({ heKernels }: JobTools, heap: Heap): LinearEngine {
  let engine = engines.get(heap.id);
  if (engine === undefined) engines.set(heap.id, (engine = new LinearEngine(heKernels, heap.memory)));
  return engine;
}

/** Encrypts polynomials [from, to) of the packed input, `degree` words each. */
export type EncryptLinear = Part & { secret: Uint32Array; packed: Uint32Array; request: Uint8Array };

export function encryptLinear(job: EncryptLinear, tools: JobTools): void {
  const engine = engineOf(tools, job.heap);
  engine.withSecret(job.secret, () => {
    for (let i = job.from; i < job.to; i++) {
      const polynomial = job.packed.subarray(i * degree, (i + 1) * degree);
      engine.encrypt(polynomial, systemRng, job.request, i * requestCiphertextBytes);
    }
  });
}

/** Reads ciphertexts [from, to) of a request, one after the other to the address `inputs`. */
export type ReadLinear = Part & { request: Uint8Array; inputs: number };

/** Throws ProtocolError when the request holds a residue that is not below its prime. */
export function readLinear({ heap, request, inputs, from, to }: ReadLinear, tools: JobTools): void {
  const engine = engineOf(tools, heap);
  for (let i = from; i < to; i++) {
    const at = i * requestCiphertextBytes;
    const seed = request.slice(at + packedPolynomialBytes, at + requestCiphertextBytes);
    if (!engine.readCiphertext(request, at, seed, inputs + i * ciphertextSpace)) {
      throw new ProtocolError('linear request: expected residues below their primes, got a larger one');
    }
  }
}

/** Transforms weight tiles [from, to) of `tiles` and puts them at their addresses. */
export type TransformLinear = Part & {
  spec: LinearSpec;
  weights: Int32Array;
  tiles: Uint32Array;
  addresses: Uint32Array;
};

export function transformLinear(job: TransformLinear, tools: JobTools): void {
  const engine = engineOf(tools, job.heap);
  const layout = layoutOf(job.spec);
  for (let n = job.from; n < job.to; n++) {
    const tile = job.tiles[n]!;
    engine.transform(packTile(layout, job.weights, tile), job.spec.weightBits, job.addresses[n]!);
  }
}

function packTile(layout: Layout, weights: Int32Array, tile: number): Int32Array {
  const inputs = layout.inputRanges.length;
  return packWeights(layout, weights, tile % inputs, Math.floor(tile / inputs));
}

/**
 * Makes answers [from, to) for the spatial tiles [firstTile, firstTile + tiles), in the order [output range]
 * [spatial tile], so that weights without a slot are transformed once for several answers.
 */
export type RespondLinear = Part & {
  spec: LinearSpec;
  weights: Int32Array;
  /** The address of each weight tile, 0 for those without a slot. */
  slots: Uint32Array;
  /** The address of the ciphertexts of these spatial tiles. */
  inputs: number;
  firstTile: number;
  tiles: number;
  /** The public keys whose encryptions of zero hide an answer, `publicWords` words each. */
  keys: Uint32Array;
  response: Uint8Array;
  /** The server's shares at the outputs of each answer, which has `degree` words of them. */
  shares: Uint32Array;
};

export function respondLinear(job: RespondLinear, tools: JobTools): void {
  const engine = engineOf(tools, job.heap);
  const layout = layoutOf(job.spec);
  const keys = engine.useKeys(job.keys);
  for (let from = job.from; from < job.to;) {
    const output = Math.floor(from / job.tiles);
    const to = Math.min(job.to, (output + 1) * job.tiles, from + batchAnswers);
    answer(engine, layout, job, keys, output, from - output * job.tiles, to - output * job.tiles);
    from = to;
  }
}

/** The answers of one output range for some spatial tiles. */
function answer(
  engine: LinearEngine,
  layout: Layout,
  job: RespondLinear,
  keys: readonly number[],
  output: number,
  from: number,
  to: number,
): void {
  const { sums } = engine.workspace();
  const reaching = inputsReaching(layout, output);
  for (let first = 0; first < reaching.length; first += batchWeights) {
    const batch = reaching.slice(first, first + batchWeights);
    const weights = weightsOf(engine, layout, job, output, batch);
    for (let tile = from; tile < to; tile++) {
      const inputs = job.inputs + tile * layout.inputRanges.length * ciphertextSpace;
      const terms = batch.map((input, n): Term => [weights[n]!, inputs + input * ciphertextSpace]);
      engine.multiply(terms, sums + (tile - from) * ciphertextSpace, first > 0);
    }
  }
  for (let tile = from; tile < to; tile++) {
    const index = tile * layout.outputRanges.length + output;
    const positions = outputPositions(layout, job.firstTile * layout.outputRanges.length + index);
    const sum = sums + (tile - from) * ciphertextSpace;
    const shares = engine.answer(sum, keys, positions, systemRng, job.response, index * answerBytes);
    job.shares.set(shares, index * degree);
  }
}

/** The addresses of the transformed weights of a batch: their slots, or this thread's own room. */
function weightsOf(
  engine: LinearEngine,
  layout: Layout,
  job: RespondLinear,
  output: number,
  batch: readonly number[],
): number[] {
  const { weights } = engine.workspace();
  return batch.map((input, n) => {
    const slot = job.slots[tileNumber(layout, input, output)]!;
    if (slot !== 0) return slot;
    const own = weights + n * weightSpace;
    engine.transform(packWeights(layout, job.weights, input, output), job.spec.weightBits, own);
    return own;
  });
}

/** Decrypts answers [from, to), of which the first is the layer's number `first`. */
export type DecryptLinear = Part & {
  spec: LinearSpec;
  secret: Uint32Array;
  first: number;
  response: Uint8Array;
  /** The client's shares at the outputs of each answer, which has `degree` words of them. */
  shares: Uint32Array;
};

export function decryptLinear(job: DecryptLinear, tools: JobTools): void {
  const engine = engineOf(tools, job.heap);
  const layout = layoutOf(job.spec);
  engine.withSecret(job.secret, () => {
    for (let index = job.from; index < job.to; index++) {
      const positions = outputPositions(layout, job.first + index);
      job.shares.set(engine.decrypt(job.response, index * answerBytes, positions), index * degree);
    }
  });
}
