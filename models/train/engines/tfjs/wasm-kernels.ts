import * as tf from '@tensorflow/tfjs-core';

type Shape4 = readonly [number, number, number, number];

/** The attributes of a convolution with padding 'valid' in NHWC, the only kind that windows.ts uses. */
type Attributes = {
  readonly strides: number | readonly [number, number];
  readonly pad: string;
  readonly inputShape: Shape4;
  readonly filterShape: Shape4;
};

/** A kernel on its two inputs. Depthwise filters are [kh, kw, C, M], with M maps per channel. */
type Kernel = (
  a: tf.Tensor4D,
  b: tf.Tensor4D,
  strides: [number, number],
  attributes: Attributes,
) => tf.Tensor;

/**
 * The kernels that the wasm backend lacks to train convolutions, made of kernels that it has. The input's
 * gradient replaces its own kernel, with which a step of ResNet-8 takes half as long again (processor
 * milliseconds, batch 32: 338 instead of 207 to 256).
 */
const kernels: readonly { readonly name: string; readonly inputs: [string, string]; readonly run: Kernel }[] =
  [
    { name: 'Conv2DBackpropFilter', inputs: ['x', 'dy'], run: filterGradient },
    { name: 'Conv2DBackpropInput', inputs: ['dy', 'filter'], run: inputGradient },
    { name: 'DepthwiseConv2dNativeBackpropFilter', inputs: ['x', 'dy'], run: depthwiseFilterGradient },
    { name: 'DepthwiseConv2dNativeBackpropInput', inputs: ['dy', 'filter'], run: depthwiseInputGradient },
  ];

let isRegistered = false;

export function registerWasmKernels(): void {
  if (isRegistered) return;
  for (const { name, inputs, run } of kernels) {
    if (tf.getKernel(name, 'wasm') !== undefined) tf.unregisterKernel(name, 'wasm');
    const kernelFunc: tf.KernelFunc = ({ inputs: given, attrs }) => {
      const attributes = attrs as unknown as Attributes;
      const { strides, pad } = attributes;
      if (pad !== 'valid') throw new RangeError(`${name}: expected a convolution 'valid', got '${pad}'`);
      const [a, b] = inputs.map((input) => given[input] as tf.Tensor4D);
      return tf.tidy(() =>
        run(a!, b!, typeof strides === 'number' ? [strides, strides] : [...strides], attributes),
      );
    };
    tf.registerKernel({ kernelName: name, backendName: 'wasm', kernelFunc });
  }
  isRegistered = true;
}

/**
 * dW[i, j, c, m] = sum over images n and places p of x[n, s p + (i, j), c] dy[n, p, m]. This is a convolution
 * of x, with channels as images, by dy as a kernel that is dilated by the strides s.
 */
function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  strides: [number, number],
  { filterShape: [height, width] }: Attributes,
): tf.Tensor {
  const images = tf.transpose(x, [3, 1, 2, 0]);
  const kernel = tf.transpose(dy, [1, 2, 0, 3]);
  const product = tf.conv2d(images, kernel, 1, 'valid', 'NHWC', strides);
  return tf.transpose(tf.slice(product, [0, 0, 0, 0], [-1, height, width, -1]), [1, 2, 0, 3]);
}

/**
 * The convolution of dy with the flipped kernel. For strides over 1, there are zeros between the places of
 * dy.
 */
function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  strides: [number, number],
  { inputShape }: Attributes,
): tf.Tensor {
  const flipped = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  return tf.conv2d(surrounded(dy, filter.shape, strides, inputShape), flipped, 1, 'valid');
}

/** Like `inputGradient`, summed over the maps of each channel. */
function depthwiseInputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  strides: [number, number],
  { inputShape }: Attributes,
): tf.Tensor {
  const whole = surrounded(dy, filter.shape, strides, inputShape);
  const flipped = tf.reverse(filter, [0, 1]);
  const parts = Array.from({ length: filter.shape[3] }, (_, m) =>
    tf.depthwiseConv2d<tf.Tensor4D>(
      mapOf(whole, m, filter.shape),
      tf.slice(flipped, [0, 0, 0, m], [-1, -1, -1, 1]),
      1,
      'valid',
    ),
  );
  return parts.reduce((sum, part) => tf.add(sum, part));
}

/** dW[i, j, c, m] = sum over images n and places p of x[n, s p + (i, j), c] dy[n, p, c M + m]. */
function depthwiseFilterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  [down, right]: [number, number],
  { filterShape }: Attributes,
): tf.Tensor {
  const [height, width, channels, maps] = filterShape;
  const [n, rows, columns] = dy.shape;
  const gradients: tf.Tensor[] = [];
  for (let i = 0; i < height; i++) {
    for (let j = 0; j < width; j++) {
      const end = [n, i + (rows - 1) * down + 1, j + (columns - 1) * right + 1, channels];
      const under = tf.stridedSlice(x, [0, i, j, 0], end, [1, down, right, 1]);
      for (let m = 0; m < maps; m++)
        gradients.push(tf.sum(tf.mul(under, mapOf(dy, m, filterShape)), [0, 1, 2]));
    }
  }
  const stacked = tf.reshape(tf.stack(gradients), [height * width, maps, channels]);
  return tf.reshape(tf.transpose(stacked, [0, 2, 1]), [...filterShape]);
}

/** The m-th map of each channel. */
function mapOf(x: tf.Tensor4D, m: number, [, , channels, maps]: Shape4): tf.Tensor4D {
  if (maps === 1) return x;
  const end = [...x.shape.slice(0, 3), m + (channels - 1) * maps + 1];
  return tf.stridedSlice(x, [0, 0, 0, m], end, [1, 1, 1, maps]) as tf.Tensor4D;
}

/**
 * Spreads dy by the strides and surrounds it with as many zeros as the flipped kernel needs to reach every
 * place of the input.
 */
function surrounded(
  dy: tf.Tensor4D,
  [height, width]: Shape4,
  [down, right]: [number, number],
  [, rows, columns]: Shape4,
): tf.Tensor4D {
  const apart = spread(dy, down, right);
  return tf.pad(apart, [
    [0, 0],
    [height - 1, rows - apart.shape[1]],
    [width - 1, columns - apart.shape[2]],
    [0, 0],
  ]);
}

/** Inserts zeros between rows and between columns. */
function spread(x: tf.Tensor4D, down: number, right: number): tf.Tensor4D {
  const [n, rows, columns, channels] = x.shape;
  const apart = (value: tf.Tensor, outer: number, size: number, inner: number, step: number): tf.Tensor => {
    if (step === 1) return value;
    const around: [number, number][] = [
      [0, 0],
      [0, 0],
      [0, step - 1],
      [0, 0],
    ];
    const padded = tf.pad(tf.reshape(value, [outer, size, 1, inner]), around);
    return tf.slice(
      tf.reshape(padded, [outer, size * step, inner]),
      [0, 0, 0],
      [-1, (size - 1) * step + 1, -1],
    );
  };
  const tall = (rows - 1) * down + 1;
  const wide = (columns - 1) * right + 1;
  const byRows = apart(x, n, rows, columns * channels, down);
  return tf.reshape(apart(byRows, n * tall, columns, channels, right), [n, tall, wide, channels]);
}
