import type { NodeOf } from '../../graph.ts';
import type { GraphBuilder } from '../../onnx/graph-builder.ts';
import type { Shape } from '../../tensor.ts';
import { sumByChannel } from '../gradient.ts';
import type { Gradient, TrainingContext } from '../gradient.ts';
import { minimalFiltering } from './minimal-filtering.ts';
import type { Matrix } from './minimal-filtering.ts';

type ConvNode = NodeOf<'Conv'>;

/**
 * F(2, 3) and F(4, 3). For F(4, 3), these points have the least rounding error of ten sets tried: 8e-7 of the
 * result (root mean square, 64 channels), where the usual points 0, 1, -1, 2, -2 have 19e-7. F(2, 3) has
 * 3e-7.
 */
const [ofTwo, ofFour] = [minimalFiltering([0, 1, -1]), minimalFiltering([0, 5 / 8, -5 / 8, 3 / 2, -3 / 2])];

function filteringOf(places: number) {
  return places <= ofTwo.outputs ? ofTwo : ofFour;
}

/**
 * One axis of the maps, cut into tiles. The rows of `input` and `output` are (point, tile) pairs, their
 * columns places of the map.
 */
type Axis = {
  readonly points: number;
  readonly tiles: number;
  readonly input: Matrix;
  readonly output: Matrix;
  readonly kernel: Matrix;
};
type Axes = { readonly vertical: Axis; readonly horizontal: Axis };

function axesOf(node: ConvNode, inner: Shape, outer: Shape): Axes {
  const along = (axis: 0 | 1): Axis => {
    const [places, outputs] = [inner[axis + 2]!, outer[axis + 2]!];
    const filtering = filteringOf(outputs);
    const tiles = Math.ceil(outputs / filtering.outputs);
    const cut = (matrix: Matrix, before: number, size: number) =>
      cutIntoTiles(matrix, { step: filtering.outputs, tiles, before, size });
    return {
      points: filtering.input.length,
      tiles,
      input: cut(filtering.input, node.attributes.pads[axis], places),
      output: cut(filtering.output, 0, outputs),
      kernel: filtering.kernel,
    };
  };
  return { vertical: along(0), horizontal: along(1) };
}

type Cut = {
  readonly step: number;
  readonly tiles: number;
  readonly before: number;
  readonly size: number;
};

/**
 * Repeats the matrix of one tile along a whole axis of `size` places, once per tile, `step` places apart. The
 * first tile begins `before` places ahead of the axis.
 */
function cutIntoTiles(matrix: Matrix, { step, tiles, before, size }: Cut): Matrix {
  const places = Array.from({ length: size }, (_, i) => i + before);
  return matrix.flatMap((row) =>
    Array.from({ length: tiles }, (_, tile) => places.map((place) => row[place - tile * step] ?? 0)),
  );
}

/**
 * Whether Winograd's method is faster than the direct convolution with its gradients. Both are counted in
 * multiplications per pair of channel and map. The direct method takes 9 per place. Winograd's takes one per
 * point of each tile; transforming a tile costs as much as 56 products per channel and per map, and
 * transforming the kernels as much as 30 tiles.
 *
 * Processor milliseconds, one thread, forward pass and both gradients, direct / Winograd. 32 images: 512
 * channels of 4 x 4 take 48 / 28, 256 of 8 x 8 take 43 / 20, 128 of 16 x 16 take 45 / 24, 64 of 32 x 32 take
 * 53 / 46, 32 of 32 x 32 take 18 / 19. 128 images: 64 channels of 7 x 7 take 14 / 8. 8 images: 512 channels
 * of 4 x 4 take 14 / 20.
 */
export function suitsWinograd(node: ConvNode, { shapeOf }: TrainingContext): boolean {
  const { kernel, strides, dilations, group } = node.attributes;
  if (kernel.some((k) => k !== 3) || [...strides, ...dilations, group].some((s) => s !== 1)) return false;
  const [batch, maps, ...outputs] = shapeOf(node.outputs[0]!) as [number, number, number, number];
  const channels = shapeOf(node.inputs[0]!)[1]!;
  const sizes = outputs.map((size) => ({ size, ...filteringOf(size) }));
  const perImage = (of: (axis: (typeof sizes)[number]) => number) => sizes.map(of).reduce((a, b) => a * b);
  const places = batch * perImage(({ size }) => size);
  const tiles = batch * perImage(({ size, outputs: m }) => Math.ceil(size / m));
  const points = perImage(({ input }) => input.length);
  return 9 * places > points * (tiles * (1 + 56 / channels + 56 / maps) + 30);
}

/**
 * A convolution by Winograd's minimal filtering, with gradients by the transposed steps. Tiles of x and
 * kernels w are evaluated at points, and at each point a matrix product joins channels and maps:
 *
 *     y = A' (B x . G w)      dx = B' (A dy . G w)      dw = G' (A dy . B x)
 *
 * A tile of 4 x 4 outputs takes 36 multiplications instead of 144. The backward pass reuses B x and G w of
 * the forward pass.
 */
