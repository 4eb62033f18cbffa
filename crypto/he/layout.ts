import { PlanError } from '../../src/shared/errors.ts';
import { count } from '../../src/shared/format.ts';
import { linearParams } from '../params.ts';
import { outputSize } from '../spec.ts';
import type { LinearSpec } from '../spec.ts';
import { linearCosts } from './costs.ts';
import { answerBytes, requestCiphertextBytes } from './engine.ts';
import { answerRoom, oneTile } from './exchange.ts';
import { headroomBits } from './noise.ts';
import { spatialTiles } from './pack.ts';
import type { Layout, Range } from './pack.ts';

/** The seconds of a byte at 100 Mbit/s. */
const byteSeconds = 8e-8;

/**
 * What a layout is chosen by, in seconds: the work of both parties on one thread in a first inference, which
 * transforms the weights, and the bytes.
 */
const costs = {
  product: linearCosts.transformWeight + linearCosts.product,
  input: linearCosts.encryptInput + linearCosts.readInput + requestCiphertextBytes * byteSeconds,
  output: linearCosts.respondOutput + linearCosts.decryptOutput + answerBytes * byteSeconds,
};

/** The cost of a layout: the ciphertexts each way and the products of a ciphertext and a plaintext. */
export type LayoutCost = { readonly inputs: number; readonly outputs: number; readonly products: number };

export function layoutCost(layout: Layout): LayoutCost {
  return costOf(spatialTiles(layout), channelPairs(layout));
}

/** Of one spatial tile: the ranges each way, and their pairs that share a group. */
type ChannelPairs = { readonly inputs: number; readonly outputs: number; readonly pairs: number };

function costOf(tiles: number, { inputs, outputs, pairs }: ChannelPairs): LayoutCost {
  return { inputs: inputs * tiles, outputs: outputs * tiles, products: pairs * tiles };
}

/** A range is part of a group or holds whole groups; two are a pair where they share one. */
function channelPairs(layout: Channels & Pick<Layout, 'spec'>): ChannelPairs {
  const { group, inChannels, outChannels } = layout.spec;
  const [inputs, outputs] = [layout.inputRanges.length, layout.outputRanges.length];
  const groupsIn = Math.max(1, (layout.inputChannels * group) / inChannels);
  const groupsOut = Math.max(1, (layout.outputChannels * group) / outChannels);
  const parts = (inputs / Math.ceil(group / groupsIn)) * (outputs / Math.ceil(group / groupsOut));
  let pairs = 0;
  for (let g = 0; g < group; g++) if (g % groupsIn === 0 || g % groupsOut === 0) pairs += parts;
  return { inputs, outputs, pairs };
}

/** A cost in the seconds of `costs`; only ratios mean something. */
export function costSeconds({ products, inputs, outputs }: LayoutCost): number {
  return products * costs.product + inputs * costs.input + outputs * costs.output;
}

/** That of a step with its cheapest layout. Throws PlanError as `layoutOf` does. */
export function linearSeconds(spec: LinearSpec): number {
  return costSeconds(layoutCost(layoutOf(spec)));
}

const chosen = new Map<string, Layout>();
const mostLayouts = 1024;

/**
 * The cheapest layout of a step. Both parties derive it from the same public spec. Throws PlanError when
 * there is none.
 */
export function layoutOf(spec: LinearSpec): Layout {
  // The key is the content of the spec, because a spec that has crossed to a worker is another object.
  const key = JSON.stringify(spec);
  let layout = chosen.get(key);
  if (layout === undefined) {
    layout = chooseLayout(spec, linearParams.degree);
    if (chosen.size >= mostLayouts) chosen.clear();
    chosen.set(key, layout);
  }
  return layout;
}

/**
 * The most bytes that a spatial tile takes at the server, which holds all its channels at once: the threads
 * of a pool share 4 GiB. A window of the kernel that fills a ciphertext may have 5,800 channels in and as
 * many out. The exchanges of a layer may be any number.
 */
export const mostTileBytes: number = 2 ** 30;

/**
 * The most layouts that are compared for one step: 64 channels of 224 x 224 have 0.2 million, a microsecond
 * each.
 */
const mostCandidates = 2 ** 21;

/**
 * The layout of least cost, of equal ones the first in the order of `tilings` and `channelCuts`. A layout is
 * made only if it costs less than the best before it: one step may have 0.2 million.
 */
