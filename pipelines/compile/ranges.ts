import type { Shape } from '../../models/tensor.ts';

/** The range of one value of the graph on the calibration images; the shape is without the batch. */
export type ValueRange = {
  readonly shape: Shape;
  /** max |x| */
  readonly largest: number;
  /** max |x| of each channel, [shape[0]] */
  readonly channels: Float64Array;
  /** mean of x^2 over each channel, [shape[0]], for the image in which it is largest */
  readonly meanSquares: Float64Array;
  /** the share of each channel's elements that is positive, [shape[0]] */
  readonly positive: Float64Array;
};

/** The ranges by the names of values, without weights. */
export type Ranges = ReadonlyMap<string, ValueRange>;

/** Collects the range of one value over batches. */
export class RangeCollector {
  readonly #shape: Shape;
  readonly #channels: Float64Array;
  readonly #squares: Float64Array;
  readonly #positive: Float64Array;
  #images = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#channels = new Float64Array(shape[0] ?? 1);
    this.#squares = new Float64Array(shape[0] ?? 1);
    this.#positive = new Float64Array(shape[0] ?? 1);
  }

  /** Adds n tensors of the shape, one after the other. A value that is not finite shows in `meanSquares`. */
  add(values: Float32Array, n: number): void {
    const channels = this.#channels.length;
    const size = values.length / n / channels;
    for (let row = 0; row < n * channels; row++) {
      this.#addRow(values.subarray(row * size, (row + 1) * size), row % channels);
    }
    this.#images += n;
  }

  #addRow(row: Float32Array, channel: number): void {
    let largest = this.#channels[channel]!;
    let squares = 0;
    let positive = 0;
    // An index: to iterate takes six times as long.
    for (let i = 0; i < row.length; i++) {
      const value = row[i]!;
      const size = Math.abs(value);
      if (size > largest) largest = size;
      squares += value * value;
      if (value > 0) positive++;
    }
    this.#channels[channel] = largest;
    this.#squares[channel] = Math.max(this.#squares[channel]!, squares / row.length);
    this.#positive[channel]! += positive;
  }

  range(): ValueRange {
    const count = this.#images * this.#shape.slice(1).reduce((product, size) => product * size, 1);
    return {
      shape: this.#shape,
      largest: this.#channels.reduce((a, b) => Math.max(a, b), 0),
      channels: this.#channels,
      meanSquares: this.#squares,
      positive: this.#positive.map((sum) => sum / count),
    };
  }
}
