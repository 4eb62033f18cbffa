import { inferShapes } from '../../../models/analysis/shapes.ts';
import { activationKinds, isPolynomial, isReluKind } from '../../../models/graph.ts';
import type { Model, Node, Replacement } from '../../../models/graph.ts';
import { activationsOf } from '../../../models/analysis/inspect.ts';
import { momentRows } from '../../../models/ops/activations/gated-activation.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { kindsAmong, maskOf, namesOf } from '../../../src/shared/kinds.ts';
import { activationMoments, momentsOver } from '../polynomials/moments.ts';
import type { LayerMoments, Moments, Sample } from '../polynomials/moments.ts';
import { quadraticOf } from '../polynomials/fit.ts';
import type { Quadratic } from '../polynomials/fit.ts';
import { fitOf } from '../polynomials/replace.ts';

/** What a gate stands for: one element, or all elements of a channel. */
export const granularities = ['pixel', 'channel'] as const;
export type Granularity = (typeof granularities)[number];
export const defaultGranularity: Granularity = 'pixel';

/** An activation layer as the search finds it. */
export type LayerState = {
  readonly layer: string;
  readonly shape: Shape;
  readonly replacement: Replacement;
  /** One entry per gate: 1 for a ReLU, 0 for an element or channel that has been replaced already. */
  readonly open: Uint8Array;
  /** What the ReLUs of each channel are replaced with. */
  readonly polynomials: readonly Quadratic[];
  /** The moments of x by channel, [7, C]; see `momentRows`. */
  readonly moments: Float32Array;
};

export type StartOptions = {
  readonly granularity: Granularity;
  /** The replacement for all layers, or by layer; then only the named layers get gates. */
  readonly replacement: Replacement | ReadonlyMap<string, Replacement>;
  readonly sample: Sample;
};

/**
 * The layers that have ReLUs, with polynomials fitted to the sample. Elements that an earlier reduction
 * replaced stay replaced: their gates start shut and keep their polynomials. A channel that was partly
 * replaced counts as open. Throws UsageError if the elements that are polynomials already would have to
 * change.
 */
export async function layerStates(model: Model, options: StartOptions): Promise<LayerState[]> {
  const { replacement } = options;
  const of = (layer: string) => (typeof replacement === 'string' ? replacement : replacement.get(layer));
  const shapes = inferShapes(model);
  const nodes = activationsOf(model).filter((node) => hasRelus(node) && of(node.name) !== undefined);
  const names = nodes.map(({ name }) => name);
  const moments = await activationMoments(model, names, options.sample);
  return nodes.map((node) => {
    const shape = shapes.get(node.outputs[0]!)!;
    const own = { ...options, replacement: of(node.name)! };
    return stateOf(model, node, shape, moments.get(node.name)!, own);
  });
}

function hasRelus(node: Node): boolean {
  return (
    node.op !== 'MixedActivation' ||
    kindsAmong(activationKinds, node.attributes.kinds).some((kind) => isReluKind[kind])
  );
}

function stateOf(
  model: Model,
  node: Node,
  shape: Shape,
  moments: LayerMoments,
  { granularity, replacement }: { readonly granularity: Granularity; readonly replacement: Replacement },
): LayerState {
  const kinds =
    node.op === 'MixedActivation'
      ? node.attributes.kinds
      : new Uint8Array(sizeOf(shape)).fill(activationKinds.relu);
  const hasPolynomials = kindsAmong(activationKinds, kinds).some((kind) => isPolynomial[kind]);
  if (hasPolynomials && !joinsPolynomials[replacement])
    throw new UsageError(
      `${node.name}: some of its elements are polynomials already; ` +
        'replace the others by quadratic polynomials too, or start from the network before that reduction',
    );
  const channels = Array.from({ length: shape[0]! }, (_, c) => elementsOf(c, kinds.length / shape[0]!));
  const relus = maskOf(activationKinds, kinds, isReluKind);
  const open =
    granularity === 'pixel'
      ? relus
      : Uint8Array.from(channels, (elements) => (elements.some((e) => relus[e] === 1) ? 1 : 0));
  const over = channels.map((elements) => momentsOver(moments, elements));
  const layer = Math.sqrt(over.reduce((sum, { x2 }) => sum + x2, 0) / over.length);
  const polynomials = channels.map(
    (elements, c) => existing(model, node, kinds, elements, c) ?? fitOf[replacement](over[c]!, layer),
  );
  return { layer: node.name, shape, replacement, open, polynomials, moments: momentVector(over) };
}

/** Whether ReLUs can become this replacement in a layer where other elements are polynomials already. */
const joinsPolynomials: { readonly [K in Replacement]: boolean } = {
  none: false,
  identity: false,
  affine: false,
  quadratic: true,
  mixed: true,
};

/** The polynomial that some elements of a channel are already, if any. */
function existing(
  model: Model,
  node: Node,
  kinds: Uint8Array,
  elements: readonly number[],
  channel: number,
): Quadratic | undefined {
  const own = namesOf(quadraticOf).filter((kind) => elements.some((e) => kinds[e] === activationKinds[kind]));
  const kind = own.find((one) => isPolynomial[one]) ?? own[0];
  if (kind === undefined) return undefined;
  const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data[channel]!);
  return quadraticOf[kind]({ c2: c2!, c1: c1!, c0: c0! });
}

function elementsOf(channel: number, places: number): number[] {
  return Array.from({ length: places }, (_, i) => channel * places + i);
}

/** The moments in the order of `momentRows`. With r = relu(x), E[r x] = E[r^2] and E[r x^2] = E[r^3]. */
function momentVector(channels: readonly Moments[]): Float32Array {
  const rows = (['x', 'x2', 'x3', 'x4', 'y', 'xy', 'x2y'] as const).map((key) => channels.map((m) => m[key]));
  if (rows.length !== momentRows) throw new RangeError(`${rows.length} rows of moments`);
  return Float32Array.from(rows.flat());
}

/** Reads the moments of each channel from the rows that `momentRows` orders. */
export function momentsFrom(rows: Float32Array): Moments[] {
  const channels = rows.length / momentRows;
  return Array.from({ length: channels }, (_, c) => {
    const at = (row: number) => rows[row * channels + c]!;
    return { x: at(0), x2: at(1), x3: at(2), x4: at(3), y: at(4), xy: at(5), x2y: at(6), y2: at(5) };
  });
}
