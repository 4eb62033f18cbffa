import type { Node, OpAttributes, OpType } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { spatial } from '../ops/windows/window.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { valueName } from './rewriting.ts';
import type { Rewrite, RewriteContext } from './rewriting.ts';

/** Means, maxima and sums over height and width, and axes of one element that are left out. */

type Reduced = 'mean' | 'max' | 'sum';

/** A node without its name, its first input and its output. */
type Link = { readonly [K in OpType]: { op: K; attributes: OpAttributes[K]; more?: string[] } }[OpType];

/** Nodes that each read what the one before computes. */
function chained(input: string, { node, output }: RewriteContext, links: readonly Link[]): Node[] {
  const last = links.length - 1;
  return links.map(({ more = [], ...link }, i) => {
    const ends = {
      name: i === last ? node : `${node}/${link.op}`,
      inputs: [i === 0 ? input : `${output}/${links[i - 1]!.op}`, ...more],
      outputs: [i === last ? output : `${output}/${link.op}`],
    };
    return { ...link, ...ends };
  });
}

/**
 * A mean, maximum or sum over height, width or both is a pooling with a window of that size. Where one of the
 * two is already left out, as in `x.mean(3).mean(2)`, the other may follow.
 */
export function reduction(kind: Reduced): Rewrite {
  return (attributes, [x, axesInput], context) => {
    const input = valueName(x);
    const keeps = attributes.int('keepdims', 1) !== 0;
    const shape = x!.shape ?? [];
    const axes = reducedAxes(kind, attributes, shape, axesInput);
    const [channels = 0, height = 0, width = 1] = shape;
    const window = [axes.includes(2) ? height : 1, axes.includes(3) ? width : 1] as const;
    const left = shape.filter((_, i) => !axes.includes(i + 1));
    const kept = shape.map((size, i) => (axes.includes(i + 1) ? 1 : size));
    const pooled = [channels, height / window[0], width / window[1]];
    const count = window[0] * window[1];
    return chained(input, context, [
      ...(shape.length === 2 ? [inShape([channels, height, 1])] : []),
      pooling(kind, window, [height, width]),
      ...(kind === 'sum' && count > 1
        ? [{ op: 'Mul' as const, attributes: {}, more: [factor(count, context)] }]
        : []),
      ...ofShape(pooled, keeps ? kept : left),
    ]);
  };
}

const words: Readonly<Record<Reduced, string>> = { mean: 'mean', max: 'maximum', sum: 'sum' };

/** The axes, counted with the batch as 0. */
function reducedAxes(
  kind: Reduced,
  attributes: AttributeReader,
  shape: Shape,
  axesInput: ParsedInput | undefined,
): readonly number[] {
  const noop = attributes.int('noop_with_empty_axes', 0);
  const listed = attributes.ints('axes');
  if (listed === undefined && isAbsent(axesInput) && noop === 0)
    refuse(`the ${words[kind]} over all axes joins the images of a batch`);
  const axes = listed ?? axesOf(axesInput);
  if (noop !== 0 && axes.length === 0) refuse('it changes nothing: noop_with_empty_axes without axes');
  const rank = shape.length + 1;
  const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis)).sort();
  const isSpatial = rank >= 3 && rank <= 4 && positive.every((axis) => axis >= 2 && axis < rank);
  if (!isSpatial || positive.length === 0)
    refuse(`only the ${words[kind]} over height and width is supported, not over axes [${axes.join(', ')}]`);
  return positive;
}

function pooling(kind: Reduced, kernel: readonly [number, number], whole: readonly number[]): Link {
  const window = { kernel, strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], ceilMode: false } as const;
  if (kind === 'max') return { op: 'MaxPool', attributes: window };
  return kernel.join() === whole.join()
    ? { op: 'GlobalAveragePool', attributes: {} }
    : { op: 'AveragePool', attributes: { ...window, countIncludePad: false } };
}

function factor(count: number, { node, weight }: RewriteContext): string {
  const data = Float32Array.of(count);
  const constant = { name: `${node}/count`, dtype: 'float32', shape: [], data } as const;
  return weight({ name: constant.name, shape: [], constant, batch: undefined });
}

function inShape(shape: Shape): Link {
  return { op: 'Reshape', attributes: { shape } };
}

/** What brings a value to a shape of the same elements. */
function ofShape(from: Shape, to: Shape): Link[] {
  if (from.join() === to.join()) return [];
  return to.length === 1 ? [{ op: 'Flatten', attributes: { axis: 1 } }] : [inShape(to)];
}

/** A global maximum is a MaxPool over the whole map. */
export const globalMaxPool: Rewrite = (_attributes, [x], context) => {
  const kernel = spatial(x?.shape ?? []);
  return chained(valueName(x), context, [pooling('max', kernel, kernel)]);
};

/**
 * Squeeze leaves out axes of one element. The batch is never squeezed, even if it is 1; nor is, where no axes
 * are given, a single channel. The only number of an image keeps its axis.
 */
export const squeeze: Rewrite = (attributes, [x, axesInput], context) => {
  const input = valueName(x);
  const shape = x!.shape ?? [];
  const listed = attributes.ints('axes');
  const isWithoutAxes = listed === undefined && isAbsent(axesInput);
  const ones = shape.flatMap((size, i) => (size === 1 ? [i + 1] : []));
  const axes = isWithoutAxes ? ones : (listed ?? axesOf(axesInput));
  const positive = axes.map((axis) => (axis < 0 ? axis + shape.length + 1 : axis));
  if (!positive.every((axis) => ones.includes(axis)))
    refuse(`only axes of one element behind the batch can be squeezed, not [${axes.join(', ')}]`);
  if (isWithoutAxes && shape[0] === 1 && shape.length > 1)
    refuse('without axes it would squeeze the only channel too');
  const left = shape.filter((_, i) => !positive.includes(i + 1));
  const links = ofShape(shape, left.length === 0 ? [sizeOf(shape)] : left);
  return chained(input, context, links.length === 0 ? [{ op: 'Identity', attributes: {} }] : links);
};

function isAbsent(input: ParsedInput | undefined): boolean {
  return input === undefined || input.name === '';
}

function axesOf(input: ParsedInput | undefined): readonly number[] {
  const constant = input?.constant;
  return constant?.dtype === 'int64'
    ? Array.from(constant.data, Number)
    : refuse('its axes are not constant');
}
