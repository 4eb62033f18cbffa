import { systemRng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import type { JobTools } from '../pool/pool.ts';
import type { LinearSpec } from '../spec.ts';
import { answerBytes, LinearEngine, requestCiphertextBytes } from './engine.ts';
import type { Heap } from './heap.ts';
import { layoutOf } from './layout.ts';
import { outputPositions } from './pack.ts';

/**
 * A client's jobs of one exchange of a linear layer (exchange.ts); server-jobs.ts has a server's. Arrays are
 * views of memory that the threads share and begin with the exchange's first ciphertext, addresses lie in the
 * pool's heap. A job writes only its own part of them, [from, to).
 */
export type Part = { heap: Heap; from: number; to: number };

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
