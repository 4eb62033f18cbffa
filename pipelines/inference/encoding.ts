import { sizeOf } from '../../models/tensor.ts';
import { DataError } from '../../src/shared/errors.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * Encodes an image [C, H, W] as ring elements at the input's scale. Throws DataError if its size or its
 * values do not fit the plan.
 */
export function encodeInput(plan: Plan, image: Float32Array): Uint32Array {
  const { shape, scale } = wireOf(plan, plan.input.wire);
  if (image.length !== sizeOf(shape)) {
    throw new DataError(
      `image: expected [${shape.join(', ')}] = ${sizeOf(shape)} values, got ${image.length}`,
    );
  }
  const limit = 2 ** 29 / scale;
  const bad = image.findIndex((value) => !(Math.abs(value) < limit));
  if (bad !== -1)
    throw new DataError(`image: value ${bad}: expected a number between -${limit} and ${limit}`);
  return Uint32Array.from(image, (value) => Math.round(value * scale));
}

/** Decodes the opened ring elements of the output wire to logits. */
export function decodeOutput(plan: Plan, opened: Uint32Array): Float32Array {
  const { scale } = wireOf(plan, plan.output.wire);
  return Float32Array.from(opened, (word) => (word | 0) / scale);
}
