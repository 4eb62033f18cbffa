import type { OpAttributes, Pads, Pair } from '../../graph.ts';
import type { RawAttribute } from '../../onnx/raw.ts';
import type { Shape } from '../../tensor.ts';
import type { AttributeReader } from '../attributes.ts';
import { refuse } from '../../refusal.ts';

/** The window of a convolution or pooling, which slides over height and width. */
export type Window = {
  readonly kernel: Pair;
  readonly strides: Pair;
  readonly pads: Pads;
  readonly dilations: Pair;
};

/**
 * Reads kernel_shape, strides, pads, dilations and auto_pad. `kernelOfWeight`, the spatial shape of a
 * convolution's weight, is the default for kernel_shape.
 */
export function parseWindow(
  attributes: AttributeReader,
  input: Shape | undefined,
  kernelOfWeight?: Shape,
): Window {
  const kernel = pair(
    attributes.ints('kernel_shape') ?? kernelOfWeight ?? refuse('the attribute kernel_shape is missing'),
    'kernel_shape',
  );
  const strides = pair(attributes.ints('strides') ?? [1, 1], 'strides');
  const dilations = pair(attributes.ints('dilations') ?? [1, 1], 'dilations');
  const explicit = attributes.ints('pads');
  const autoPad = attributes.string('auto_pad', 'NOTSET');
  if (autoPad !== 'NOTSET' && explicit?.some((p) => p !== 0)) refuse('both pads and auto_pad are given');
  const pads =
    autoPad === 'NOTSET'
      ? quad(explicit ?? [0, 0, 0, 0])
      : automaticPads(autoPad, { kernel, strides, dilations }, input);
  return { kernel, strides, pads, dilations };
}

/** The coordinates that each of `count` windows covers along an axis of `length`, without the padding. */
export function windowsAlong(
  { kernel, strides, pads, dilations }: Window,
  axis: 0 | 1,
  length: number,
  count: number,
): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const start = i * strides[axis] - pads[axis];
    const taps = Array.from({ length: kernel[axis] }, (_, tap) => start + tap * dilations[axis]);
    return taps.filter((at) => at >= 0 && at < length);
  });
}

/**
 * ONNX's automatic padding: output = ceil(input / stride). An odd pad goes to the end (SAME_UPPER) or the
 * beginning (SAME_LOWER).
 */
function automaticPads(mode: string, window: Omit<Window, 'pads'>, input: Shape | undefined): Pads {
  if (mode === 'VALID') return [0, 0, 0, 0];
  if (mode !== 'SAME_UPPER' && mode !== 'SAME_LOWER')
    refuse(`auto_pad ${mode} is unknown; expected NOTSET, VALID, SAME_UPPER or SAME_LOWER`);
  const sizes = spatial(input ?? refuse(`auto_pad ${mode} needs a known input shape`));
  const along = (axis: 0 | 1): Pair => {
    const stride = window.strides[axis];
    const extent = (window.kernel[axis] - 1) * window.dilations[axis] + 1;
    const total = Math.max(0, (Math.ceil(sizes[axis] / stride) - 1) * stride + extent - sizes[axis]);
    const small = Math.floor(total / 2);
    return mode === 'SAME_UPPER' ? [small, total - small] : [total - small, small];
  };
  const [top, bottom] = along(0);
  const [left, right] = along(1);
  return [top, left, bottom, right];
}

/** Height and width of a [C, H, W] value. */
export function spatial(shape: Shape): Pair {
  const [, height, width] = shape;
  if (shape.length !== 3 || height === undefined || width === undefined)
    refuse(`expected an input of N x C x H x W, got N x [${shape.join(', ')}]`);
  return [height, width];
}

/** Height and width of the output of a window. Refuses a window that is larger than its padded input. */
export function slide(window: Window, input: Pair, ceilMode = false): Pair {
  const along = (axis: 0 | 1): number => {
    const before = window.pads[axis];
    const padded = input[axis] + before + window.pads[axis + 2]!;
    const stride = window.strides[axis];
    const room = padded - (window.kernel[axis] - 1) * window.dilations[axis] - 1;
    if (room < 0) refuse(`the window (kernel ${window.kernel.join('x')}) is larger than its padded input`);
    const last = ceilMode ? Math.ceil(room / stride) : Math.floor(room / stride);
    // ONNX leaves out a window that would start in the padding after the input.
    return ceilMode && last * stride >= input[axis] + before ? last : last + 1;
  };
  return [along(0), along(1)];
}

export function writeWindow(window: Window): Record<string, RawAttribute> {
  return {
    kernel_shape: { ints: window.kernel },
    strides: { ints: window.strides },
    pads: { ints: window.pads },
    ...(window.dilations.some((d) => d !== 1) ? { dilations: { ints: window.dilations } } : {}),
  };
}

/**
 * Reads a pooling's attributes. Refuses pads as large as the kernel, because pooling over padding alone is
 * undefined and ONNX runtimes reject it.
 */
export function parsePool(attributes: AttributeReader, input: Shape | undefined): OpAttributes['MaxPool'] {
  const window = parseWindow(attributes, input);
  const ceilMode = attributes.int('ceil_mode', 0) !== 0;
  if (window.pads.some((pad, i) => pad >= window.kernel[i % 2]!))
    refuse(`pads [${window.pads.join(', ')}] are not smaller than the kernel ${window.kernel.join('x')}`);
  return { ...window, ceilMode };
}

export function poolShape(attributes: OpAttributes['MaxPool'], input: Shape): Shape {
  return [input[0]!, ...slide(attributes, spatial(input), attributes.ceilMode)];
}

function pair(values: readonly number[], name: string): Pair {
  const [a, b] = values;
  if (values.length !== 2 || a === undefined || b === undefined)
    refuse(`${name} has ${values.length} entries; only 2-D windows are supported`);
  if (![a, b].every((v) => Number.isSafeInteger(v) && v >= 1 && v <= 65_536))
    refuse(`${name} is [${values.join(', ')}]; expected integers from 1 to 65536`);
  return [a, b];
}

function quad(values: readonly number[]): Pads {
  const [top, left, bottom, right] = values;
  if (values.length !== 4) refuse(`pads has ${values.length} entries; only 2-D windows are supported`);
  if (!values.every((v) => Number.isSafeInteger(v) && v >= 0 && v <= 65_536))
    refuse(`pads is [${values.join(', ')}]; expected integers from 0 to 65536`);
  return [top!, left!, bottom!, right!];
}
