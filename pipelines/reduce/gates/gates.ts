import { inferShapes } from '../../../models/analysis/shapes.ts';
import { activationKinds, formOf, kindOfForm } from '../../../models/graph.ts';
import type { GatedAttributes, Model, Node, NodeOf } from '../../../models/graph.ts';
import { momentRows } from '../../../models/ops/activations/gated-activation.ts';
import type { ReplacedElements } from '../../../models/passes/replaced-elements.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { withNodes } from '../../../models/passes/rewire.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import { defined } from '../../../src/shared/defined.ts';
import type { Quadratic } from '../polynomials/fit.ts';
import type { LayerState } from './layer-states.ts';

/** The names of the weights of a gated layer. */
export function gateWeights(layer: string) {
  return {
    gate: `${layer}.gate`,
    c2: `${layer}.c2`,
    c1: `${layer}.c1`,
    c0: `${layer}.c0`,
    state: `${layer}.gate.state`,
    moments: `${layer}.gate.moments`,
  } as const;
}

export function gatedNodes(model: Model): NodeOf<'GatedActivation'>[] {
  return model.graph.nodes.filter((node) => node.op === 'GatedActivation');
}

/**
 * Replaces the activations of the layers with gated ones. `trainedOf` gives the trained numbers behind a
 * layer's gates. With a threshold, the gates' state and the moments become weights too.
 */
export function withGates(
  model: Model,
  layers: readonly LayerState[],
  { threshold }: Pick<GatedAttributes, 'threshold'>,
  trainedOf: (layer: LayerState) => Float32Array,
): Model {
  const states = new Map(layers.map((state) => [state.layer, state]));
  const weights = new Map(model.weights);
  const nodes = model.graph.nodes.map((node): Node => {
    const state = states.get(node.name);
    if (state === undefined) return node;
    const own = weightsOf(state, trainedOf(state), threshold !== undefined);
    for (const [name, value] of own) weights.set(name, value);
    const attributes = defined({ replacement: formOf[state.replacement], threshold });
    const inputs = [node.inputs[0]!, ...own.keys()];
    return { op: 'GatedActivation', name: node.name, inputs, outputs: node.outputs, attributes };
  });
  return withNodes(model, nodes, weights);
}

/** The weights of a layer in the order of the op's inputs. */
function weightsOf(
  { layer, shape, open, polynomials, moments }: LayerState,
  trained: Float32Array,
  isHard: boolean,
): Map<string, Tensor> {
  const names = gateWeights(layer);
  const gateShape = open.length === sizeOf(shape) ? shape : shape.map((size, i) => (i === 0 ? size : 1));
  const vector = (key: keyof Quadratic) =>
    tensor(
      [shape[0]!],
      Float32Array.from(polynomials, (p) => p[key]),
    );
  const weights = new Map<string, Tensor>([
    [names.gate, tensor(gateShape, trained)],
    ...(['c2', 'c1', 'c0'] as const).map((key) => [names[key], vector(key)] as const),
  ]);
  if (!isHard) return weights;
  weights.set(names.state, tensor(gateShape, Float32Array.from(open)));
  return weights.set(names.moments, tensor([momentRows, shape[0]!], moments));
}

/**
 * The score of every element of each gated layer; elements with higher scores are kept first. If a gate
 * stands for a channel, its score is that of all the channel's elements.
 */
export function elementScores(
  model: Model,
  scoresOf: (layer: string) => Float32Array,
): Map<string, Float32Array> {
  const shapes = inferShapes(model);
  return new Map(
    gatedNodes(model).map(({ name, outputs }) => {
      const size = sizeOf(shapes.get(outputs[0]!)!);
      const scores = scoresOf(name);
      const places = size / scores.length;
      return [name, Float32Array.from({ length: size }, (_, e) => scores[Math.floor(e / places)]!)];
    }),
  );
}

/**
 * Turns the gated layers into plain ones. The elements of `replaced` become the layer's replacement, all
 * others ReLUs.
 */
export function withoutGates(model: Model, replaced: ReplacedElements): Model {
  return gatedNodes(model).reduce((binary, { name, attributes }) => {
    const { replacement } = attributes;
    const shut = activationKinds[kindOfForm[replacement]];
    const names = gateWeights(name);
    const of = (key: 'c2' | 'c1' | 'c0') => model.weights.get(names[key])!.data;
    return replaceActivation(binary, name, {
      kinds: replaced.get(name)!.map((gone) => (gone === 1 ? shut : activationKinds.relu)),
      c2: of('c2'),
      c1: of('c1'),
      c0: of('c0'),
    });
  }, model);
}

/** The gated layers, and how many ReLUs each of their gates stands for. */
export function gatePlaces(model: Model): { readonly layer: string; readonly places: number }[] {
  const shapes = inferShapes(model);
  return gatedNodes(model).map(({ name, outputs }) => {
    const gates = model.weights.get(gateWeights(name).gate)!.data.length;
    return { layer: name, places: sizeOf(shapes.get(outputs[0]!)!) / gates };
  });
}
