/**
 * What a step of the protocol is, in public integers: no weights, no shares. Both parties hold the same spec.
 *
 * Wires. A wire value x is shared as x = x_C + x_S mod 2^32, read as signed, with x_C known to the client since the offline
 * phase and x_S known to the server online. The output of an activation is a wire whose client share is a fresh uniform mask.
 * Tensors are [C, H, W] row-major.
 */

/** A convolution with zero padding; a fully connected layer is the case of 1 x 1 images and kernels. */
export type LinearSpec = {
  readonly inChannels: number;
  readonly outChannels: number;
  /** of the input, before padding */
  readonly height: number;
  readonly width: number;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
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

/** The server's secret integers of a linear step: weights [M, C / group, kh, kw], bias [M] at the output's scale. */
export type LinearWeights = { readonly weights: Int32Array; readonly bias: Int32Array };

/**
 * One activation layer, any mix of kinds. Element i belongs to channel floor(i / channelSize). Precondition on every
 * element, checked by the compiler: |x| < 2^29, |multiplier x| < 2^29, and |x| < 2^bits where the element is a ReLU
 * (|x| < 2^bits - 2^k where k > 0: the dropped bits' carry would wrap the window's last value).
 *
 *   relu     y = T(x, truncate) if x >= 0 else 0                              sign test on bits [k, bits]
 *   affine   y = T(multiplier x, truncate) + offset                          multiplier 1, offset 0: identity
 *   square   z = T(multiplier x, truncate) + offset;  y = sign z^2 + constant
 *
 * T(v, t) is stochastic rounding of v / 2^t: floor((v + U) / 2^t) with U in [0, 2^t) fixed by the client's uniform share,
 * hence unbiased and off by less than one. Every kind's output has the same scale.
 */
export type ActivationSpec = {
  readonly channels: number;
  readonly channelSize: number;
  /** [channels * channelSize], values of elementKinds */
  readonly kinds: Uint8Array;
} & { readonly [K in ElementKind]: ElementSpecs[K] };

/** Codes of two bits, as a plan packs them. */
export const elementKinds = { affine: 0, relu: 1, square: 2 } as const satisfies Record<
  string,
  0 | 1 | 2 | 3
>;
export type ElementKind = keyof typeof elementKinds;
export type ByKind<T> = { readonly [K in ElementKind]: T };

/** What all elements of a kind in a layer share. */
type ElementSpecs = {
  readonly relu: ReluSpec;
  readonly affine: AffineSpec;
  readonly square: SquareSpec;
};

export type ReluSpec = {
  readonly truncate: number;
  /** The lowest bit kept by the sign test: 0 is exact, k > 0 is Circa's truncation. */
  readonly k: number;
  /** B: |x| < 2^bits, less 2^k where k > 0; the window is [k, bits], bits - k + 1 wires, 32 at most. */
  readonly bits: number;
  /** Which side the faults of k > 0 fall on: 'posZero' drops small positives, 'negPass' lets small negatives pass. */
  readonly mode: 'posZero' | 'negPass';
};

/** Per channel; arrays of length `channels`. */
export type AffineSpec = {
  readonly truncate: number;
  readonly multiplier: Int32Array;
  readonly offset: Int32Array;
};

/** Per channel; arrays of length `channels`. |z| < 2^15, so that z^2 < 2^30. `sign` is +1 or -1. */
export type SquareSpec = {
  readonly truncate: number;
  readonly multiplier: Int32Array;
  readonly offset: Int32Array;
  readonly sign: Int8Array;
  readonly constant: Int32Array;
};
