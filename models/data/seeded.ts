import type { Rng } from '../../src/shared/random.ts';

/** Uniform numbers in [0, 1). Reproducible and not for secrets: shuffles, augmentation, initial weights. */
export type Uniform = () => number;

/**
 * The generator sfc32 (C. Doty-Humphrey's PractRand) from an integer seed. `stream` gives independent sequences of one seed, so that
 * an epoch's shuffle does not depend on how many numbers the epoch before drew.
 */
export function seededUniform(seed: number, stream = 0): Uniform {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = stream | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  // 12 rounds mix the seed, as PractRand's own seeding does.
  for (let i = 0; i < 12; i++) next();
  return () => next() / 2 ** 32;
}

/** A whole number in [0, n). */
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

/** The same generator as a source of bytes, for initial weights. Never for cryptography. */
export function seededRng(seed: number, stream = 0): Rng {
  const uniform = seededUniform(seed, stream);
  return { bytes: (n) => Uint8Array.from({ length: n }, () => uniformInt(uniform, 256)) };
}
