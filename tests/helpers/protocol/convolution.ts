import type { Rng } from '../../../src/shared/random.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { outputSize } from '../../../crypto/spec.ts';
import type { LinearSpec } from '../../../crypto/spec.ts';

/** The definition of a convolution mod 2^32, six loops, to hold the fast ones against. */
export function directConvolution(
  spec: LinearSpec,
  weights: Int32Array,
  input: Uint32Array,
  bias?: Int32Array,
): Uint32Array {
  const [height, width] = outputSize(spec);
  const inGroup = spec.inChannels / spec.group;
  const [kh, kw] = spec.kernel;
  const output = new Uint32Array(spec.outChannels * height * width);
  for (let m = 0; m < spec.outChannels; m++) {
    const firstChannel = Math.floor(m / (spec.outChannels / spec.group)) * inGroup;
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        let sum = bias?.[m] ?? 0;
        for (let c = 0; c < inGroup; c++) {
          for (let tap = 0; tap < kh * kw; tap++) {
            const y = i * spec.strides[0] + Math.floor(tap / kw) * spec.dilations[0] - spec.pads[0];
            const x = j * spec.strides[1] + (tap % kw) * spec.dilations[1] - spec.pads[1];
            if (y < 0 || x < 0 || y >= spec.height || x >= spec.width) continue;
            const value = input[((firstChannel + c) * spec.height + y) * spec.width + x]!;
            sum = (sum + Math.imul(weights[(m * inGroup + c) * kh * kw + tap]!, value)) | 0;
          }
        }
        output[(m * height + i) * width + j] = sum;
      }
    }
  }
  return output;
}

/** Uniform in [low, high]; the bias of the remainder does not matter in tests. */
export function integer(rng: Rng, low: number, high: number): number {
  return low + (randomWords(rng, 1)[0]! % (high - low + 1));
}

/** A random small convolution: channels, sizes, kernels, strides, pads, dilations, groups. */
export function randomSpec(rng: Rng): LinearSpec {
  const group = [1, 1, 1, 2, 3][integer(rng, 0, 4)]!;
  const depthwise = integer(rng, 0, 3) === 0;
  const kernel = [integer(rng, 1, 4), integer(rng, 1, 4)] as const;
  const dilations = [integer(rng, 1, 2), integer(rng, 1, 2)] as const;
  const pads = [integer(rng, 0, 2), integer(rng, 0, 2), integer(rng, 0, 2), integer(rng, 0, 2)] as const;
  const smallest = (axis: 0 | 1) =>
    Math.max(1, dilations[axis] * (kernel[axis] - 1) + 1 - pads[axis] - pads[axis + 2]!);
  return {
    inChannels: depthwise ? group : group * integer(rng, 1, 4),
    outChannels: group * integer(rng, 1, 5),
    height: smallest(0) + integer(rng, 0, 9),
    width: smallest(1) + integer(rng, 0, 9),
    kernel,
    strides: [integer(rng, 1, 3), integer(rng, 1, 3)],
    pads,
    dilations,
    group,
    weightBits: 7,
  };
}

export function weightCount(spec: LinearSpec): number {
  return ((spec.outChannels * spec.inChannels) / spec.group) * spec.kernel[0] * spec.kernel[1];
}

/** Integer weights with |w| < 2^weightBits. */
export function randomWeights(rng: Rng, spec: LinearSpec): Int32Array {
  const limit = 2 ** spec.weightBits - 1;
  return Int32Array.from(randomWords(rng, weightCount(spec)), (word) => (word % (2 * limit + 1)) - limit);
}

/** A square convolution with 'same' padding. */
export function convolution(
  inChannels: number,
  outChannels: number,
  size: number,
  kernel: number,
  stride = 1,
): LinearSpec {
  const pad = kernel >> 1;
  return {
    inChannels,
    outChannels,
    height: size,
    width: size,
    kernel: [kernel, kernel],
    strides: [stride, stride],
    pads: [pad, pad, pad, pad],
    dilations: [1, 1],
    group: 1,
    weightBits: 7,
  };
}
