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
  packedPolynomialBytes,
  publicWords,
  requestCiphertextBytes,
  weightSpace,
} from './engine.ts';
import type { Heap } from './heap.ts';
import { linearSeed } from './keys.ts';
import type { SeedParts } from './keys.ts';
import { layoutOf } from './layout.ts';
import type { Part } from './linear-jobs.ts';
import { inputsReaching, outputPositions, packWeights, tileNumber } from './pack.ts';
import type { Layout } from './pack.ts';
import { ServerEngine } from './server-engine.ts';
import type { Term } from './server-engine.ts';

/** A server's jobs: it checks public keys, and answers one exchange of a linear layer at a time. */

const { degree } = linearParams;

/** The engines of this thread, one for each heap that it has served. */
const engines = new Map<number, ServerEngine>();

function serverEngineOf({ heKernels }: JobTools, heap: Heap): ServerEngine {
  let engine = engines.get(heap.id);
  if (engine === undefined) engines.set(heap.id, (engine = new ServerEngine(heKernels, heap.memory)));
  return engine;
}

export type CheckPublicKey = { heap: Heap; publicKey: Uint8Array; parts: SeedParts; linearKeys: number };

/**
 * Checks the public keys at the start of a session and returns them as the kernels take them, `publicWords`
 * words each. Throws ProtocolError when a key is malformed.
 */
export function checkPublicKey(job: CheckPublicKey, tools: JobTools): Uint32Array<ArrayBuffer> {
  const engine = serverEngineOf(tools, job.heap);
  const keys = new Uint32Array(job.linearKeys * publicWords);
  for (let i = 0; i < job.linearKeys; i++) {
    const words = engine.readPublic(job.publicKey, i * packedPolynomialBytes, linearSeed(job.parts, i));
    if (words === undefined) {
      const { name } = linearParams;
      throw new ProtocolError(`${name} public key: expected residues below their primes, got a larger one`);
    }
    keys.set(words, i * publicWords);
  }
  return keys;
}

/** Reads ciphertexts [from, to) of a request, one after the other to the address `inputs`. */
export type ReadLinear = Part & { request: Uint8Array; inputs: number };

/** Throws ProtocolError when the request holds a residue that is not below its prime. */
export function readLinear({ heap, request, inputs, from, to }: ReadLinear, tools: JobTools): void {
  const engine = serverEngineOf(tools, heap);
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
  const engine = serverEngineOf(tools, job.heap);
  const layout = layoutOf(job.spec);
  const inputs = layout.inputRanges.length;
  for (let n = job.from; n < job.to; n++) {
    const tile = job.tiles[n]!;
    transformTile(engine, layout, job, tile % inputs, Math.floor(tile / inputs), job.addresses[n]!);
  }
}

/** Packs and transforms the weights from an input range to an output range. */
function transformTile(
  engine: ServerEngine,
  layout: Layout,
  { weights, spec }: { readonly weights: Int32Array; readonly spec: LinearSpec },
  input: number,
  output: number,
  to: number,
): void {
  const write = (polynomial: Int32Array) => packWeights(layout, weights, input, output, polynomial);
  engine.transform(write, spec.weightBits, to);
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
  const engine = serverEngineOf(tools, job.heap);
  const layout = layoutOf(job.spec);
  const keys = engine.useKeys(job.keys);
  try {
    for (let from = job.from; from < job.to;) {
      const output = Math.floor(from / job.tiles);
      const to = Math.min(job.to, (output + 1) * job.tiles, from + batchAnswers);
      answer(engine, layout, job, keys, output, from - output * job.tiles, to - output * job.tiles);
      from = to;
    }
  } finally {
    engine.wipe();
  }
}

/** The answers of one output range for some spatial tiles. */
function answer(
  engine: ServerEngine,
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
  engine: ServerEngine,
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
    transformTile(engine, layout, job, input, output, own);
    return own;
  });
}
