import { UsageError } from '../../src/shared/errors.ts';
import { inferShapes, verifyModel } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import { tensor } from '../tensor.ts';
import type { Tensor } from '../tensor.ts';
import { channelsOf } from './channels.ts';
import type { Channels, Tie } from './channels.ts';

/**
 * Keeps floor(alpha n), but at least one, of the n channels of every layer: DeepReDuce's reshaping by alpha
 * (Jha et al., ICML 2021), for a trained network. Tied channels (see `Channels`) are removed together. The
 * channels with the largest weights stay (Li et al. 2017), counted over all weights that belong to a channel,
 * with equal influence of each layer (DepGraph, Fang et al. 2023). Channels of the input, of the outputs and
 * of grouped convolutions all stay. The network computes another function afterwards, so it must be trained
 * again. Throws UsageError for an alpha outside (0, 1].
 */
export function scaleChannels(model: Model, alpha: number): Model {
  if (!(alpha > 0 && alpha <= 1))
    throw new UsageError(`alpha: expected a number above 0 and up to 1, got ${alpha}`);
  if (alpha === 1) return model;
  const channels = channelsOf(model);
  const gone = chooseGone(model, channels, alpha);
  const narrow = without(model, channels, gone);
  verifyModel(narrow);
  return narrow;
}

/** Chooses the least important channels of each group to be removed. */
function chooseGone(model: Model, channels: Channels, alpha: number): Set<number> {
  const importance = importanceOf(model, channels.ties);
  const gone = new Set<number>();
  for (const group of groupsOf(model, channels)) {
    const kept = Math.max(1, Math.floor(alpha * group.length));
    const order = [...group].sort((a, b) => importance.get(a)! - importance.get(b)! || b - a);
    for (const channel of order.slice(0, group.length - kept)) gone.add(channel);
  }
  return gone;
}

/**
 * Groups of channels from which some are removed: the channels that one layer computes, joined with every
 * group that shares a channel. A group with a channel that must stay is left out.
 */
function groupsOf(model: Model, { ties, locked }: Channels): number[][] {
  const shared = sharedWeights(model);
  const groupOf = new Map<number, Set<number>>();
  for (const { channels, role } of ties) {
    if (role !== 'makes') continue;
    const merged = new Set(channels);
    for (const channel of channels) for (const other of groupOf.get(channel) ?? []) merged.add(other);
    for (const channel of merged) groupOf.set(channel, merged);
  }
  const fixed = ties.filter(({ weight }) => shared.has(weight)).flatMap(({ channels }) => [...channels]);
  const mustStay = new Set([...locked, ...fixed]);
  return [...new Set(groupOf.values())]
    .map((group) => [...group])
    .filter((group) => !group.some((channel) => mustStay.has(channel)));
}

/** Weights that several nodes use; these would have to be cut in several ways. */
function sharedWeights({ graph, weights }: Model): Set<string> {
  const counts = new Map<string, number>();
  for (const name of graph.nodes.flatMap(({ inputs }) => [...new Set(inputs)]))
    if (weights.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Set([...counts].filter(([, count]) => count > 1).map(([name]) => name));
}

/**
 * The importance of each channel: the sum of the squares of its slices, where each weight is counted in units
 * of its mean slice.
 */
function importanceOf(model: Model, ties: readonly Tie[]): Map<number, number> {
  const importance = new Map<number, number>();
  for (const { weight, axis, channels, role } of ties) {
    const squares = role === 'statistics' ? [] : squaresOf(model.weights.get(weight)!, axis);
    const mean = squares.reduce((a, b) => a + b, 0) / squares.length;
    channels.forEach((channel, i) => {
      const share = mean > 0 ? squares[i]! / mean : 0;
      importance.set(channel, (importance.get(channel) ?? 0) + share);
    });
  }
  return importance;
}

function squaresOf({ shape, data }: Tensor, axis: number): number[] {
  const squares = Array.from({ length: shape[axis]! }, () => 0);
  const inner = shape.slice(axis + 1).reduce((product, d) => product * d, 1);
  data.forEach((value, i) => (squares[Math.floor(i / inner) % squares.length]! += value ** 2));
  return squares;
}

/** The network without the channels in `gone`. */
function without(model: Model, { of, ties }: Channels, gone: ReadonlySet<number>): Model {
  const shapes = inferShapes(model);
  const kept = (channels: Int32Array) => [...channels.keys()].filter((i) => !gone.has(channels[i]!));
  const weights = new Map(model.weights);
  for (const { weight, axis, channels } of ties)
    weights.set(weight, slices(weights.get(weight)!, axis, kept(channels)));
  const nodes = model.graph.nodes.map((node): Node => {
    const channels = of.get(node.outputs[0]!)!;
    if (node.op === 'Conv' && node.attributes.group > 1 && kept(channels).length < channels.length) {
      const group = kept(of.get(node.inputs[0]!)!).length;
      return { ...node, attributes: { ...node.attributes, group } };
    }
    if (node.op === 'Gather' && node.attributes.axis === 1) {
      const places = new Map(kept(of.get(node.inputs[0]!)!).map((channel, place) => [channel, place]));
      const indices = node.attributes.indices.flatMap((i) => places.get(i) ?? []);
      return { ...node, attributes: { axis: 1, indices } };
    }
    if (node.op === 'Reshape' && shapes.get(node.outputs[0]!)!.length === 1)
      return { ...node, attributes: { shape: [-1] } };
    if (node.op === 'MixedActivation') {
      const { kinds } = node.attributes;
      const places = kinds.length / channels.length;
      const parts = kept(channels).map((c) => kinds.subarray(c * places, (c + 1) * places));
      return { ...node, attributes: { kinds: Uint8Array.from(parts.flatMap((part) => [...part])) } };
    }
    return node;
  });
  return { graph: { ...model.graph, nodes }, weights };
}

function slices({ shape, data }: Tensor, axis: number, kept: readonly number[]): Tensor {
  const inner = shape.slice(axis + 1).reduce((product, d) => product * d, 1);
  const count = shape[axis]!;
  const outer = data.length / (inner * count);
  const result = tensor(shape.map((d, i) => (i === axis ? kept.length : d)));
  for (let o = 0; o < outer; o++) {
    kept.forEach((slice, k) => {
      const from = (o * count + slice) * inner;
      result.data.set(data.subarray(from, from + inner), (o * kept.length + k) * inner);
    });
  }
  return result;
}
