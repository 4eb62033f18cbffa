import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Pads, Pair } from '../../graph.ts';
import type { RawAttribute } from '../../onnx/raw.ts';
import type { Window } from './window.ts';

/**
 * Returns one value per tap of the kernel, row by row: the elements of x that this tap reads. x has four
 * axes, of which the last two are spatial and of size `input`; the results have `output` as their last two.
 * `fill` is the value of the padding (default: 0).
 */
export function unfold(
  graph: GraphBuilder,
  x: string,
  window: Window,
  input: Pair,
  output: Pair,
  fill = 0,
): string[] {
  const padded = pad(graph, x, window, input, output, fill);
  const extent = paddedSize(window, output);
  const taps: string[] = [];
  for (let i = 0; i < window.kernel[0]; i++) {
    for (let j = 0; j < window.kernel[1]; j++) taps.push(tap(graph, padded, window, extent, [i, j], output));
  }
  return taps;
}

/**
 * Like `unfold`, but in one value and with the images last: x [C, H, W, N] becomes [C, taps, H' * W', N]. The
 * padding is 0.
 */
export function gatherTaps(
  graph: GraphBuilder,
  x: string,
  window: Window,
  input: Pair,
  output: Pair,
): string {
  const [top, left, bottom, right] = margins(window, input, output);
  const pads = [0, top, left, 0, 0, bottom, right, 0];
  const padded = pads.every((p) => p === 0) ? x : graph.op('Pad', [x, graph.ints(pads)]);
  const [rows, columns] = [top + input[0] + bottom, left + input[1] + right];
  const places = graph.op('Reshape', [padded, graph.ints([0, rows * columns, -1])]);
  return graph.op('Gather', [places, graph.ints(placesOf(window, columns, output))], { axis: { int: 1 } });
}

/**
 * For each tap and each place of the output, the index of the place in the padded image that the tap reads.
 */
function placesOf({ kernel, strides, dilations }: Window, columns: number, output: Pair): number[] {
  const along = (axis: 0 | 1, tap: number): number[] =>
    Array.from({ length: output[axis] }, (_, i) => i * strides[axis] + tap * dilations[axis]);
  const places: number[] = [];
  for (let i = 0; i < kernel[0]; i++) {
    for (let j = 0; j < kernel[1]; j++) {
      for (const y of along(0, i)) for (const x of along(1, j)) places.push(y * columns + x);
    }
  }
  return places;
}

/** Attributes of the ConvTranspose that takes values of spatial size `output` back to the size `input`. */
export function foldAttributes(window: Window, input: Pair, output: Pair): Record<string, RawAttribute> {
  const [height, width] = paddedSize(window, output);
  const [top, left] = window.pads;
  const after: Pair = [height - top - input[0], width - left - input[1]];
  return {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    dilations: { ints: window.dilations },
    pads: { ints: [top, left, Math.max(0, after[0]), Math.max(0, after[1])] },
    // The rows and columns at the end of the input that no window reaches.
    output_padding: { ints: [Math.max(0, -after[0]), Math.max(0, -after[1])] },
  };
}

/**
 * Number of rows and columns that the windows reach, counted from the first row and column of the padding.
 */
function paddedSize(window: Window, output: Pair): Pair {
  const along = (axis: 0 | 1): number =>
    (output[axis] - 1) * window.strides[axis] + (window.kernel[axis] - 1) * window.dilations[axis] + 1;
  return [along(0), along(1)];
}

function pad(
  graph: GraphBuilder,
  x: string,
  window: Window,
  input: Pair,
  output: Pair,
  fill: number,
): string {
  const [top, left, bottom, right] = margins(window, input, output);
  if (top + left + bottom + right === 0) return x;
  const pads = graph.ints([0, 0, top, left, 0, 0, bottom, right]);
  return graph.op('Pad', fill === 0 ? [x, pads] : [x, pads, graph.scalar(fill)]);
}

/** Number of rows and columns to add above, left, below and right, so that all windows lie inside. */
function margins(window: Window, input: Pair, output: Pair): Pads {
  const [top, left] = window.pads;
  const [height, width] = paddedSize(window, output);
  return [top, left, Math.max(0, height - top - input[0]), Math.max(0, width - left - input[1])];
}

function tap(
  graph: GraphBuilder,
  padded: string,
  window: Window,
  extent: Pair,
  position: Pair,
  output: Pair,
): string {
  const start = [position[0] * window.dilations[0], position[1] * window.dilations[1]];
  const end = [0, 1].map((axis) => start[axis]! + (output[axis]! - 1) * window.strides[axis]! + 1);
  const whole = window.strides.every((s) => s === 1) && end.every((e, axis) => e === extent[axis]);
  if (whole && start.every((s) => s === 0)) return padded;
  return graph.op('Slice', [
    padded,
    graph.ints(start),
    graph.ints(end),
    graph.ints([2, 3]),
    graph.ints(window.strides),
  ]);
}
