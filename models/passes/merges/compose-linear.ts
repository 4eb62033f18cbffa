import type { ConvAttributes, Model, NodeOf } from '../../graph.ts';

/**
 * A convolution in float64, with weights [M, C / group, kh, kw] and bias [M]. A fully connected layer has a 1
 * x 1 kernel.
 */
export type Linear = {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly attributes: ConvAttributes;
  readonly weights: Float64Array;
  readonly bias: Float64Array;
};

const fullyConnected: ConvAttributes = {
  kernel: [1, 1],
  strides: [1, 1],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  group: 1,
};

/** Reads the weights and bias of a linear node as a convolution. */
export function read(model: Model, node: NodeOf<'Conv'> | NodeOf<'Gemm'> | NodeOf<'MatMul'>): Linear {
  const { shape, data } = model.weights.get(node.inputs[1]!)!;
  const bias = model.weights.get(node.inputs[2] ?? '')?.data;
  const ofBias = (outChannels: number, beta: number) =>
    Float64Array.from({ length: outChannels }, (_, m) =>
      bias === undefined ? 0 : beta * bias[bias.length === 1 ? 0 : m]!,
    );
  if (node.op === 'Conv') {
    const [outChannels, perGroup] = shape as [number, number];
    const { attributes } = node;
    const inChannels = perGroup * attributes.group;
    const weights = new Float64Array(data);
    return { inChannels, outChannels, attributes, weights, bias: ofBias(outChannels, 1) };
  }
  const { alpha, beta, transB } = node.op === 'Gemm' ? node.attributes : { alpha: 1, beta: 1, transB: false };
  const [outChannels, inChannels] = (transB ? shape : shape.toReversed()) as [number, number];
  const weights = Float64Array.from({ length: data.length }, (_, i) => {
    const [m, k] = [Math.floor(i / inChannels), i % inChannels];
    return alpha * data[transB ? i : k * outChannels + m]!;
  });
  return { inChannels, outChannels, attributes: fullyConnected, weights, bias: ofBias(outChannels, beta) };
}

/**
 * Whether composing the two is exact at the border. The second convolution reads zeros beyond the first one's
 * output, so the first must give zeros there too, or the second must have no padding.
 */
export function hasEmptyBorder(first: Linear, second: Linear): boolean {
  if (second.attributes.pads.every((n) => n === 0)) return true;
  const { kernel, pads } = first.attributes;
  return [...kernel].every((n) => n === 1) && pads.every((n) => n === 0) && first.bias.every((b) => b === 0);
}

/**
 * The convolution second(first(x)), ignoring borders (see `hasEmptyBorder`). Tap a of the first and tap d of
 * the second meet at a d1 + d s1 d2, with dilations d1 and d2 and strides s1 and s2:
 *
 *   K[o, i, a d1 + d s1 d2] += K2[o, m, d] K1[m, i, a],    b[o] = b2[o] + sum K2[o, m, d] b1[m]
 *
 * The result has stride s1 s2 and padding p1 + s1 p2. Returns undefined if both have groups and their numbers
 * differ.
 */
export function composed(first: Linear, second: Linear): Linear | undefined {
  const [g1, g2] = [first.attributes.group, second.attributes.group];
  if (g1 !== g2 && g1 !== 1 && g2 !== 1) return undefined;
  const axes = [mergedAxis(first, second, 0), mergedAxis(first, second, 1)] as const;
  const both = <T>(of: (axis: MergedAxis) => T): [T, T] => [of(axes[0]), of(axes[1])];
  const attributes: ConvAttributes = {
    kernel: both(({ size }) => size),
    strides: both(({ stride }) => stride),
    pads: [axes[0].before, axes[1].before, axes[0].after, axes[1].after],
    dilations: both(({ dilation }) => dilation),
    group: g1 === g2 ? g1 : 1,
  };
  return {
    ...{ inChannels: first.inChannels, outChannels: second.outChannels, attributes },
    weights: composedWeights(first, second, attributes, {
      first: places(axes, 'first'),
      second: places(axes, 'second'),
    }),
    bias: composedBias(first, second),
  };
}