export function chooseLayout(given: LinearSpec, degree: number): Layout {
  checkSpec(given);
  if (candidateCount(given) > mostCandidates) {
    throw new PlanError(`${describe(given)}: its tiles can be cut in more than ${mostCandidates} ways`);
  }
  const plain = subsampled(given);
  const cuts = channelCuts(plain.spec);
  let best: Layout | undefined;
  let bestCost = Infinity;
  let [headroom, tileBytes] = [-Infinity, Infinity];
  for (const tiling of tilings(plain.spec, degree)) {
    const tiles = spatialTiles(tiling);
    for (const cut of cuts) {
      if (!fits(tiling, cut.channels)) continue;
      cut.counts ??= channelPairs({ ...plain, ...cut.channels });
      const cost = costSeconds(costOf(tiles, cut.counts));
      if (cost >= bestCost) continue;
      const layout = { ...plain, ...tiling, ...cut.channels };
      const room = headroomBits(layout);
      headroom = Math.max(headroom, room);
      if (room < 0) continue;
      const bytes = answerRoom(layout, oneTile);
      tileBytes = Math.min(tileBytes, bytes);
      if (bytes <= mostTileBytes) [best, bestCost] = [layout, cost];
    }
  }
  if (best !== undefined) return best;
  throw new PlanError(`${describe(given)}: ${whyNone(degree, headroom, tileBytes)}`);
}

/** Why no layout serves, of which one has this headroom and one takes so many bytes a tile. */
function whyNone(degree: number, headroom: number, tileBytes: number): string {
  if (headroom === -Infinity)
    return `one window of the kernel has more pixels than a ciphertext holds (${degree})`;
  if (headroom < 0)
    return `the weights' noise leaves ${(-headroom).toFixed(1)} bits too few; use fewer bits per weight`;
  return (
    `one place of its kernel takes ${count(tileBytes)} bytes with all channels, and at most ` +
    `${count(mostTileBytes)} are held at once; use smaller kernels or fewer channels`
  );
}

function describe(spec: LinearSpec): string {
  return (
    `convolution ${spec.inChannels} -> ${spec.outChannels}, ${spec.height} x ${spec.width}, ` +
    `kernel ${spec.kernel.join(' x ')}, ${spec.weightBits}-bit weights`
  );
}

function checkSpec(spec: LinearSpec): void {
  const refuse = (reason: string): never => {
    throw new PlanError(`${describe(spec)}: ${reason}`);
  };
  const positive = [spec.inChannels, spec.outChannels, spec.height, spec.width, spec.group].concat(
    spec.kernel,
    spec.strides,
    spec.dilations,
  );
  if (!positive.every((n) => Number.isSafeInteger(n) && n > 0))
    refuse('expected sizes that are positive integers');
  if (!spec.pads.every((n) => Number.isSafeInteger(n) && n >= 0))
    refuse('expected pads that are whole numbers of at least 0');
  if (spec.inChannels % spec.group !== 0 || spec.outChannels % spec.group !== 0) {
    refuse(`expected a number of groups that divides the channels, got ${spec.group}`);
  }
  if (outputSize(spec).some((n) => n < 1))
    refuse('expected a kernel that fits the padded image, got a larger one');
  if (!(spec.weightBits >= 1 && spec.weightBits <= 31))
    refuse(`expected weights of 1 to 31 bits, got ${spec.weightBits}`);
}

/** The ways to cut the output image into tiles; `fits` says with which channels one fits a ciphertext. */
function* tilings(spec: LinearSpec, degree: number): Generator<Tiling> {
  const output = outputSize(spec);
  for (const tileRows of shares(output[0])) {
    for (const tileColumns of shares(output[1])) {
      const outputTile = [tileRows, tileColumns] as const;
      const grid = [Math.ceil(output[0] / tileRows), Math.ceil(output[1] / tileColumns)] as const;
      const window = windowOf(spec, outputTile, grid[0] * grid[1] === 1);
      yield { degree, output, grid, outputTile, ...window };
    }
  }
}

type Channels = Pick<Layout, 'inputChannels' | 'outputChannels' | 'inputRanges' | 'outputRanges'>;
type Tiling = Omit<Layout, keyof Channels | 'spec' | 'source'>;

