import { systemRng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import type { JobTools } from '../pool/pool.ts';
import { packedPolynomialBytes } from './engine.ts';
import type { Heap } from './heap.ts';
import { linearSeed, publicKeyBytes } from './keys.ts';
import type { SeedParts } from './keys.ts';
import { engineOf } from './linear-jobs.ts';
import { ciphertextModulus } from './moduli.ts';
import { linearScheme } from './seal.ts';
import type { Scheme } from './seal.ts';
import { plaintextWords } from './serial.ts';

/** Makes a fresh secret key by SEAL: `secretWords` words (engine.ts). */
export async function generateKey(
  { heap }: { heap: Heap },
  tools: JobTools,
): Promise<Uint32Array<ArrayBuffer>> {
  const scheme = await linearScheme();
  expectSameModulus(scheme);
  using generator = new scheme.seal.KeyGenerator(scheme.context);
  const words = secretWordsOf(scheme, generator);
  const residues = lowWords(words);
  words.fill(0);
  const engine = engineOf(tools, heap);
  const secret = engine.secretOf(residues);
  residues.fill(0);
  engine.wipe();
  return secret;
}

/** The kernels know their primes. SEAL, which checks the parameters, must mean the same ones. */
function expectSameModulus({ freshPrimes }: Scheme): void {
  const modulus = freshPrimes.reduce((product, prime) => product * BigInt(prime), 1n);
  if (modulus !== ciphertextModulus) {
    throw new Error(`node-seal: expected the primes of the kernels, got ${freshPrimes.join(', ')}`);
  }
}

type KeyGenerator = InstanceType<Scheme['seal']['KeyGenerator']>;

/** A secret key in NTT form, [primes and the special one, N] u64 words as pairs of u32. */
function secretWordsOf({ seal, freshPrimes }: Scheme, generator: KeyGenerator): Uint32Array<ArrayBuffer> {
  using secret = generator.secretKey();
  const words = plaintextWords(secret.saveToArray(seal.ComprModeType.none) as Uint8Array);
  const expected = 2 * (freshPrimes.length + 1) * linearParams.degree;
  if (words.length !== expected) {
    throw new Error(`node-seal: expected a secret key of ${expected} words, got ${words.length}`);
  }
  return words;
}

/** The low halves of u64 words. */
function lowWords(words: Uint32Array): Uint32Array {
  return Uint32Array.from({ length: words.length / 2 }, (_, i) => words[2 * i]!);
}

export type PublicKeys = { heap: Heap; secret: Uint32Array; parts: SeedParts; linearKeys: number };

/** The public keys to a secret key whose p1 follow from the seeds: `publicKeyBytes` bytes. */
export function publicKeys(job: PublicKeys, tools: JobTools): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(publicKeyBytes(job.linearKeys));
  const engine = engineOf(tools, job.heap);
  engine.withSecret(job.secret, () => {
    for (let i = 0; i < job.linearKeys; i++) {
      engine.publicPart(linearSeed(job.parts, i), systemRng, out, i * packedPolynomialBytes);
    }
  });
  return out;
}