function composedBias(first: Linear, second: Linear): Float64Array {
  const taps = second.attributes.kernel[0] * second.attributes.kernel[1];
  const middles = first.outChannels / second.attributes.group;
  return second.bias.map((b, o) => {
    const firstMiddle = groupOf(o, second.outChannels, second) * middles;
    let sum = b;
    for (let i = 0; i < middles * taps; i++) {
      sum += second.weights[o * middles * taps + i]! * first.bias[firstMiddle + Math.floor(i / taps)]!;
    }
    return sum;
  });
}

function groupOf(channel: number, channels: number, { attributes }: Pick<Linear, 'attributes'>): number {
  return Math.floor((channel * attributes.group) / channels);
}

/** `places` says where each tap of the two lies in the merged kernel. */
function composedWeights(
  first: Linear,
  second: Linear,
  attributes: ConvAttributes,
  places: { readonly first: readonly number[]; readonly second: readonly number[] },
): Float64Array {
  const { outChannels } = second;
  const area = attributes.kernel[0] * attributes.kernel[1];
  const inputs = first.inChannels / first.attributes.group;
  const middles = first.outChannels / second.attributes.group;
  const width = first.inChannels / attributes.group;
  const weights = new Float64Array(outChannels * width * area);
  for (let o = 0; o < outChannels; o++) {
    // The first input channel of the merged row, and the first middle channel that it sums over.
    const start = groupOf(o, outChannels, { attributes }) * width;
    const middle = groupOf(o, outChannels, second) * middles;
    for (let j = 0; j < middles; j++) {
      const input = groupOf(middle + j, first.outChannels, first) * inputs;
      places.second.forEach((to, d) => {
        const factor = second.weights[(o * middles + j) * places.second.length + d]!;
        for (let c = 0; c < inputs; c++) {
          const row = (o * width + input + c - start) * area + to;
          const from = ((middle + j) * inputs + c) * places.first.length;
          places.first.forEach((at, a) => (weights[row + at]! += factor * first.weights[from + a]!));
        }
      });
    }
  }
  return weights;
}

/** One axis of the merged kernel; `first` and `second` say how far apart the taps of each lie in it. */
type MergedAxis = {
  readonly size: number;
  readonly dilation: number;
  readonly stride: number;
  readonly before: number;
  readonly after: number;
  readonly first: { readonly taps: number; readonly step: number };
  readonly second: { readonly taps: number; readonly step: number };
};

function mergedAxis({ attributes: one }: Linear, { attributes: two }: Linear, axis: 0 | 1): MergedAxis {
  const [near, far] = [one.dilations[axis], one.strides[axis] * two.dilations[axis]];
  const [taps1, taps2] = [one.kernel[axis], two.kernel[axis]];
  const dilation = taps1 === 1 ? (taps2 === 1 ? 1 : far) : taps2 === 1 ? near : divisor(near, far);
  const first = { taps: taps1, step: near / dilation };
  const second = { taps: taps2, step: far / dilation };
  const pad = (side: 0 | 2) => one.pads[axis + side]! + one.strides[axis] * two.pads[axis + side]!;
  return {
    size: (taps1 - 1) * first.step + (taps2 - 1) * second.step + 1,
    ...{ dilation, stride: one.strides[axis] * two.strides[axis], before: pad(0), after: pad(2) },
    ...{ first, second },
  };
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

/** The position of each tap of one of the two convolutions in the merged kernel, row by row. */
function places([rows, columns]: readonly [MergedAxis, MergedAxis], which: 'first' | 'second'): number[] {
  const [down, right] = [rows[which], columns[which]];
  return Array.from({ length: down.taps * right.taps }, (_, i) => {
    const [row, column] = [Math.floor(i / right.taps), i % right.taps];
    return row * down.step * columns.size + column * right.step;
  });
}
