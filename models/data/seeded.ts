import type { Rng } from '../../src/shared/random.ts';

/**
 * A source of uniform numbers in [0, 1). It is reproducible and must not be used for secrets, only for
 * shuffles, augmentation and initial weights.
 */
export type Uniform = () => number;

/**
 * The generator sfc32 (C. Doty-Humphrey's PractRand) from an integer seed. `stream` selects independent
 * sequences of one seed (default: 0), so that an epoch's shuffle does not depend on how many numbers the last
 * epoch drew.
 */
export function seededUniform(seed: number, stream = 0): Uniform {
  const next = sfc32(seed, stream);
  return () => next() / 2 ** 32;
}

/**
 * The generator's words: uniform integers in [0, 2^32). Its state is an array of int32: in four variables,
 * which V8 boxes, a word takes two to three times as long.
 */
function sfc32(seed: number, stream: number): () => number {
  const state = Int32Array.of(seed, Math.floor(seed / 2 ** 32), stream, 1);
  const next = (): number => {
    const [b, c, counter] = [state[1]!, state[2]!, state[3]!];
    const t = (((state[0]! + b) | 0) + counter) | 0;
    state[0] = b ^ (b >>> 9);
    state[1] = c + (c << 3);
    state[2] = ((c << 21) | (c >>> 11)) + t;
    state[3] = counter + 1;
    return t >>> 0;
  };
  // Twelve rounds mix the seed, as in PractRand's own seeding.
  for (let i = 0; i < 12; i++) next();
  return next;
}

/** A uniform integer in [0, n). */
export function uniformInt(uniform: Uniform, n: number): number {
  return Math.floor(uniform() * n);
}

/** 0 to n - 1 in random order (Fisher and Yates). */
export function permutation(n: number, uniform: Uniform): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(uniform, i + 1);
    const t = order[i]!;
    order[i] = order[j]!;
    order[j] = t;
  }
  return order;
}

/**
 * The same generator as a source of bytes, a word's highest eight bits each, for initial weights. It must
 * never be used for cryptography.
 */
export function seededRng(seed: number, stream = 0): Rng {
  const next = sfc32(seed, stream);
  return {
    bytes(n) {
      const bytes = new Uint8Array(n);
      // Uint8Array.from would take seven times as long.
      for (let i = 0; i < n; i++) bytes[i] = next() >>> 24;
      return bytes;
    },
  };
}
