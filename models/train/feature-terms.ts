import type { GraphBuilder } from '../onnx/graph-builder.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';

/** A term of the loss that depends on values inside the network. */
export type FeatureTerm = {
  readonly name: string;
  /** The values, anywhere in the network. */
  readonly values: readonly string[];
  /** Appends the term: its mean over the batch, a scalar, and its gradient by value. */
  readonly build: (graph: GraphBuilder, features: Features) => FeatureResult;
};

/** The values of a batch of `batch` images; shapes are those of one image. */
export type Features = { readonly batch: number; readonly shapeOf: (value: string) => Shape };

export type FeatureResult = {
  readonly value: string;
  readonly gradients: ReadonlyMap<string, string>;
};

/** A value of the network, and the value of the teacher that it should look like. */
export type MatchedMaps = { readonly student: string; readonly teacher: string };

/** How maps of the network are drawn to those of its teacher. */
export type MapMatching = { readonly pairs: readonly MatchedMaps[]; readonly weight: number };

/** The step's input with the teacher's attention maps [N, places of all pairs], one after the other. */
export const teacherMaps = 'teacherMaps';

/**
 * The loss of ReLUPruner's fine-tuning (Li et al., AAAI 2026, PRAM), an attention transfer (Zagoruyko and
 * Komodakis, ICLR 2017). A value's attention map is the mean of its squares over the channels, divided by its
 * norm. The loss is the weight times the mean squared difference of the two networks' maps, added up over the
 * pairs. Channels may differ, heights and widths must not.
 */
export function matchMaps({ pairs, weight }: MapMatching): FeatureTerm {
  return {
    name: 'maps',
    values: pairs.map(({ student }) => student),
    build(graph, { batch, shapeOf }) {
      const places = pairs.map(({ student }) => placesOf(shapeOf(student)));
      const total = places.reduce((sum, count) => sum + count, 0);
      const all = graph.input(teacherMaps, 'float32', [batch, total]);
      const targets = places.length === 1 ? [all] : graph.split(all, places, 1);
      const found = pairs.map(({ student }, i) => {
        const own = { name: student, shape: [batch, ...shapeOf(student)] };
        return { student, ...mapTerm(graph, own, targets[i]!, weight) };
      });
      return {
        value: graph.total(found.map(({ value }) => value)),
        gradients: new Map(found.map(({ student, gradient }) => [student, gradient])),
      };
    },
  };
}

/** Below this a norm counts as this, as in PyTorch's normalize. */
const leastNorm = 1e-12;

/**
 * For one value f [N, C, ...]: with s the mean of f^2 over C, its map A = s / |s| and the teacher's B, the
 * term is w |A - B|^2 / (N places). With d = 2 w (A - B) / (N places), its gradient is (d - A (A d)) / |s| *
 * 2 f / C.
 */
function mapTerm(
  graph: GraphBuilder,
  { name, shape }: { readonly name: string; readonly shape: Shape },
  target: string,
  weight: number,
) {
  const [batch, channels] = shape as [number, number, ...number[]];
  const places = placesOf(shape.slice(1));
  const times = (a: string, b: string) => graph.op('Mul', [a, b]);
  const flat = graph.reshape(name, [batch, channels, places]);
  const sums = graph.sum(times(flat, flat), [1], false);
  const means = times(sums, graph.scalar(1 / channels));
  const norm = graph.op('Max', [
    graph.op('Sqrt', [graph.sum(times(means, means), [1], true)]),
    graph.scalar(leastNorm),
  ]);
  const map = graph.op('Div', [means, norm]);
  const difference = graph.op('Sub', [map, target]);
  const scale = graph.scalar(weight / (batch * places));
  const value = times(graph.sum(times(difference, difference), [0, 1], false), scale);
  const slope = times(difference, graph.scalar((2 * weight) / (batch * places)));
  const along = times(map, graph.sum(times(map, slope), [1], true));
  const ofMeans = graph.op('Div', [graph.op('Sub', [slope, along]), norm]);
  const each = times(graph.reshape(ofMeans, [batch, 1, places]), graph.scalar(2 / channels));
  return { value, gradient: graph.reshape(times(flat, each), shape) };
}

/** The attention maps [n, places of all values] of a teacher's values, in the order of the pairs. */
export function attentionMaps(
  values: readonly { readonly data: Float32Array; readonly shape: Shape }[],
  n: number,
): Float32Array {
  const places = values.map(({ shape }) => placesOf(shape));
  const row = places.reduce((sum, count) => sum + count, 0);
  const maps = new Float32Array(n * row);
  let start = 0;
  values.forEach(({ data, shape }, v) => {
    const count = places[v]!;
    for (let i = 0; i < n; i++)
      writeMap(
        data.subarray(i * sizeOf(shape), (i + 1) * sizeOf(shape)),
        maps.subarray(i * row + start),
        count,
      );
    start += count;
  });
  return maps;
}

function writeMap(value: Float32Array, map: Float32Array, places: number): void {
  const channels = value.length / places;
  let squares = 0;
  for (let p = 0; p < places; p++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += value[c * places + p]! ** 2;
    map[p] = sum / channels;
    squares += (sum / channels) ** 2;
  }
  const norm = Math.max(Math.sqrt(squares), leastNorm);
  for (let p = 0; p < places; p++) map[p]! /= norm;
}

function placesOf([, ...places]: Shape): number {
  return sizeOf(places);
}

/** A polynomial's input, and which of its elements are polynomials: 1 in a mask of its shape. */
export type RangedInput = { readonly input: string; readonly mask: Float32Array };

/**
 * PILLAR's penalty (Diaa et al., USENIX Security 2024) on the inputs of polynomials, which keeps them where
 * the polynomials were fitted: the weight times the mean of |x / bound|^10 over the elements and images. The
 * paper's weight is 0.001 and its bound 4.
 */
export function keepInRange(
  inputs: readonly RangedInput[],
  { weight, bound = 4 }: { readonly weight: number; readonly bound?: number },
): FeatureTerm {
  const total = inputs.reduce((sum, { mask }) => sum + mask.reduce((a, b) => a + b, 0), 0);
  return {
    name: 'range',
    values: inputs.map(({ input }) => input),
    build(graph, { batch, shapeOf }) {
      const times = (a: string, b: string) => graph.op('Mul', [a, b]);
      const share = weight / (batch * total);
      const found = inputs.map(({ input, mask }) => {
        const shape = shapeOf(input);
        const scaled = times(
          input,
          graph.floats(
            mask.map((one) => one / bound),
            shape,
          ),
        );
        const power = (exponent: number) => graph.op('Pow', [scaled, graph.scalar(exponent)]);
        const sum = graph.sum(power(10), [...shape.keys(), shape.length], false);
        const gradient = times(power(9), graph.scalar((10 * share) / bound));
        return { input, value: times(sum, graph.scalar(share)), gradient };
      });
      return {
        value: graph.total(found.map(({ value }) => value)),
        gradients: joined(graph, found),
      };
    },
  };
}

/** The gradients by value; two layers may read the same one. */
function joined(
  graph: GraphBuilder,
  found: readonly { readonly input: string; readonly gradient: string }[],
): Map<string, string> {
  const all = new Map<string, string>();
  for (const { input, gradient } of found) {
    const known = all.get(input);
    all.set(input, known === undefined ? gradient : graph.op('Add', [known, gradient]));
  }
  return all;
}
