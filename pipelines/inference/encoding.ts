import { preprocess } from '../../models/preprocessing.ts';
import { sizeOf } from '../../models/tensor.ts';
import { DataError } from '../../src/shared/errors.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * Encodes an image, pixels [C, H, W] in [0, 1], as ring elements at the input's scale, after the plan's
 * preprocessing. Throws DataError if its size or its values do not fit the plan.
 */
export function encodeInput(plan: Plan, image: Float32Array): Uint32Array {
  const { shape, scale } = wireOf(plan, plan.input.wire);
  if (image.length !== sizeOf(shape)) {
    throw new DataError(
      `image: expected [${shape.join(', ')}] = ${sizeOf(shape)} values, got ${image.length}`,
    );
  }
  const limit = 2 ** 29 / scale;
  const input = preprocess(image, shape, plan.preprocessing);
  // Uint32Array.from takes 20 times as long, 4 s for a picture of 2048 x 2048, in which no ping is answered.
  const encoded = new Uint32Array(input.length);
  for (let i = 0; i < input.length; i++) {
    const value = input[i]!;
    if (!(Math.abs(value) < limit))
      throw new DataError(`image: value ${i}: expected a number between -${limit} and ${limit}`);
    encoded[i] = Math.round(value * scale);
  }
  return encoded;
}

/**
 * Values of a preprocessed image that are larger than those of the images on which the scales were measured.
 */
export type OutsideRange = {
  /** How many of its values. */
  readonly values: number;
  /** max |value| of the image. */
  readonly largest: number;
  /** What the calibration images, widened by the guard bits, stay below. */
  readonly limit: number;
};

/**
 * What of an image is outside the calibrated range that the plan's input wire tells; undefined where nothing
 * is. The answer may then be wrong, because a sign test reads no bits above its range. It is computed by the
 * client from its own image, and costs no message.
 */
export function outsideRange(plan: Plan, image: Float32Array): OutsideRange | undefined {
  const { shape, scale, bits } = wireOf(plan, plan.input.wire);
  const limit = 2 ** bits / scale;
  const outside = preprocess(image, shape, plan.preprocessing).filter((value) => Math.abs(value) >= limit);
  if (outside.length === 0) return undefined;
  const largest = outside.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return { values: outside.length, largest, limit };
}
