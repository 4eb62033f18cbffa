import * as tf from '@tensorflow/tfjs-core';

type FilterGradient = {
  readonly strides: number | readonly [number, number];
  readonly pad: string;
  readonly dataFormat: string;
  readonly filterShape: readonly [number, number, number, number];
};

/** Adds to the wasm backend the kernel without which it trains no convolution. */
export function registerWasmKernels(): void {
  if (tf.getKernel('Conv2DBackpropFilter', 'wasm') !== undefined) return;
  tf.registerKernel({
    kernelName: 'Conv2DBackpropFilter',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs }) =>
      filterGradient(
        inputs['x'] as tf.Tensor4D,
        inputs['dy'] as tf.Tensor4D,
        attrs as unknown as FilterGradient,
      ),
  });
}

/**
 * dW[i, j, c, m] = sum over images n and places p of x[n, s p + (i, j), c] dy[n, p, m], for a convolution without padding: one of x,
 * channels for images, with dy as a kernel dilated by the strides s.
 */
function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dataFormat, filterShape }: FilterGradient,
): tf.Tensor {
  if (pad !== 'valid' || dataFormat !== 'NHWC')
    throw new RangeError(`expected a convolution 'valid' in NHWC, got '${pad}' in ${dataFormat}`);
  const [height, width] = filterShape;
  const apart = typeof strides === 'number' ? ([strides, strides] as const) : strides;
  return tf.tidy(() => {
    const images = tf.transpose(x, [3, 1, 2, 0]);
    const kernel = tf.transpose(dy, [1, 2, 0, 3]);
    const product = tf.conv2d(images, kernel, 1, 'valid', 'NHWC', [...apart]);
    return tf.transpose(tf.slice(product, [0, 0, 0, 0], [-1, height, width, -1]), [1, 2, 0, 3]);
  });
}
