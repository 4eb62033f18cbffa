import type { NodeOf } from '../graph.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Shape } from '../tensor.ts';
import { sumByChannel } from './gradient.ts';
import type { Gradient, TrainingContext } from './gradient.ts';
import { minimalFiltering } from './minimal-filtering.ts';
import type { Matrix } from './minimal-filtering.ts';

type ConvNode = NodeOf<'Conv'>;

/**
 * F(2, 3) and F(4, 3). Of F(4, 3)'s points these err least of ten sets tried: relative to the result 8e-7 (root mean square, 64
 * channels), the usual 0, 1, -1, 2, -2 19e-7; F(2, 3) 3e-7.
 */
const [ofTwo, ofFour] = [minimalFiltering([0, 1, -1]), minimalFiltering([0, 5 / 8, -5 / 8, 3 / 2, -3 / 2])];

function filteringOf(places: number) {
  return places <= ofTwo.outputs ? ofTwo : ofFour;
}

/** One axis of the maps, cut into tiles. Rows of the matrices: for each point each tile; columns: places of the map. */
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

/** The rows of a tile's matrix on the whole axis; the first tile begins `before` places ahead of it. */
function cutIntoTiles(matrix: Matrix, { step, tiles, before, size }: Cut): Matrix {
  const places = Array.from({ length: size }, (_, i) => i + before);
  return matrix.flatMap((row) =>
    Array.from({ length: tiles }, (_, tile) => places.map((place) => row[place - tile * step] ?? 0)),
  );
}

/**
 * Whether it takes less time than the convolution and its gradients as they are. In multiplications for each channel and map: 9 a
 * place, or one a point of a tile; a tile's way there and back costs as much as 56 a channel and a map, the kernels' as much as 30 tiles.
 * Processor's ms, one thread, forward and both gradients, direct and so: 32 images, 512 channels of 4 x 4 48 and 28, 256 of 8 x 8
 * 43 and 20, 128 of 16 x 16 45 and 24, 64 of 32 x 32 53 and 46, 32 of 32 x 32 18 and 19; 128 images, 64 of 7 x 7 14 and 8; 8 images,
 * 512 of 4 x 4 14 and 20.
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
 * A convolution by Winograd's minimal filtering, and its gradients by the transposed steps: tiles of x and the kernels become points,
 * at each of which a product of matrices joins channels and maps,
 *
 *     y = A' (B x . G w)      dx = B' (A dy . G w)      dw = G' (A dy . B x)
 *
 * For 4 x 4 outputs 36 multiplications in place of 144. B x and G w of the forward pass serve the backward one.
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
 * A value [N, C, H, W] at the points of its tiles: [horizontal points, tiles of a row, vertical points, rows of tiles and images, C]. Each
 * step takes the last axis to the front: no value is laid out anew.
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

/** The transposed steps of `toPoints`, in the opposite order. */
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

/** Kernels [M, C, 3, 3] at the points: [horizontal points, 1, vertical points, M, C], for each row's tiles alike. */
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

/** For each pair of points what each of the nine taps adds. */
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

/** The matrices at the points transposed, which onnxruntime makes part of their product. */
function turned(graph: GraphBuilder, points: string, rank = 3): string {
  const perm = Array.from({ length: rank }, (_, i) => i);
  return graph.op('Transpose', [points], { perm: { ints: [...perm.slice(0, -2), rank - 1, rank - 2] } });
}

function constant(graph: GraphBuilder, matrix: Matrix): string {
  return graph.floats(Float32Array.from(matrix.flat()), [matrix.length, matrix[0]!.length]);
}
