import type { LinearSpec } from '../spec.ts';

/**
 * Coefficient packing of a convolution (Cheetah: Huang, Lu, Hong and Ding, USENIX Security 2022, section 3;
 * the formula is that of hom_conv2d). A tile has Cw input channels of H' x W' pixels and Mw output channels,
 * with Cw Mw H' W' <= N:
 *
 *   x^[c H'W' + i W' + j] = X[c, i, j]
 *   O = H'W' (Mw Cw - 1) + W' (kh - 1) dy + (kw - 1) dx
 *   k^[O - m Cw H'W' - c H'W' - l dy W' - l' dx] = K[m, c, l, l']
 *   Y[m, i, j] is coefficient O - m Cw H'W' + i sy W' + j sx of x^ k^ mod X^N + 1
 *
 * A fully connected layer is the case of 1 x 1 images. Larger images are cut into tiles that overlap. Groups
 * are the block-diagonal case, in which pairs of tiles that share no group are skipped.
 *
 * When an image is one tile, it shares its padding: the zeros right of a row are also those left of the next
 * row, and the zeros below a channel are also those above the next. A 3 x 3 'same' convolution then takes (H
 * + 1)(W + 1) coefficients per channel instead of (H + 2)(W + 2). Row -1 and column -1 become negative
 * offsets, and Y[m, i, j] moves by -(top W' + left). What is read before the first channel wraps around to
 * the empty coefficients at the polynomial's end or to the zeros of the last channel.
 */
export type Layout = {
  readonly degree: number;
  /**
   * The convolution that is packed: the given one, or one on a sub-sampled input when a 1 x 1 kernel has a
   * stride.
   */
  readonly spec: LinearSpec;
  /** The height and width of the spec as given, and the step at which its rows and columns are read. */
  readonly source: {
    readonly height: number;
    readonly width: number;
    readonly step: readonly [number, number];
  };
  /** [height, width] of the output. */
  readonly output: readonly [number, number];
  /** The number of tiles down and across the output image, and the [height, width] of each but the last. */
  readonly grid: readonly [number, number];
  readonly outputTile: readonly [number, number];
  /** [H', W']: the size of the input under one output tile, zeros included. */
  readonly inputTile: readonly [number, number];
  /** The [rows, columns] of the image that are packed. The rest of H' x W' stays zero. */
  readonly image: readonly [number, number];
  /** The rows and columns of shared padding before the image. [0, 0] when each tile has its own padding. */
  readonly shared: readonly [number, number];
  /** Cw and Mw of the formula. */
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly inputRanges: readonly Range[];
  readonly outputRanges: readonly Range[];
};

/** Channels [first, first + count). */
export type Range = { readonly first: number; readonly count: number };

/** H'W', the pixels of one channel of a tile. */
function tilePixels(layout: Layout): number {
  return layout.inputTile[0] * layout.inputTile[1];
}

/** The number of input ciphertexts, in the order [spatial tile][input range]. */
export function inputCount(layout: Layout): number {
  return spatialTiles(layout) * layout.inputRanges.length;
}

/** The number of output ciphertexts, in the order [spatial tile][output range]. */
export function outputCount(layout: Layout): number {
  return spatialTiles(layout) * layout.outputRanges.length;
}

export function spatialTiles({ grid }: Pick<Layout, 'grid'>): number {
  return grid[0] * grid[1];
}

/** Whether an output channel of one range depends on an input channel of the other. */
function connected(spec: LinearSpec, input: Range, output: Range): boolean {
  const inGroup = spec.inChannels / spec.group;
  const outGroup = spec.outChannels / spec.group;
  const firstIn = Math.floor(input.first / inGroup);
  const lastIn = Math.floor((input.first + input.count - 1) / inGroup);
  const firstOut = Math.floor(output.first / outGroup);
  const lastOut = Math.floor((output.first + output.count - 1) / outGroup);
  return firstIn <= lastOut && firstOut <= lastIn;
}

/** x^ of the formula for input ciphertext `index`: [N] coefficients mod 2^32. */
export function packInput(layout: Layout, input: Uint32Array, index: number): Uint32Array<ArrayBuffer> {
  const { source } = layout;
  const polynomial = new Uint32Array(layout.degree);
  const range = layout.inputRanges[index % layout.inputRanges.length]!;
  const [top, left] = tileOrigin(layout, Math.floor(index / layout.inputRanges.length));
  const [tileHeight, tileWidth] = layout.inputTile;
  const firstRow = Math.max(0, -top);
  const lastRow = Math.min(tileHeight, layout.image[0] - top);
  const firstColumn = Math.max(0, -left);
  const lastColumn = Math.min(tileWidth, layout.image[1] - left);
  for (let c = 0; c < range.count; c++) {
    for (let i = firstRow; i < lastRow; i++) {
      const row = ((range.first + c) * source.height + (top + i) * source.step[0]) * source.width;
      const at = (c * tileHeight + i) * tileWidth;
      for (let j = firstColumn; j < lastColumn; j++) {
        polynomial[at + j] = input[row + (left + j) * source.step[1]]!;
      }
    }
  }
  return polynomial;
}

