import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { sizeOf, tensor } from '../tensor.ts';
import type { Shape, Tensor } from '../tensor.ts';

/** Returns `n` standard normal numbers, by Box and Muller's transform of pairs of uniform words. */
export function normals(n: number, rng: Rng): Float32Array {
  const pairs = Math.ceil(n / 2);
  const words = randomWords(rng, 2 * pairs);
  const result = new Float32Array(2 * pairs);
  for (let i = 0; i < pairs; i++) {
    const uniform = (words[2 * i]! + 1) / 2 ** 32; // in (0, 1], so that the logarithm is finite
    const radius = Math.sqrt(-2 * Math.log(uniform));
    const angle = (2 * Math.PI * words[2 * i + 1]!) / 2 ** 32;
    result[2 * i] = radius * Math.cos(angle);
    result[2 * i + 1] = radius * Math.sin(angle);
  }
  return result.subarray(0, n);
}

/**
 * Normal weights with variance 2 / fanIn, which keep the variance of values through a ReLU network (He et al.
 * 2015, eq. 10).
 */
export function heNormal(shape: Shape, fanIn: number, rng: Rng): Tensor {
  const scale = Math.sqrt(2 / fanIn);
  const values = normals(sizeOf(shape), rng);
  for (let i = 0; i < values.length; i++) values[i]! *= scale; // map() would double the time
  return tensor(shape, values);
}

export function filled(shape: Shape, value: number): Tensor {
  return tensor(shape, new Float32Array(sizeOf(shape)).fill(value));
}
