import { activationKinds } from '../../models/graph.ts';
import type { Model, Node } from '../../models/graph.ts';
import { replaceActivation } from '../../models/passes/replace-relu.ts';
import { dapaCoefficients, polynomialError } from '../dapa.ts';
import type { Quadratic } from '../dapa.ts';
import type { ActivationStatistics } from '../activation-statistics.ts';

/**
 * Replaces exactly `count` ReLUs of the layers by polynomials: those with the smallest error under the distribution of their own
 * inputs, as a share of their second moment, so that layers of different scale compare. Coefficients are one set a channel,
 * DaPa's of degree 2; a channel that has polynomials already keeps its own.
 */
export function thinOut(
  model: Model,
  layers: readonly string[],
  count: number,
  statistics: ReadonlyMap<string, ActivationStatistics>,
): Model {
  const states = layers.map((layer) => stateOf(model, layer, statistics.get(layer)!));
  for (const { state, element } of cheapest(states, count)) state.kinds[element] = activationKinds.poly;
  return states.reduce((reduced, { layer, kinds, coefficients }) => {
    const vector = (key: keyof Quadratic) => Float32Array.from(coefficients, (c) => c[key]);
    const [c2, c1, c0] = [vector('c2'), vector('c1'), vector('c0')];
    return replaceActivation(reduced, layer, { kinds, c2, c1, c0 });
  }, model);
}

/**
 * c2 = phi(z) / (2 sigma) has no bound: a channel that hardly moves would get a parabola so steep that the first step of training
 * throws it off. Its sigma counts as at least this share of its layer's, so that c2 sigma_layer stays below 4.
 */
const smallestShare = 0.05;

type LayerState = {
  readonly layer: string;
  readonly kinds: Uint8Array;
  /** One set a channel. */
  readonly coefficients: readonly Quadratic[];
  /** By element: what replacing its ReLU would cost; Infinity where it is none. */
  readonly errors: Float64Array;
};

/** The `count` ReLUs of the layers with the smallest errors. */
function* cheapest(
  states: readonly LayerState[],
  count: number,
): Iterable<{ state: LayerState; element: number }> {
  const ends = states.map(() => 0);
  const total = states.reduce((sum, { errors }, i) => (ends[i] = sum + errors.length), 0);
  const errors = new Float64Array(total);
  states.forEach((state, i) => errors.set(state.errors, ends[i]! - state.errors.length));
  const order = Uint32Array.from(errors, (_, i) => i).filter((i) => errors[i] !== Infinity);
  if (count > order.length)
    throw new RangeError(`${count} ReLUs to replace, the layers have ${order.length}`);
  order.sort((a, b) => errors[a]! - errors[b]! || a - b);
  for (const index of order.subarray(0, count)) {
    const i = ends.findIndex((end) => index < end);
    const state = states[i]!;
    yield { state, element: index - ends[i]! + state.errors.length };
  }
}

function stateOf(model: Model, layer: string, statistics: ActivationStatistics): LayerState {
  const { channels, elements } = statistics;
  const node = model.graph.nodes.find((n) => n.name === layer)!;
  const size = elements.mean.length;
  const kinds =
    node.op === 'MixedActivation'
      ? node.attributes.kinds.slice()
      : new Uint8Array(size).fill(activationKinds.relu);
  const places = size / channels.mean.length;
  const floor = smallestShare * rootMeanSquare(channels.sigma);
  const coefficients = Array.from(channels.mean, (mean, c) => {
    const hasPoly = kinds.subarray(c * places, (c + 1) * places).includes(activationKinds.poly);
    return hasPoly
      ? coefficientsOf(model, node, c)
      : dapaCoefficients(mean, Math.max(channels.sigma[c]!, floor), 2);
  });
  return { layer, kinds, coefficients, errors: errorsOf(kinds, coefficients, elements) };
}

function rootMeanSquare(values: Float64Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
}

function coefficientsOf(model: Model, node: Node, channel: number): Quadratic {
  const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data[channel]!);
  return { c2: c2!, c1: c1!, c0: c0! };
}

function errorsOf(
  kinds: Uint8Array,
  coefficients: readonly Quadratic[],
  { mean, sigma }: ActivationStatistics['elements'],
): Float64Array {
  const places = kinds.length / coefficients.length;
  return mean.map((m, element) => {
    if (kinds[element] !== activationKinds.relu) return Infinity;
    const s = sigma[element]!;
    const error = polynomialError(m, s, coefficients[Math.floor(element / places)]!);
    return error / (m * m + s * s || 1);
  });
}
