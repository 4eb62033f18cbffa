import type { NodeOf, Pair } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import { sizeOf } from '../../tensor.ts';
import type { Shape } from '../../tensor.ts';
import { weightGradient } from './conv-weight-gradient.ts';
import { suitsWinograd, winograd } from './conv-winograd.ts';
import { sumByChannel } from '../gradient.ts';
import type { Gradient, TrainingContext } from '../gradient.ts';
import { foldAttributes } from './unfold.ts';

/**
 * Uses Winograd's method for the 3 x 3 convolutions that it makes faster, and the direct one for all others.
 */
export const convGradient: Gradient<'Conv'> = (node, context) =>
  suitsWinograd(node, context) ? winograd(node, context) : directly(node, context);

/**
 * dx is the transposed convolution of dy, dW is a matrix product of dy with the unfolded x, and the bias gets
 * the sum of dy.
 */
export const directly: Gradient<'Conv'> = (node, context) => {
  context.forward(node);
  return (dy, wanted) => [
    wanted[0] ? inputGradient(node, context, dy) : undefined,
    wanted[1] ? weightGradient(node, context, dy) : undefined,
    wanted[2] ? sumByChannel(context.graph, dy, context.shapeOf(node.outputs[0]!)) : undefined,
  ];
};

type ConvNode = NodeOf<'Conv'>;

function sizes(node: ConvNode, { shapeOf }: TrainingContext): { input: Pair; output: Pair } {
  const input = shapeOf(node.inputs[0]!).slice(2) as [number, number];
  const output = shapeOf(node.outputs[0]!).slice(2) as [number, number];
  return { input, output };
}

/**
 * With stride 1 and one group, the transposed convolution equals a plain one with the flipped kernel. It also
 * equals a plain convolution of flipped images with the kernel as it is, which is cheaper when the images
 * have fewer numbers than the kernel. onnxruntime computes both faster than ConvTranspose. Milliseconds with
 * one thread, batch 32, 3 x 3 kernels, as ConvTranspose / kernel flipped / images flipped: 128 channels of 16
 * x 16 take 20 / 16 / 22, 256 of 8 x 8 take 27 / 17 / 21, 512 of 4 x 4 take 46 / 39 / 26.
 */
function inputGradient(node: ConvNode, context: TrainingContext, dy: string): string {
  const { input, output } = sizes(node, context);
  const { group, strides, pads } = node.attributes;
  const reach = reachOf(node);
  const plain = group === 1 && strides.every((s) => s === 1) && pads.every((p, i) => p <= reach[i % 2]!);
  if (plain) return plainConvolution(node, context, dy);
  if (group === 1 && areFew(node, context)) return stackedTransposed(node, context, dy);
  return transposed(node, context, { dy, input, output });
}

type Maps = { readonly dy: string; readonly input: Pair; readonly output: Pair };

function transposed(node: ConvNode, { graph }: TrainingContext, { dy, input, output }: Maps): string {
  return graph.op('ConvTranspose', [dy, node.inputs[1]!], {
    ...foldAttributes(node.attributes, input, output),
    group: { int: node.attributes.group },
  });
}

/**
 * Stacks the images into one tall image, with rows of zeros between them, so that onnxruntime reads the
 * weights once and not once per image (512 to 256 maps of 4 x 4 with stride 2, batch 32, one thread: 10.6 ms
 * instead of 14.5).
 */
