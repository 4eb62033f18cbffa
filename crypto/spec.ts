/**
 * The steps of the protocol as public integers, without weights or shares. Both parties hold the same spec.
 *
 * A value x on a wire is shared as x = x_C + x_S mod 2^32, read as a signed integer. The client knows x_C
 * since the offline phase, and the server learns x_S online. The output of an activation is a wire whose
 * client share is a fresh uniform mask. Tensors are [C, H, W], row-major.
 */

/** A convolution with zero padding; a fully connected layer is the case of 1 x 1 images and kernels. */
export type LinearSpec = {
  readonly inChannels: number;
  readonly outChannels: number;
  /** The height and width of the input, before padding. */
  readonly height: number;
  readonly width: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** [top, left, bottom, right] */
  readonly pads: readonly [number, number, number, number];
  readonly dilations: readonly [number, number];
  readonly group: number;
  /** Every integer weight w has |w| < 2^weightBits. */
  readonly weightBits: number;
};

/** [height, width] of the output. */
export function outputSize(spec: LinearSpec): [number, number] {
  const size = (axis: 0 | 1, length: number) => {
    const padded = length + spec.pads[axis] + spec.pads[axis + 2]!;
    const reach = spec.dilations[axis] * (spec.kernel[axis] - 1) + 1;
    return Math.floor((padded - reach) / spec.strides[axis]) + 1;
  };
  return [size(0, spec.height), size(1, spec.width)];
}

export function inputElements(spec: LinearSpec): number {
  return spec.inChannels * spec.height * spec.width;
}

export function outputElements(spec: LinearSpec): number {
  const [height, width] = outputSize(spec);
  return spec.outChannels * height * width;
}

/** The number of weights, [M, C / group, kh, kw]. */
export function weightCount({ outChannels, inChannels, group, kernel }: LinearSpec): number {
  return (outChannels * inChannels * kernel[0] * kernel[1]) / group;
}

/**
 * The server's secret integers of a linear step: weights [M, C / group, kh, kw], and bias [M] at the scale of
 * the output.
 */
export type LinearWeights = { readonly weights: Int32Array; readonly bias: Int32Array };

/**
 * One activation layer with any mix of kinds. Element i belongs to channel floor(i / channelSize). The
 * compiler checks for every element that |x| < 2^29 and |multiplier x| < 2^29. For a ReLU it also checks that
 * |x| < 2^bits, or |x| < 2^bits - 2^k when k > 0, because the carry of the dropped bits would wrap the last
 * value of the window.
 *
 *   relu     y = T(x, truncate) if x >= 0 else 0                              sign test on bits [k, bits]
 *   affine   y = T(multiplier x, truncate) + offset                          multiplier 1, offset 0: identity
 *   square   z = T(multiplier x, truncate) + offset;  y = sign z^2 + constant
 *
 * T(v, t) is stochastic rounding of v / 2^t: floor((v + U) / 2^t), where the client's uniform share fixes U
 * in [0, 2^t). It is unbiased and off by less than one. The outputs of all kinds have the same scale.
 */
export type ActivationSpec = {
  readonly channels: number;
  readonly channelSize: number;
  /** [channels * channelSize]: the kind of each element, a value of `elementKinds`. */
  readonly kinds: Uint8Array;
} & { readonly [K in ElementKind]: ElementSpecs[K] };

/** Codes of two bits, as a plan packs them. */
export const elementKinds = { affine: 0, relu: 1, square: 2 } as const satisfies Record<
  string,
  0 | 1 | 2 | 3
>;
export type ElementKind = keyof typeof elementKinds;
export type ByKind<T> = { readonly [K in ElementKind]: T };

/** The parameters that all elements of one kind in a layer share. */
type ElementSpecs = {
  readonly relu: ReluSpec;
  readonly affine: AffineSpec;
  readonly square: SquareSpec;
};

export type ReluSpec = {
  readonly truncate: number;
  /** The lowest bit that the sign test keeps. 0 makes the test exact; k > 0 is the truncation of Circa. */
  readonly k: number;
  /**
   * B of sign.ts: |x| < 2^bits, or |x| < 2^bits - 2^k when k > 0. The window is [k, bits] and takes bits - k
   * + 1 wires, 32 at most.
   */
  readonly bits: number;
  /**
   * The side of the faults when k > 0: `posZero` drops small positive values, `negPass` lets small negative
   * values pass.
   */
  readonly mode: 'posZero' | 'negPass';
};

/** One entry per channel: arrays of length `channels`. */
export type AffineSpec = {
  readonly truncate: number;
  readonly multiplier: Int32Array;
  readonly offset: Int32Array;
};

/** One entry per channel: arrays of length `channels`. |z| < 2^15, so that z^2 < 2^30. `sign` is +1 or -1. */
export type SquareSpec = {
  readonly truncate: number;
  readonly multiplier: Int32Array;
  readonly offset: Int32Array;
  readonly sign: Int8Array;
  readonly constant: Int32Array;
};
