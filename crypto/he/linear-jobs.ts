import { randomWords, systemRng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import type { LinearSpec } from '../spec.ts';
import { clientHandles, serverEncryptor } from './key-jobs.ts';
import type { ClientSession, ServerSession } from './keys.ts';
import { layoutOf } from './layout.ts';
import { outputsOf, packInput } from './pack.ts';
import type { Layout } from './pack.ts';
import { hide, maskPlaintext, pairs, switchDown } from './rerandomize.ts';
import { linearScheme, loadCiphertext, loadPlaintext, savePlaintext } from './seal.ts';
import type { Ciphertext, Scheme } from './seal.ts';
import { seededWords } from './serial.ts';
import { inputsReaching, withWeights } from './weight-cache.ts';
import {
  linearResponseOffsets,
  readResponse,
  readSeeded,
  seededBytes,
  writeResponse,
  writeSeeded,
} from './wire.ts';

/**
 * The jobs of one linear layer. Arrays are views of memory that the threads share. A job writes only its own
 * part of `request`, `response` or `output`.
 */
export type EncryptLinear = {
  session: ClientSession;
  spec: LinearSpec;
  input: Uint32Array;
  /** The job encrypts input ciphertexts [from, to). */
  from: number;
  to: number;
  request: Uint8Array;
};

export async function encryptLinear(job: EncryptLinear): Promise<void> {
  const scheme = await linearScheme();
  const { encryptor } = clientHandles(scheme, job.session.id, job.session.linear);
  const layout = layoutOf(job.spec);
  const size = seededBytes(linearParams);
  for (let i = job.from; i < job.to; i++) {
    using plaintext = loadPlaintext(scheme, pairs(packInput(layout, job.input, i)));
    using ciphertext = encryptor.encryptSymmetricSerializable(plaintext);
    const bytes = ciphertext.saveToArray(scheme.seal.ComprModeType.none) as Uint8Array;
    const { c0, seed } = seededWords(bytes, scheme.freshShape);
    writeSeeded(scheme, scheme.freshShape.primes, c0, seed, job.request, i * size);
  }
}

export type RespondLinear = {
  session: ServerSession;
  spec: LinearSpec;
  /** Names the content of the weights, for the cache of weight-cache.ts. */
  weightsId: string;
  weightCacheBytes: number;
  weights: Int32Array;
  request: Uint8Array;
  /** The mask s, [output elements]. */
  mask: Uint32Array;
  /** The job makes output ciphertexts [from, to). */
  from: number;
  to: number;
  response: Uint8Array;
};

/** Throws ProtocolError when the request holds a residue that is not below its prime. */
export async function respondLinear(job: RespondLinear): Promise<void> {
  const scheme = await linearScheme();
  const layout = layoutOf(job.spec);
  const offsets = linearResponseOffsets(layout, linearParams);
  const perTile = layout.outputRanges.length;
  for (let from = job.from; from < job.to;) {
    const tile = Math.floor(from / perTile);
    const to = Math.min(job.to, (tile + 1) * perTile);
    using inputs = new TileInputs(scheme, layout, job.request, tile);
    for (let index = from; index < to; index++)
      respondOne(scheme, layout, job, inputs, index, offsets[index]!);
    from = to;
  }
}

function respondOne(
  scheme: Scheme,
  layout: Layout,
  job: RespondLinear,
  inputs: TileInputs,
  index: number,
  at: number,
): void {
  using sum = multiply(scheme, layout, job, inputs, index % layout.outputRanges.length);
  const { positions, elements } = outputsOf(layout, index);
  // All N coefficients are masked, also those that are not sent.
  const coefficients = randomWords(systemRng, layout.degree);
  for (let n = 0; n < positions.length; n++) coefficients[positions[n]!] = -job.mask[elements[n]!]!;
  using mask = maskPlaintext(scheme, coefficients);
  const encryptor = serverEncryptor(scheme, job.session);
  using hidden = hide(scheme, encryptor, sum, mask, systemRng);
  writeResponse(scheme, switchDown(scheme, hidden), positions, job.response, at);
}

/**
 * The sum of inputs times weights for one output range, in coefficient form. Undefined when every weight is
 * zero.
 */
function multiply(
  scheme: Scheme,
  layout: Layout,
  job: RespondLinear,
  inputs: TileInputs,
  output: number,
): Ciphertext | undefined {
  const { seal, evaluator } = scheme;
  const range = layout.outputRanges[output]!;
  const perOutput = job.weights.length / layout.spec.outChannels;
  const own = job.weights.subarray(range.first * perOutput, (range.first + range.count) * perOutput);
  const sum = new seal.Ciphertext();
  let terms = 0;
  try {
    using product = new seal.Ciphertext();
    for (const input of inputsReaching(layout, output)) {
      const x = inputs.get(input);
      withWeights(scheme, layout, job, own, input, output, (weights) => {
        evaluator.multiplyPlain(x, weights, terms === 0 ? sum : product);
        if (terms++ > 0) evaluator.addInplace(sum, product);
      });
    }
    if (terms > 0) evaluator.cipherTransformFromNttInplace(sum);
  } catch (error) {
    // A malformed input may come after others were summed. Without this, each such request would leak 130 KB
    // of the thread's heap.
    sum.delete();
    throw error;
  }
  if (terms > 0) return sum;
  sum.delete();
  return undefined;
}

/**
 * The request's ciphertexts of one spatial tile, in NTT form. Each is read when it is first asked for, and
 * all are freed together.
 */
class TileInputs {
  readonly #loaded = new Map<number, Ciphertext>();
  readonly #scheme: Scheme;
  readonly #request: Uint8Array;
  readonly #first: number;

  constructor(scheme: Scheme, layout: Layout, request: Uint8Array, tile: number) {
    this.#scheme = scheme;
    this.#request = request;
    this.#first = tile * layout.inputRanges.length;
  }

  get(input: number): Ciphertext {
    let ciphertext = this.#loaded.get(input);
    if (ciphertext === undefined) {
      const scheme = this.#scheme;
      const at = (this.#first + input) * seededBytes(linearParams);
      const { c0, seed } = readSeeded(linearParams, scheme.freshPrimes, this.#request, at, 'linear request');
      ciphertext = loadCiphertext(scheme, scheme.freshShape, c0, seed);
      this.#loaded.set(input, ciphertext);
      scheme.evaluator.cipherTransformToNttInplace(ciphertext);
    }
    return ciphertext;
  }

  [Symbol.dispose](): void {
    for (const ciphertext of this.#loaded.values()) ciphertext.delete();
  }
}

export type DecryptLinear = {
  session: ClientSession;
  spec: LinearSpec;
  response: Uint8Array;
  /** The job makes output ciphertexts [from, to). */
  from: number;
  to: number;
  /** W input - s, [output elements]. */
  output: Uint32Array;
};

/** Throws ProtocolError when the response holds a residue that is not below its prime. */
export async function decryptLinear(job: DecryptLinear): Promise<void> {
  const scheme = await linearScheme();
  const { decryptor } = clientHandles(scheme, job.session.id, job.session.linear);
  const layout = layoutOf(job.spec);
  const offsets = linearResponseOffsets(layout, linearParams);
  using plaintext = new scheme.seal.Plaintext();
  for (let index = job.from; index < job.to; index++) {
    const { positions, elements } = outputsOf(layout, index);
    const words = readResponse(scheme, positions, job.response, offsets[index]!, 'linear response');
    using ciphertext = loadCiphertext(scheme, scheme.keptShape, words);
    decryptor.decrypt(ciphertext, plaintext);
    const coefficients = savePlaintext(scheme, plaintext);
    for (let n = 0; n < positions.length; n++) {
      job.output[elements[n]!] = coefficients[2 * positions[n]!] ?? 0;
    }
  }
}