function stackedTransposed(node: ConvNode, context: TrainingContext, dy: string): string {
  const { graph, batch, shapeOf } = context;
  const { input, output } = sizes(node, context);
  const [maps, channels] = shapeOf(node.inputs[1]!) as [number, number];
  const [stride, top] = [node.attributes.strides[0], node.attributes.pads[0]];
  // Enough rows that the next image's contribution begins below this image's last row, and that this image's
  // contribution ends above the next image's first row.
  const below = Math.ceil((input[0] + top) / stride);
  const above = output[0] + Math.ceil((reachOf(node)[0] - top + 1) / stride) - 1;
  const rows = Math.max(output[0], below, above);
  const channelsFirst = (value: string) => graph.op('Transpose', [value], { perm: { ints: [1, 0, 2, 3] } });
  const gap = graph.ints([0, 0, 0, 0, 0, 0, rows - output[0], 0]);
  const stacked = graph.reshape(graph.op('Pad', [channelsFirst(dy), gap]), [
    1,
    maps,
    batch * rows,
    output[1],
  ]);
  const tall = transposed(node, context, {
    dy: stacked,
    input: [batch * rows * stride, input[1]],
    output: [batch * rows, output[1]],
  });
  const apart = graph.reshape(tall, [channels, batch, rows * stride, input[1]]);
  const kept = graph.op('Slice', [apart, graph.ints([0]), graph.ints([input[0]]), graph.ints([2])]);
  return channelsFirst(kept);
}

/** Whether the output has so few numbers that reading the weights takes most of the time. */
function areFew(node: ConvNode, { shapeOf }: TrainingContext): boolean {
  return 2 * sizeOf(shapeOf(node.outputs[0]!)) < sizeOf(shapeOf(node.inputs[1]!));
}

/** Distance in rows and columns from the kernel's first tap to its last. */
function reachOf({ attributes: { kernel, dilations } }: ConvNode): Pair {
  return [(kernel[0] - 1) * dilations[0], (kernel[1] - 1) * dilations[1]];
}

function plainConvolution(node: ConvNode, context: TrainingContext, dy: string): string {
  const { graph, shapeOf } = context;
  const { kernel, pads, dilations } = node.attributes;
  const [weight, x, y] = [node.inputs[1]!, node.inputs[0]!, node.outputs[0]!].map(shapeOf) as [
    Shape,
    Shape,
    Shape,
  ];
  const kernels = graph.op('Transpose', [node.inputs[1]!], { perm: { ints: [1, 0, 2, 3] } });
  const reach = reachOf(node);
  const opposite = pads.map((p, i) => reach[i % 2]! - p);
  const convolve = (images: string, w: string, around: readonly number[]) =>
    graph.op('Conv', [images, w], {
      kernel_shape: { ints: kernel },
      dilations: { ints: dilations },
      pads: { ints: around },
    });
  if (reach[0] === 0 && reach[1] === 0) return convolve(dy, kernels, opposite);
  if (!areFew(node, context)) {
    const turned = flip(graph, kernels, [weight[1]!, weight[0]!, ...kernel]);
    return convolve(dy, turned, opposite);
  }
  const [top, left, bottom, right] = opposite as [number, number, number, number];
  return flip(graph, convolve(flip(graph, dy, y), kernels, [bottom, right, top, left]), x);
}

/**
 * Rotates the last two axes of a value [A, B, h, w] by 180 degrees. Small axes are multiplied by a
 * permutation matrix, which gives the same numbers in a third of the time of slicing backwards (256 x 256
 * kernels of 3 x 3: 0.4 ms instead of 1.3).
 */
function flip(graph: GraphBuilder, value: string, shape: Shape): string {
  const n = sizeOf(shape.slice(2));
  if (n > mostTurned) return sliceBackwards(graph, value);
  const turn = new Float32Array(n * n);
  for (let i = 0; i < n; i++) turn[i * n + (n - 1 - i)] = 1;
  const rows = graph.reshape(value, [-1, n]);
  return graph.reshape(graph.op('MatMul', [rows, graph.floats(turn, [n, n])]), shape);
}

const mostTurned = 64;

function sliceBackwards(graph: GraphBuilder, value: string): string {
  const beforeStart = [-(2 ** 31), -(2 ** 31)]; // means "down to the first", whatever the size
  const back = graph.ints([-1, -1]);
  return graph.op('Slice', [value, back, graph.ints(beforeStart), graph.ints([2, 3]), back]);
}
