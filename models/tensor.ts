/** A dense float tensor in row-major order. `shape` counts elements. */
export type Tensor = { readonly shape: readonly number[]; readonly data: Float32Array };

export type Shape = readonly number[];

export function sizeOf(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function tensor(shape: Shape, data: Float32Array = new Float32Array(sizeOf(shape))): Tensor {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(
      `tensor: shape [${shape.join(', ')}] needs ${sizeOf(shape)} values, got ${data.length}`,
    );
  }
  return { shape, data };
}

/** Index of the largest value; the first one if several are equal. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** The argmax of each of `n` rows of the same length. */
export function argmaxOfRows(values: Float32Array, n: number): number[] {
  const width = values.length / n;
  return Array.from({ length: n }, (_, i) => argmax(values.subarray(i * width, (i + 1) * width)));
}
