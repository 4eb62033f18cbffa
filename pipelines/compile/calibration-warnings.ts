import { seededUniform } from '../../models/data/seeded.ts';
import type { Model, Node, NodeOf } from '../../models/graph.ts';
import { preprocess } from '../../models/preprocessing.ts';
import { Evaluator } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { DataError } from '../../src/shared/errors.ts';
import { median } from '../../src/shared/median.ts';
import type { Calibration } from './calibrate.ts';
import type { Ranges } from './ranges.ts';

/** The number of calibration images that are looked at, spread over all. */
const lookedAt = 32;

/** Images per call of onnxruntime. */
const batch = 8;

/**
 * What says that the calibration images are not of the kind that the model was made for, a sentence each that
 * names the node and the numbers. Throws DataError where private answers would be of no use at all: where the
 * model gives all these images the same logits, though not all images.
 *
 * All else is a warning, because every other sign has an innocent cause: running statistics lag behind a
 * fine-tuning, a trained layer may be dead, a corner of the pictures may be dark. The plan is then right for
 * the images that it was made on, and only the user knows whether the clients' are like them.
 */
export async function calibrationWarnings(
  model: Model,
  ranges: Ranges,
  calibration: Calibration,
): Promise<string[]> {
  const some = spread(calibration);
  const norms = trainedNorms(model);
  const moments = new Map(norms.map((node) => [inputOf(node), new Moments(channelsOf(model, node))]));
  const logits = await logitsOf(model, some, moments);
  const warnings = [
    await sameAnswers(model, some, logits),
    norms.map((node) => unlikeTraining(model, node, moments.get(inputOf(node))!)).find(isWarning),
    deadLayer(model, ranges),
    quietPixels(model, some),
  ];
  return warnings.filter(isWarning);
}

const isWarning = (warning: string | undefined) => warning !== undefined;

function spread({ images, n, ...rest }: Calibration): Calibration {
  const [count, size] = [Math.min(n, lookedAt), images.length / n];
  const chosen = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const row = Math.floor((i * n) / count);
    chosen.set(images.subarray(row * size, (row + 1) * size), i * size);
  }
  return { ...rest, images: chosen, n: count };
}

/** The logits [n, classes]; values of the graph that have `moments` are added to them. */
async function logitsOf(
  model: Model,
  { images, n }: Pick<Calibration, 'images' | 'n'>,
  moments: ReadonlyMap<string, Moments> = new Map(),
): Promise<Float32Array> {
  const output = model.graph.outputs[0]!;
  const [size, classes] = [images.length / n, sizeOf(output.shape)];
  const logits = new Float32Array(n * classes);
  const { inputs, preprocessing } = model.graph;
  const { name: input, shape } = inputs[0]!;
  const computed = [...moments.keys()].filter((name) => name !== input);
  const evaluator = await Evaluator.create(model, { outputs: [...new Set([output.name, ...computed])] });
  try {
    for (let i = 0; i < n; i += batch) {
      const count = Math.min(batch, n - i);
      const slice = images.subarray(i * size, (i + count) * size);
      const values = await evaluator.run(slice, count);
      logits.set(values.get(output.name)!, i * classes);
      values.set(input, preprocess(slice, shape, preprocessing));
      for (const [name, of] of moments) of.add(values.get(name)!, count);
    }
  } finally {
    await evaluator.release();
  }
  return logits;
}

/** Mean and standard deviation of each channel of one value, over images and places. */
class Moments {
  readonly #sums: Float64Array;
  readonly #squares: Float64Array;
  #count = 0;

  constructor(channels: number) {
    this.#sums = new Float64Array(channels);
    this.#squares = new Float64Array(channels);
  }

  /** Adds values [n, channels, ...]. */
  add(values: Float32Array, n: number): void {
    const channels = this.#sums.length;
    const size = values.length / n / channels;
    values.forEach((value, i) => {
      const channel = Math.floor(i / size) % channels;
      this.#sums[channel]! += value;
      this.#squares[channel]! += value * value;
    });
    this.#count += n * size;
  }

