import { systemRng } from '../../src/shared/random.ts';
import { productParams } from '../params.ts';
import { clientHandles, serverEncryptor } from './key-jobs.ts';
import type { ClientSession, ServerSession } from './keys.ts';
import { hide, pairs, switchDown } from './rerandomize.ts';
import { loadCiphertext, productScheme } from './seal.ts';
import type { Ciphertext, Plaintext, Scheme } from './seal.ts';
import { seededWords } from './serial.ts';
import {
  readResponse,
  readSeeded,
  responseBytesOf,
  seededBytes,
  writeResponse,
  writeSeeded,
} from './wire.ts';

/**
 * The jobs of products of private vectors. Part p is chunk p >> 1 of N elements under plain prime p & 1, and
 * a job does parts [from, to). Arrays are views of memory that the threads share.
 */
type Parts = { from: number; to: number };
const { degree } = productParams;

export type EncryptProduct = Parts & { session: ClientSession; u: Uint32Array; request: Uint8Array };

export async function encryptProduct(job: EncryptProduct): Promise<void> {
  for (let part = job.from; part < job.to; part++) {
    const scheme = await productScheme(part & 1);
    const { encryptor } = clientHandles(scheme, job.session.id, job.session.product);
    using plaintext = encode(scheme, pairs(chunkOf(job.u, part >> 1)));
    using ciphertext = encryptor.encryptSymmetricSerializable(plaintext);
    const bytes = ciphertext.saveToArray(scheme.seal.ComprModeType.none) as Uint8Array;
    const { c0, seed } = seededWords(bytes, scheme.freshShape);
    writeSeeded(scheme, c0, seed, job.request, part * seededBytes(productParams));
  }
}

export type RespondProduct = Parts & {
  session: ServerSession;
  a: Uint32Array;
  request: Uint8Array;
  /** The mask rho modulo each plain prime, [2][slots]. */
  masks: readonly [Float64Array, Float64Array];
  response: Uint8Array;
};

/** Throws ProtocolError when the request holds a residue that is not below its prime. */
export async function respondProduct(job: RespondProduct): Promise<void> {
  const size = responseBytesOf(productParams);
  for (let part = job.from; part < job.to; part++) {
    const scheme = await productScheme(part & 1);
    const chunk = part >> 1;
    using sum = multiply(scheme, job.request, part, chunkOf(job.a, chunk));
    const rho = job.masks[part & 1]!.subarray(chunk * degree, (chunk + 1) * degree);
    using mask = encode(scheme, doublePairs(rho));
    const encryptor = serverEncryptor(scheme, job.session);
    using hidden = hide(scheme, encryptor, sum, mask, systemRng);
    writeResponse(scheme, switchDown(scheme, hidden), job.response, part * size);
  }
}

/** Enc(u) a in coefficient form. Undefined when a is all zeros, which SEAL refuses to multiply by. */
function multiply(scheme: Scheme, request: Uint8Array, part: number, a: Uint32Array): Ciphertext | undefined {
  const { evaluator, freshShape } = scheme;
  const at = part * seededBytes(productParams);
  const { c0, seed } = readSeeded(scheme, request, at, 'product request');
  if (a.every((value) => value === 0)) return undefined;
  using factor = encode(scheme, pairs(a));
  using id = scheme.context.firstParmsId();
  evaluator.plainTransformToNttInplace(factor, id);
  const ciphertext = loadCiphertext(scheme, freshShape, c0, seed);
  evaluator.cipherTransformToNttInplace(ciphertext);
  evaluator.multiplyPlainInplace(ciphertext, factor);
  evaluator.cipherTransformFromNttInplace(ciphertext);
  return ciphertext;
}

export type DecryptProduct = Parts & {
  session: ClientSession;
  response: Uint8Array;
  /** The job writes u a + rho modulo each plain prime here, [2][chunks * N]. */
  residues: readonly [Float64Array, Float64Array];
};

/** Throws ProtocolError when the response holds a residue that is not below its prime. */
export async function decryptProduct(job: DecryptProduct): Promise<void> {
  const size = responseBytesOf(productParams);
  for (let part = job.from; part < job.to; part++) {
    const scheme = await productScheme(part & 1);
    const words = readResponse(scheme, job.response, part * size, 'product response');
    using ciphertext = loadCiphertext(scheme, scheme.switched!.shape, words);
    using plaintext = new scheme.seal.Plaintext();
    clientHandles(scheme, job.session.id, job.session.product).decryptor.decrypt(ciphertext, plaintext);
    const slots = scheme.batch!.decodeBigUint64(plaintext) as BigUint64Array;
    const halves = new Uint32Array(slots.slice().buffer);
    const to = job.residues[part & 1]!.subarray((part >> 1) * degree);
    for (let i = 0; i < degree; i++) to[i] = halves[2 * i]! + halves[2 * i + 1]! * 0x1_0000_0000;
  }
}

/** A plaintext with one value per slot. Slots beyond the vector are zero. */
function encode(scheme: Scheme, words: Uint32Array<ArrayBuffer>): Plaintext {
  const plaintext = new scheme.seal.Plaintext();
  const slots = new BigUint64Array(degree);
  slots.set(new BigUint64Array(words.buffer));
  scheme.batch!.encode(slots, plaintext);
  return plaintext;
}

function chunkOf(vector: Uint32Array, chunk: number): Uint32Array {
  return vector.subarray(chunk * degree, (chunk + 1) * degree);
}

/** Integers below 2^53 as u64 words. */
function doublePairs(values: Float64Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]!;
    words[2 * i + 1] = values[i]! / 0x1_0000_0000;
  }
  return words;
}