export const winograd: Gradient<'Conv'> = (node, context) => {
  const { graph, shapeOf } = context;
  const [x, weight, bias = ''] = node.inputs as [string, string, string?];
  const y = node.outputs[0]!;
  const [inner, outer, kernel] = [x, y, weight].map(shapeOf) as [Shape, Shape, Shape];
  const axes = axesOf(node, inner, outer);
  const kernels = kernelPoints(graph, weight, kernel, axes);
  const tiles = toPoints(graph, x, inner, axes, 'input');
  const sums = fromPoints(graph, product(graph, tiles, turned(graph, kernels, 5)), outer, axes, 'output');
  if (bias === '') graph.alias(sums, y);
  else graph.append({ op: 'Add', inputs: [sums, graph.reshape(bias, [-1, 1, 1])], outputs: [y] });

  return (dy, wanted) => {
    const slopes = toPoints(graph, dy, outer, axes, 'output');
    const ofInput = () => fromPoints(graph, product(graph, slopes, kernels), inner, axes, 'input');
    const ofWeight = () => {
      const perTile = product(graph, turned(graph, slopes, 5), tiles);
      const points = axes.horizontal.tiles === 1 ? perTile : graph.sum(perTile, [1], false);
      return kernelsOf(graph, points, kernel, axes);
    };
    return [
      wanted[0] ? ofInput() : undefined,
      wanted[1] ? ofWeight() : undefined,
      wanted[2] ? sumByChannel(graph, dy, outer) : undefined,
    ];
  };
};

type Side = 'input' | 'output';

/**
 * Evaluates a value [N, C, H, W] at the points of its tiles. The result is [horizontal points, tiles per row,
 * vertical points, rows of tiles * N, C]. Each step moves the last axis to the front as part of its matrix
 * product, so no value is copied to another layout.
 */
function toPoints(
  graph: GraphBuilder,
  value: string,
  shape: Shape,
  { vertical: v, horizontal: h }: Axes,
  side: Side,
): string {
  const [images, channels, height, width] = shape as [number, number, number, number];
  const across = graph.op('Gemm', [constant(graph, h[side]), graph.reshape(value, [-1, width])], {
    transB: { int: 1 },
  });
  const apart = graph.reshape(across, [h[side].length, images * channels, height]);
  const points = product(graph, constant(graph, v[side]), turned(graph, apart));
  return graph.reshape(points, [h.points, h.tiles, v.points, v.tiles * images, channels]);
}

/** The transpose of `toPoints`: its steps transposed and in the opposite order. */
function fromPoints(
  graph: GraphBuilder,
  value: string,
  shape: Shape,
  { vertical: v, horizontal: h }: Axes,
  side: Side,
): string {
  const apart = graph.reshape(value, [h[side].length, v[side].length, -1]);
  const down = product(graph, turned(graph, apart), constant(graph, v[side]));
  const places = graph.op('Gemm', [graph.reshape(down, [h[side].length, -1]), constant(graph, h[side])], {
    transA: { int: 1 },
  });
  return graph.reshape(places, shape);
}

/**
 * Evaluates kernels [M, C, 3, 3] at the points: [horizontal points, 1, vertical points, M, C]. The axis of 1
 * broadcasts over the tiles of a row.
 */
function kernelPoints(graph: GraphBuilder, weight: string, shape: Shape, axes: Axes): string {
  const { vertical, horizontal } = axes;
  const flat = graph.reshape(weight, [-1, 9]);
  const points = graph.op('Gemm', [kernelMatrix(graph, axes), flat], { transB: { int: 1 } });
  return graph.reshape(points, [horizontal.points, 1, vertical.points, ...shape.slice(0, 2)]);
}

function kernelsOf(graph: GraphBuilder, points: string, shape: Shape, axes: Axes): string {
  const flat = graph.reshape(points, [axes.vertical.points * axes.horizontal.points, -1]);
  const taps = graph.op('Gemm', [flat, kernelMatrix(graph, axes)], { transA: { int: 1 } });
  return graph.reshape(taps, shape);
}

/** The matrix [points, 9] that says how much each of the nine taps adds at each pair of points. */
function kernelMatrix(graph: GraphBuilder, { vertical, horizontal }: Axes): string {
  return constant(
    graph,
    horizontal.kernel.flatMap((a) =>
      vertical.kernel.map((b) => b.flatMap((down) => a.map((across) => down * across))),
    ),
  );
}

function product(graph: GraphBuilder, a: string, b: string): string {
  return graph.op('MatMul', [a, b]);
}

/** Transposes the last two axes, which onnxruntime makes part of the matrix product that follows. */
function turned(graph: GraphBuilder, points: string, rank = 3): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  return graph.op('Transpose', [points], { perm: { ints: [...perm.slice(0, -2), rank - 1, rank - 2] } });
}

function constant(graph: GraphBuilder, matrix: Matrix): string {
  return graph.floats(Float32Array.from(matrix.flat()), [matrix.length, matrix[0]!.length]);
}