function fits({ degree, inputTile }: Tiling, { inputChannels, outputChannels }: Channels): boolean {
  return inputChannels * outputChannels * inputTile[0] * inputTile[1] <= degree;
}

/** A way to cut the channels of both sides into ranges, and its counts once they are needed. */
type ChannelCut = { readonly channels: Channels; counts?: ChannelPairs };

function channelCuts(spec: LinearSpec): ChannelCut[] {
  const outputs = channelOptions(spec.outChannels, spec.group);
  return channelOptions(spec.inChannels, spec.group).flatMap((input) =>
    outputs.map((output) => ({
      channels: {
        inputChannels: input.width,
        outputChannels: output.width,
        inputRanges: input.ranges,
        outputRanges: output.ranges,
      },
    })),
  );
}

/** At most as many as there are layouts, without making one. */
function candidateCount(given: LinearSpec): number {
  const { spec } = subsampled(given);
  const [rows, columns] = outputSize(spec);
  const cuts = (channels: number) =>
    shares(channels / spec.group).length + (spec.group > 1 ? shares(spec.group).length : 0);
  return shares(rows).length * shares(columns).length * cuts(spec.inChannels) * cuts(spec.outChannels);
}

/** A 1 x 1 kernel with a stride reads one pixel in sy sx, and only those pixels are packed. */
function subsampled(given: LinearSpec): Pick<Layout, 'spec' | 'source'> {
  const { height, width, strides } = given;
  const plain = given.kernel.every((n) => n === 1) && given.pads.every((n) => n === 0);
  if (!plain) return { spec: given, source: { height, width, step: [1, 1] } };
  const spec: LinearSpec = {
    ...given,
    height: Math.ceil(height / strides[0]),
    width: Math.ceil(width / strides[1]),
    strides: [1, 1],
  };
  return { spec, source: { height, width, step: strides } };
}

type Window = Pick<Layout, 'inputTile' | 'image' | 'shared'>;

/**
 * The input under one output tile. Padding can be shared when the image is one tile and its padding lies
 * within the reach of the kernel.
 */
function windowOf(spec: LinearSpec, outputTile: readonly [number, number], whole: boolean): Window {
  const read = [reach(spec, 0, outputTile[0]), reach(spec, 1, outputTile[1])] as const;
  const inside = ([0, 1] as const).every((axis) => spec.pads[axis] < reach(spec, axis, 1));
  if (!whole || !inside) return { inputTile: read, image: [spec.height, spec.width], shared: [0, 0] };
  const [top, left] = spec.pads;
  // The rows and columns from the first of the image to the last that is read, the padding after it included.
  const span = [read[0] - top, read[1] - left] as const;
  const image = [Math.min(spec.height, span[0]), Math.min(spec.width, span[1])] as const;
  const inputTile = [Math.max(span[0], image[0] + top), Math.max(span[1], image[1] + left)] as const;
  return { inputTile, image, shared: [top, left] };
}

/** The input rows (axis 0) or columns (axis 1) under `count` of the output. */
function reach(spec: LinearSpec, axis: 0 | 1, count: number): number {
  return (count - 1) * spec.strides[axis] + (spec.kernel[axis] - 1) * spec.dilations[axis] + 1;
}

/** The distinct values of ceil(total / parts), largest first. */
function shares(total: number): number[] {
  const values: number[] = [];
  for (let parts = 1; parts <= total; parts++) {
    const share = Math.ceil(total / parts);
    if (values.at(-1) !== share) values.push(share);
  }
  return values;
}

type ChannelOption = { width: number; ranges: Range[] };

/** The ways to cut channels into tiles: inside each group, or several whole groups together. */
function channelOptions(channels: number, group: number): ChannelOption[] {
  const inGroup = channels / group;
  const inside = shares(inGroup).map((width) => ({
    width,
    ranges: Array.from({ length: group }, (_, g) => cut(g * inGroup, inGroup, width)).flat(),
  }));
  const whole = shares(group)
    .filter((groups) => groups > 1)
    .map((groups) => ({ width: groups * inGroup, ranges: cut(0, channels, groups * inGroup) }));
  return [...whole, ...inside];
}

function cut(first: number, total: number, width: number): Range[] {
  return Array.from({ length: Math.ceil(total / width) }, (_, i) => ({
    first: first + i * width,
    count: Math.min(width, total - i * width),
  }));
}