  mean(channel: number): number {
    return this.#sums[channel]! / this.#count;
  }

  deviation(channel: number): number {
    return Math.sqrt(Math.max(0, this.#squares[channel]! / this.#count - this.mean(channel) ** 2));
  }
}

/** Refuses images that all get the same logits, unless the model gives noise the same ones too. */
async function sameAnswers(
  model: Model,
  { images, n, name = 'calibration' }: Calibration,
  logits: Float32Array,
): Promise<string | undefined> {
  if (n < 2) return undefined;
  if (areAlike(images, n)) return 'the images are all the same one, and the ranges are only its own';
  if (!areAlike(logits, n)) return undefined;
  // Pixels may be meant from 0 to 1 or from 0 to 255, with a mean subtracted or not.
  for (const size of [1, 256]) {
    const noise = uniform(batch * sizeOf(model.graph.inputs[0]!.shape), size);
    if (!areAlike(await logitsOf(model, { images: noise, n: batch }), batch))
      throw new DataError(
        `${name}: ${model.graph.name} gives each of these images the same logits, as all private answers ` +
          'would then be; calibrate on images like those it was trained on, with values of the same scale',
      );
  }
  return 'the model gives every image the same logits, noise too';
}

function uniform(length: number, size: number): Float32Array {
  const draw = seededUniform(3);
  return Float32Array.from({ length }, () => size * (2 * draw() - 1));
}

/** Whether n rows are equal but for the roundings of float32, of which logits have a few. */
function areAlike(rows: Float32Array, n: number): boolean {
  const size = rows.length / n;
  const tolerance = 2 ** -20 * rows.subarray(0, size).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  return rows.every((value, i) => Math.abs(value - rows[i % size]!) <= tolerance);
}

type Norm = NodeOf<'BatchNormalization'>;

const inputOf = (node: Node) => node.inputs[0]!;

/** Those with running statistics; mean 0 and variance 1 everywhere are of a network that nobody trained. */
function trainedNorms(model: Model): Norm[] {
  return model.graph.nodes
    .filter((node) => node.op === 'BatchNormalization')
    .filter((node) => {
      const { mean, variance } = statisticsOf(model, node);
      return mean.some((m) => m !== 0) || variance.some((v) => v !== 1);
    });
}

function statisticsOf({ weights }: Model, { inputs: [, , , mean, variance] }: Norm) {
  return { mean: weights.get(mean!)!.data, variance: weights.get(variance!)!.data };
}

function channelsOf(model: Model, node: Norm): number {
  return statisticsOf(model, node).mean.length;
}

/**
 * How far the inputs of a BatchNormalization may be from its running statistics, in medians over its
 * channels: the distance of the means in standard deviations, and the factor between the standard deviations.
 * The largest medians of fashion-resnet8 are 0.06 and 1.04 on its own data. They are 0.84 and 1.3 with black
 * and white exchanged, 0.4 and 2.9 if the pixels are normalised although the network expects raw ones, 0.57
 * and 1 / 10 on a tenth of each pixel, and 178 and 263 on pixels up to 255. Running statistics start at mean
 * 0 and variance 1: a network of 8 epochs of 6 steps, of which the best is kept, has 0.24 and 0.33 on its own
 * data and is warned of; one of 2 epochs of 40 steps is not.
 */
const [farMean, farSpread] = [0.5, 2];

function unlikeTraining(model: Model, node: Norm, found: Moments): string | undefined {
  const { mean, variance } = statisticsOf(model, node);
  const { epsilon } = node.attributes;
  // Channels of less variance than epsilon are dead: their ratios say nothing.
  const channels = [...mean.keys()].filter((c) => variance[c]! > epsilon);
  if (channels.length === 0) return undefined;
  const expected = (c: number) => Math.sqrt(variance[c]!);
  const shift = median(channels.map((c) => Math.abs(found.mean(c) - mean[c]!) / expected(c)));
  const ratio = median(channels.map((c) => found.deviation(c) / expected(c)));
  if (shift <= farMean && ratio <= farSpread && ratio >= 1 / farSpread) return undefined;
  return (
    `node ${node.name}: its inputs are not those of its training: their mean is ${shift.toPrecision(2)} ` +
    `standard deviations off the running mean, and their spread ${ratio.toPrecision(2)} times the running ` +
    'one (medians over channels)'
  );
}

/** Finds a ReLU whose inputs are above 0 on no calibration image, so that nothing gives its range. */
function deadLayer(model: Model, ranges: Ranges): string | undefined {
  const dead = model.graph.nodes.find(
    (node) =>
      node.op === 'Relu' && ranges.get(inputOf(node))?.positive.every((share) => share === 0) === true,
  );
  return dead && `node ${dead.name}: on no image is any of its inputs above 0, so that it gives only zeros`;
}

/**
 * The smallest share of their usual size that pixels may have where the first layer reads them. On
 * Fashion-MNIST the share is 1.0 with random weights, 0.71 to 1.07 after training (60 epochs of logistic
 * regression with Adam), and 0.35 for a layer that reads the border of the pictures.
 */
const quietShare = 0.5;

/**
 * Finds a fully connected layer on the pixels that mostly reads pixels that are dark on the calibration
 * images. It compares the root mean square of the pixels, weighted with the squares of their weights, with
 * the mean over the channel.
 */
function quietPixels(model: Model, { images, n }: Calibration): string | undefined {
  const { name, shape } = model.graph.inputs[0]!;
  const layer = layerOnPixels(model, name);
  if (layer === undefined || shape.length !== 3) return undefined;
  const [size, place] = [sizeOf(shape), sizeOf(shape.slice(1))];
  const [pixels, weights] = [new Float64Array(size), squaredWeights(model, layer, size)];
  const read = preprocess(images, shape, model.graph.preprocessing);
  read.forEach((value, i) => (pixels[i % size]! += (value * value) / n));
  let [here, usual] = [0, 0];
  for (let from = 0; from < size; from += place) {
    const [p, w] = [pixels, weights].map((all) => all.subarray(from, from + place)) as [
      Float64Array,
      Float64Array,
    ];
    here += p.reduce((sum, square, i) => sum + square * w[i]!, 0);
    usual += (sumOf(p) * sumOf(w)) / place;
  }
  const share = Math.sqrt(here / usual);
  if (!(share < quietShare)) return undefined;
  return (
    `node ${layer.name}: the pixels that its weights read most are dark on these images, ` +
    `${share.toPrecision(2)} of the size of all pixels; on other images its values may leave their range`
  );
}

type FullyConnected = NodeOf<'Gemm'> | NodeOf<'MatMul'>;

/** The fully connected layer that reads the image itself, one row of it. */
function layerOnPixels({ graph }: Model, input: string): FullyConnected | undefined {
  const rows = new Set([input]);
  for (const node of graph.nodes) {
    if (!rows.has(inputOf(node))) continue;
    if (node.op === 'Gemm' || node.op === 'MatMul') return node;
    if (['Flatten', 'Reshape', 'Identity', 'Dropout'].includes(node.op)) rows.add(node.outputs[0]!);
  }
  return undefined;
}

/** The sum of w^2 over the outputs, of each input. */
function squaredWeights({ weights }: Model, layer: FullyConnected, inputs: number): Float64Array {
  const { data } = weights.get(layer.inputs[1]!)!;
  const outputs = data.length / inputs;
  const inputsLast = layer.op === 'Gemm' && layer.attributes.transB;
  const sums = new Float64Array(inputs);
  data.forEach((w, i) => (sums[inputsLast ? i % inputs : Math.floor(i / outputs)]! += w * w));
  return sums;
}

function sumOf(values: Float64Array): number {
  return values.reduce((sum, value) => sum + value, 0);
}
