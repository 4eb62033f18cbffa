import { activationKinds } from '../../models/graph.ts';
import type { Model, Node } from '../../models/graph.ts';
import { replaceActivation } from '../../models/passes/replace-relu.ts';
import { dapaCoefficients, polynomialError } from '../dapa.ts';
import type { Quadratic } from '../dapa.ts';
import type { ActivationStatistics } from '../activation-statistics.ts';

/** One scalar ReLU that may become a polynomial, and what that costs. */
type Candidate = { readonly layer: string; readonly element: number; readonly error: number };

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
  const states = new Map(layers.map((layer) => [layer, stateOf(model, layer, statistics.get(layer)!)]));
  const candidates = [...states].flatMap(([layer, state]) =>
    candidatesOf(layer, state, statistics.get(layer)!),
  );
  if (count > candidates.length)
    throw new RangeError(`${count} ReLUs to replace, the layers have ${candidates.length}`);
  candidates.sort((a, b) => a.error - b.error);
  for (const { layer, element } of candidates.slice(0, count))
    states.get(layer)!.kinds[element] = activationKinds.poly;
  return [...states].reduce((reduced, [layer, { kinds, coefficients }]) => {
    const vector = (key: keyof Quadratic) => Float32Array.from(coefficients, (c) => c[key]);
    const [c2, c1, c0] = [vector('c2'), vector('c1'), vector('c0')];
    return replaceActivation(reduced, layer, { kinds, c2, c1, c0 });
  }, model);
}

type LayerState = { readonly kinds: Uint8Array; readonly coefficients: readonly Quadratic[] };

function stateOf(model: Model, layer: string, { channels, elements }: ActivationStatistics): LayerState {
  const node = model.graph.nodes.find((n) => n.name === layer)!;
  const size = elements.mean.length;
  const kinds =
    node.op === 'MixedActivation'
      ? node.attributes.kinds.slice()
      : new Uint8Array(size).fill(activationKinds.relu);
  const places = size / channels.mean.length;
  const coefficients = Array.from(channels.mean, (mean, c) => {
    const hasPoly = kinds.subarray(c * places, (c + 1) * places).includes(activationKinds.poly);
    return hasPoly ? coefficientsOf(model, node, c) : dapaCoefficients(mean, channels.sigma[c]!, 2);
  });
  return { kinds, coefficients };
}

function coefficientsOf(model: Model, node: Node, channel: number): Quadratic {
  const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data[channel]!);
  return { c2: c2!, c1: c1!, c0: c0! };
}

function candidatesOf(layer: string, state: LayerState, { elements }: ActivationStatistics): Candidate[] {
  const places = elements.mean.length / state.coefficients.length;
  return Array.from(state.kinds, (kind, element) => ({ kind, element }))
    .filter(({ kind }) => kind === activationKinds.relu)
    .map(({ element }) => {
      const [mean, sigma] = [elements.mean[element]!, elements.sigma[element]!];
      const error = polynomialError(mean, sigma, state.coefficients[Math.floor(element / places)]!);
      return { layer, element, error: error / (mean * mean + sigma * sigma || 1) };
    });
}
