import * as tf from '@tensorflow/tfjs-core';
import type { NodeOf, OpAttributes, Pads, Pair } from '../../../graph.ts';
import type { Window } from '../../../ops/windows/window.ts';

/*
 * Convolutions and poolings with tfjs. All its backends want channels last; values here have channels first.
 */

const toLast = (x: tf.Tensor): tf.Tensor4D => tf.transpose(x as tf.Tensor4D, [0, 2, 3, 1]);
const toFirst = (x: tf.Tensor): tf.Tensor => tf.transpose(x, [0, 3, 1, 2]);

/**
 * Convolves x [N, C, H, W] with a kernel [M, C / group, kh, kw] and adds the bias [M], which may be absent.
 */
export function conv(node: NodeOf<'Conv'>, [x, kernel, bias]: readonly tf.Tensor[]): tf.Tensor {
  const { strides, pads, dilations, group } = node.attributes;
  const images = surround(toLast(x!), pads, 0);
  const y: tf.Tensor = grouped(images, kernel as tf.Tensor4D, { strides, dilations, group });
  const sum = bias === undefined ? y : tf.add(y, bias);
  return toFirst(sum);
}

type Sliding = { readonly strides: Pair; readonly dilations: Pair; readonly group: number };

function grouped(
  images: tf.Tensor4D,
  kernel: tf.Tensor4D,
  { strides, dilations, group }: Sliding,
): tf.Tensor4D {
  const [maps, perGroup, height, width] = kernel.shape;
  if (group > 1 && perGroup === 1) {
    const each = tf.reshape<tf.Rank.R4>(kernel, [group, maps / group, height, width]);
    const filter = dilate(tf.transpose(each, [2, 3, 0, 1]), dilations);
    return tf.depthwiseConv2d(images, filter, strides as [number, number], 'valid');
  }
  const filter = dilate(tf.transpose(kernel, [2, 3, 1, 0]), dilations);
  const convolve = (part: tf.Tensor4D, by: tf.Tensor4D) =>
    tf.conv2d(part, by, strides as [number, number], 'valid');
  if (group === 1) return convolve(images, filter);
  const filters = tf.split<tf.Tensor4D>(filter, group, 3);
  const parts = tf.split<tf.Tensor4D>(images, group, 3).map((part, g) => convolve(part, filters[g]!));
  return tf.concat(parts, 3);
}

/**
 * Inserts zeros between the taps of a kernel [kh, kw, I, O], because tfjs has no gradient of a dilated
 * convolution.
 */
function dilate(kernel: tf.Tensor4D, [rows, columns]: Pair): tf.Tensor4D {
  const [height, width, inputs, outputs] = kernel.shape;
  const depth = inputs * outputs;
  const tall = spread(tf.reshape(kernel, [height, 1, width * depth]), rows);
  const turned = tf.transpose(tf.reshape(tall, [-1, width, depth]), [1, 0, 2]);
  const wide = spread(tf.reshape(turned, [width, 1, -1]), columns);
  const back = tf.transpose(tf.reshape(wide, [wide.shape[0], -1, depth]), [1, 0, 2]);
  return tf.reshape<tf.Rank.R4>(back, [back.shape[0], back.shape[1]!, inputs, outputs]);
}

/** Inserts `step` - 1 rows of zeros between the rows of [n, 1, m]: [(n - 1) step + 1, m]. */
function spread(rows: tf.Tensor, step: number): tf.Tensor {
  const [n, , m] = rows.shape as [number, number, number];
  if (step === 1) return tf.reshape(rows, [n, m]);
  const apart = tf.pad(rows, [
    [0, 0],
    [0, step - 1],
    [0, 0],
  ]);
  return tf.slice(tf.reshape(apart, [n * step, m]), [0, 0], [(n - 1) * step + 1, m]);
}

/** Pads height and width of a value with channels last. */
function surround(x: tf.Tensor4D, [top, left, bottom, right]: Pads, value: number): tf.Tensor4D {
  if (top + left + bottom + right === 0) return x;
  return tf.pad(
    x,
    [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    value,
  );
}

/** The padding that an image needs so that all windows fit, with those that ceil mode adds. */
function reach(window: Window, input: Pair, output: Pair): Pads {
  const [top, left, bottom, right] = window.pads;
  const after = ([0, 1] as const).map((axis) => {
    const extent = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
    return (output[axis] - 1) * window.strides[axis] + extent - window.pads[axis] - input[axis];
  });
  return [top, left, Math.max(bottom, after[0]!), Math.max(right, after[1]!)];
}

const spatialOf = (shape: readonly number[]): Pair => [shape.at(-2)!, shape.at(-1)!];

/** The maximum over windows. `output` is the shape of the node's value. A padded place is never a maximum. */
export function maxPool(node: NodeOf<'MaxPool'>, x: tf.Tensor, output: readonly number[]): tf.Tensor {
  const { kernel, strides, dilations } = node.attributes;
  const size = spatialOf(output);
  const images = surround(
    toLast(x),
    reach(node.attributes, spatialOf(x.shape), size),
    Number.NEGATIVE_INFINITY,
  );
  if (dilations.some((d) => d > 1)) return toFirst(tf.max(taps(images, node.attributes, size), 0));
  const pooled = tf.maxPool(images, [...kernel], [...strides], 'valid');
  return toFirst(tf.slice(pooled, [0, 0, 0, 0], [-1, ...size, -1]));
}

/**
 * The values under each tap of a window, [taps, N, H', W', C], because tfjs has no gradient of a dilated
 * pooling.
 */
function taps(images: tf.Tensor4D, { kernel, strides, dilations }: Window, output: Pair): tf.Tensor {
  const places = (axis: 0 | 1, tap: number) => {
    const first = tap * dilations[axis];
    return tf.range(first, first + output[axis] * strides[axis], strides[axis], 'int32');
  };
  const rows = Array.from({ length: kernel[0] }, (_, i) => tf.gather(images, places(0, i), 1));
  return tf.stack(
    rows.flatMap((row) => Array.from({ length: kernel[1] }, (_, j) => tf.gather(row, places(1, j), 2))),
  );
}

/**
 * The mean over windows: the average of all values, with zeros for padding, divided by the share of places
 * that count.
 */
export function averagePool(node: NodeOf<'AveragePool'>, x: tf.Tensor, output: readonly number[]): tf.Tensor {
  const { kernel, strides } = node.attributes;
  const [input, size] = [spatialOf(x.shape), spatialOf(output)];
  const whole = reach(node.attributes, input, size);
  const pool = (images: tf.Tensor4D) =>
    tf.slice(tf.avgPool(images, [...kernel], [...strides], 'valid'), [0, 0, 0, 0], [-1, ...size, -1]);
  const counted = counts(node.attributes, input, whole);
  return toFirst(tf.div(pool(surround(toLast(x), whole, 0)), pool(counted)));
}

/**
 * 1 for places that count and 0 for the others, [1, H, W, 1]. Padding counts if the node says so; what ceil
 * mode adds never counts.
 */
function counts(attributes: OpAttributes['AveragePool'], input: Pair, whole: Pads): tf.Tensor4D {
  const ones = tf.ones<tf.Rank.R4>([1, ...input, 1]);
  if (!attributes.countIncludePad) return surround(ones, whole, 0);
  const own = attributes.pads;
  const rest: Pads = [0, 0, whole[2] - own[2], whole[3] - own[3]];
  return surround(surround(ones, own, 1), rest, 0);
}
