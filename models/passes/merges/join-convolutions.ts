import type { Model, Node, NodeOf } from '../../graph.ts';
import { isActivation } from '../../ops/activations/activation.ts';
import { composed, read } from './compose-linear.ts';
import type { Linear } from './compose-linear.ts';
import { channelLines } from './fold-batch-norm.ts';
import type { ChannelLines } from './fold-batch-norm.ts';
import { writeMerged } from './merge-linear.ts';
import { onlyConsumer } from '../rewire.ts';

/** The nodes around an activation that become one: conv, batch norm if there is one, activation, conv. */
type Neighbours = {
  readonly first: NodeOf<'Conv'>;
  readonly norm: NodeOf<'BatchNormalization'> | undefined;
  readonly activation: Node;
  readonly second: NodeOf<'Conv'>;
};

/**
 * Makes one convolution of an activation and the convolutions on both sides of it, with lines in the
 * activation's place: Conv(f(BatchNormalization(Conv(x)))) becomes Conv(x), of a larger kernel. DeepReDuce
 * (Jha et al., ICML 2021) merges layers like this and trains them on. It is exact in the interior. If both
 * convolutions pad with zeros, the outputs at the border differ, because the second one reads zeros there and
 * the joined one does not. A batch norm behind the second stays. Returns undefined if other nodes read the
 * values in between, or if the layers are others.
 */
export function joinConvolutions(model: Model, activation: string, lines: ChannelLines): Model | undefined {
  const found = neighboursOf(model, activation);
  if (found === undefined) return undefined;
  const { first, norm, second } = found;
  const parts = [...(norm === undefined ? [] : [channelLines(model, norm)]), lines];
  const before = parts.reduce(through, read(model, first));
  const whole = composed(before, read(model, second));
  return whole && writeMerged(model, { first, between: [norm, found.activation], second }, whole)?.model;
}

/** Whether the activation has the neighbours that `joinConvolutions` needs. */
export function isBetweenConvolutions(model: Model, activation: string): boolean {
  return neighboursOf(model, activation) !== undefined;
}

function neighboursOf({ graph }: Model, name: string): Neighbours | undefined {
  const producers = new Map(graph.nodes.map((node) => [node.outputs[0]!, node]));
  const activation = graph.nodes.find((node) => node.name === name && isActivation(node));
  if (activation === undefined) return undefined;
  const before = producers.get(activation.inputs[0]!);
  const norm = before?.op === 'BatchNormalization' ? before : undefined;
  const first = norm === undefined ? before : producers.get(norm.inputs[0]!);
  const second = onlyConsumer(graph, activation.outputs[0]!);
  if (first?.op !== 'Conv' || second?.op !== 'Conv' || second.inputs[0] !== activation.outputs[0])
    return undefined;
  const inner = [first, ...(norm === undefined ? [] : [norm])];
  if (inner.some(({ outputs }) => onlyConsumer(graph, outputs[0]!) === undefined)) return undefined;
  return { first, norm, activation, second };
}

/** The convolution with a line behind each of its output channels. */
function through(linear: Linear, { slope, shift }: ChannelLines): Linear {
  const row = linear.weights.length / linear.outChannels;
  return {
    ...linear,
    weights: linear.weights.map((weight, i) => slope[Math.floor(i / row)]! * weight),
    bias: linear.bias.map((bias, c) => slope[c]! * bias + shift[c]!),
  };
}