/**
 * The row and column of the unpadded image at which the input under a spatial tile starts. Negative inside
 * the padding.
 */
function tileOrigin(layout: Layout, tile: number): [number, number] {
  const { spec, outputTile, grid, shared } = layout;
  const row = Math.floor(tile / grid[1]);
  const column = tile % grid[1];
  return [
    row * outputTile[0] * spec.strides[0] - spec.pads[0] + shared[0],
    column * outputTile[1] * spec.strides[1] - spec.pads[1] + shared[1],
  ];
}

/** O of the formula. */
function lastTap(layout: Layout): number {
  const { kernel, dilations } = layout.spec;
  const pixels = tilePixels(layout);
  return (
    pixels * (layout.outputChannels * layout.inputChannels - 1) +
    layout.inputTile[1] * (kernel[0] - 1) * dilations[0] +
    (kernel[1] - 1) * dilations[1]
  );
}

/** The indices of the input ranges that an output range depends on. */
export function inputsReaching(layout: Layout, output: number): number[] {
  const range = layout.outputRanges[output]!;
  return layout.inputRanges.flatMap((input, i) => (connected(layout.spec, input, range) ? [i] : []));
}

/** The number of the weight tile from an input range to an output range. */
export function tileNumber(layout: Layout, input: number, output: number): number {
  return output * layout.inputRanges.length + input;
}

/**
 * Writes k^ of the formula for one pair of channel ranges, given by their indices, in place of the zeros of
 * `polynomial`: [N] signed coefficients. `weights` are [M, C / group, kh, kw].
 */
export function packWeights(
  layout: Layout,
  weights: Int32Array,
  inputIndex: number,
  outputIndex: number,
  polynomial: Int32Array,
): void {
  const { spec } = layout;
  const [input, output] = [layout.inputRanges[inputIndex]!, layout.outputRanges[outputIndex]!];
  const [kh, kw] = spec.kernel;
  const inGroup = spec.inChannels / spec.group;
  const outGroup = spec.outChannels / spec.group;
  const pixels = tilePixels(layout);
  const last = lastTap(layout);
  for (let m = 0; m < output.count; m++) {
    const groupStart = Math.floor((output.first + m) / outGroup) * inGroup;
    const low = Math.max(input.first, groupStart);
    const high = Math.min(input.first + input.count, groupStart + inGroup);
    for (let channel = low; channel < high; channel++) {
      const block = last - (m * layout.inputChannels + channel - input.first) * pixels;
      let from = ((output.first + m) * inGroup + channel - groupStart) * kh * kw;
      for (let y = 0; y < kh; y++) {
        for (let x = 0; x < kw; x++) {
          const at = block - y * spec.dilations[0] * layout.inputTile[1] - x * spec.dilations[1];
          polynomial[at] = weights[from++]!;
        }
      }
    }
  }
}

/** The output channels, rows and columns that a ciphertext holds, and where its first output lies. */
function outputWindow(layout: Layout, index: number) {
  const { first, count } = layout.outputRanges[index % layout.outputRanges.length]!;
  const tile = Math.floor(index / layout.outputRanges.length);
  const row = Math.floor(tile / layout.grid[1]) * layout.outputTile[0];
  const column = (tile % layout.grid[1]) * layout.outputTile[1];
  return {
    channels: count,
    rows: Math.min(layout.outputTile[0], layout.output[0] - row),
    columns: Math.min(layout.outputTile[1], layout.output[1] - column),
    at: (first * layout.output[0] + row) * layout.output[1] + column,
  };
}

/**
 * The coefficients of output ciphertext `index` that hold its outputs, in the order [channel][row][column].
 */
export function outputPositions(layout: Layout, index: number): Uint32Array<ArrayBuffer> {
  const { strides } = layout.spec;
  const { channels, rows, columns } = outputWindow(layout, index);
  const positions = new Uint32Array(channels * rows * columns);
  const first = lastTap(layout) - layout.shared[0] * layout.inputTile[1] - layout.shared[1];
  let n = 0;
  for (let m = 0; m < channels; m++) {
    const block = first - m * layout.inputChannels * tilePixels(layout);
    for (let i = 0; i < rows; i++) {
      const row = block + i * strides[0] * layout.inputTile[1];
      for (let j = 0; j < columns; j++) positions[n++] = row + j * strides[1];
    }
  }
  return positions;
}

/** Puts the values at `outputPositions` of output ciphertext `index` into `output`, [M, H, W]. */
export function placeOutputs(layout: Layout, index: number, values: Uint32Array, output: Uint32Array): void {
  const [height, width] = layout.output;
  const { channels, rows, columns, at } = outputWindow(layout, index);
  let n = 0;
  for (let m = 0; m < channels; m++) {
    for (let i = 0; i < rows; i++) {
      const to = at + (m * height + i) * width;
      for (let j = 0; j < columns; j++) output[to + j] = values[n++]!;
    }
  }
}
