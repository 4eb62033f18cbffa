import type { Node } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { parseWindow, spatial } from '../ops/windows/window.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import { valueName } from './rewriting.ts';
import type { RewriteContext } from './rewriting.ts';

/**
 * A transposed convolution along one axis. With stride s, dilation d and p zeros left out before,
 *
 *   y[o] = sum over i, t of x[i] w[t],   with o + p = i s + t d.
 *
 * The outputs with the same remainder r of (o + p) / s are one phase. Of quotient q, one of them is the sum
 * over m of x[q - m] w[t] with t d = r + m s: a convolution of stride 1. All phases take the same taps of x,
 * and zeros are put where a phase has no w[t].
 */
type Along = {
  readonly stride: number;
  readonly dilation: number;
  /** Zeros of x before and after it. */
  readonly pads: readonly [number, number];
  /** The largest m. */
  readonly reach: number;
  /** p */
  readonly left: number;
  /** The length of y, and of each phase. */
  readonly length: number;
  readonly places: number;
  /** The quotient of a phase's first place. */
  readonly first: number;
};

/**
 * A ConvTranspose is a convolution with a map for each output map and each pair of phases; a Gather puts the
 * phases in their places.
 */
export function convTranspose(
  attributes: AttributeReader,
  [x, weight, bias]: readonly ParsedInput[],
  { node, output, kernel }: RewriteContext,
): Node[] {
  const input = valueName(x);
  const [height, width] = axesOf(attributes, x!, weight);
  const group = attributes.int('group', 1);
  const [channels = 0, perGroup = 0] = weight?.shape ?? [];
  if (channels !== x!.shape![0] || !Number.isSafeInteger(channels / group))
    refuse(`weight [${weight!.shape!.join(', ')}] does not fit ${x!.shape![0]} channels in ${group} groups`);
  const maps = perGroup * group;
  const phases = height.stride * width.stride;
  const biases = bias === undefined || bias.name === '' ? [] : [kernel(repeated(node, bias, phases))];
  const inputs = [input, kernel(phaseKernel(node, weight!, group, height, width)), ...biases];
  const conv = {
    kernel: [height.reach + 1, width.reach + 1],
    strides: [1, 1],
    pads: [height.pads[0], width.pads[0], height.pads[1], width.pads[1]],
    dilations: [1, 1],
    group,
  } as const;
  const isWhole = phases === 1 && isUncut(height) && isUncut(width);
  const own = isWhole
    ? { name: node, outputs: [output] }
    : { name: `${node}/conv`, outputs: [`${output}/phases`] };
  const first: Node = { op: 'Conv', ...own, inputs, attributes: conv };
  return isWhole ? [first] : [first, ...interleaved(node, output, maps, height, width)];
}

function isUncut({ left, first, length, places }: Along): boolean {
  return left === first && length === places;
}

function axesOf(
  attributes: AttributeReader,
  x: ParsedInput,
  weight: ParsedInput | undefined,
): [Along, Along] {
  const shape = weight?.constant?.shape ?? refuse('its weights are computed');
  const autoPad = attributes.string('auto_pad', 'NOTSET');
  const { kernel, strides, dilations, pads } = parseWindow(attributes, x.shape, shape.slice(2));
  if (kernel.join() !== shape.slice(2).join())
    refuse(`weight [${shape.join(', ')}] does not fit the kernel ${kernel.join('x')}`);
  const more = attributes.ints('output_padding') ?? [0, 0];
  const wanted = attributes.ints('output_shape');
  const sizes = spatial(x.shape ?? []);
  return [0, 1].map((i): Along => {
    const [size, stride, dilation, added] = [sizes[i]!, strides[i]!, dilations[i]!, more[i] ?? 0];
    if (!(added >= 0 && added < Math.max(stride, dilation))) refuse(`output_padding is [${more.join(', ')}]`);
    const all = stride * (size - 1) + added + (kernel[i]! - 1) * dilation + 1;
    const given = wanted?.at(i - 2) ?? (autoPad.startsWith('SAME') ? size * stride : undefined);
    const [left, right] = given === undefined ? [pads[i]!, pads[i + 2]!] : sides(all - given, autoPad);
    return along(size, { stride, dilation, left, length: all - left - right, taps: kernel[i]! });
  }) as [Along, Along];
}

/** The zeros that are left out before and after, of `total`; an odd one is left out after for SAME_UPPER. */
function sides(total: number, autoPad: string): [number, number] {
  if (total < 0) refuse('its output_shape is larger than what it computes');
  const small = Math.floor(total / 2);
  return autoPad === 'SAME_UPPER' ? [small, total - small] : [total - small, small];
}

type Sizes = Pick<Along, 'stride' | 'dilation' | 'left' | 'length'> & { readonly taps: number };

function along(size: number, { taps, ...sizes }: Sizes): Along {
  const { stride, dilation, left, length } = sizes;
  if (length < 1) refuse('its pads leave nothing of its output');
  const reach = Math.floor(((taps - 1) * dilation) / stride);
  const before = Math.max(0, reach - Math.floor(left / stride));
  const after = Math.max(0, Math.floor((left + length - 1) / stride) + 1 - size);
  const places = size + before + after - reach;
  return { ...sizes, pads: [before, after], reach, places, first: reach - before };
}

/** The weights [maps x phases, channels / group, taps, taps] of those [channels, maps / group, kh, kw]. */
function phaseKernel(
  node: string,
  { name, constant }: ParsedInput,
  group: number,
  height: Along,
  width: Along,
): ParsedInput {
  const { shape, data } = constant ?? refuse('its weights are computed');
  if (!(data instanceof Float32Array)) refuse(`weight ${name} is not of floats`);
  const [channels, perGroup, kh, kw] = shape as [number, number, number, number];
  const inGroup = channels / group;
  const phases = height.stride * width.stride;
  const taps = [height.reach + 1, width.reach + 1] as const;
  const own = [perGroup * group * phases, inGroup, ...taps];
  const found = new Float32Array(sizeOf(own));
  const [rows, columns] = [places(kh, height), places(kw, width)];
  for (let c = 0; c < channels; c++)
    for (let m = 0; m < perGroup; m++)
      for (let i = 0; i < kh; i++)
        for (let j = 0; j < kw; j++) {
          const map = Math.floor(c / inGroup) * perGroup + m;
          const phase = rows[i]!.phase * width.stride + columns[j]!.phase;
          const place = ((map * phases + phase) * inGroup + (c % inGroup)) * taps[0] + rows[i]!.tap;
          found[place * taps[1] + columns[j]!.tap] = data[((c * perGroup + m) * kh + i) * kw + j]!;
        }
  return floats(`${node}/${name}/phases`, own, found);
}

/** The phase of each tap of a kernel, and its place in that phase's kernel. */
function places(taps: number, { stride, dilation, reach }: Along): { phase: number; tap: number }[] {
  return Array.from({ length: taps }, (_, t) => ({
    phase: (t * dilation) % stride,
    tap: reach - Math.floor((t * dilation) / stride),
  }));
}

function repeated(node: string, { name, constant }: ParsedInput, phases: number): ParsedInput {
  const data = constant?.data;
  if (!(data instanceof Float32Array)) refuse(`bias ${name} is not a constant of floats`);
  const found = Float32Array.from({ length: data.length * phases }, (_, i) => data[Math.floor(i / phases)]!);
  return floats(`${node}/${name}/phases`, [found.length], found);
}

function floats(name: string, shape: readonly number[], data: Float32Array): ParsedInput {
  return { name, shape, batch: undefined, constant: { name, dtype: 'float32', shape, data } };
}

/** Puts the places of the phases, [maps x phases, rows, columns], where they belong in [maps, H, W]. */
function interleaved(node: string, output: string, maps: number, height: Along, width: Along): Node[] {
  const size = maps * height.stride * width.stride * height.places * width.places;
  const at = (o: number, { left, stride, first }: Along) => ({
    phase: (o + left) % stride,
    place: Math.floor((o + left) / stride) - first,
  });
  const columns = Array.from({ length: width.length }, (_, o) => at(o, width));
  const rows = Array.from({ length: height.length }, (_, o) => at(o, height));
  const indices = Array.from({ length: maps }, (_, m) =>
    rows.flatMap((row) =>
      columns.map((column) => {
        const map = (m * height.stride + row.phase) * width.stride + column.phase;
        return (map * height.places + row.place) * width.places + column.place;
      }),
    ),
  ).flat();
  const [flat, picked] = [`${output}/flat`, `${output}/picked`];
  const shape = [maps, height.length, width.length];
  return [
    {
      ...{ op: 'Reshape', name: `${node}/flat`, inputs: [`${output}/phases`], outputs: [flat] },
      attributes: { shape: [size] },
    },
    {
      ...{ op: 'Gather', name: `${node}/pick`, inputs: [flat], outputs: [picked] },
      attributes: { axis: 1, indices },
    },
    { op: 'Reshape', name: node, inputs: [picked], outputs: [output], attributes: { shape } },
  ];
}
