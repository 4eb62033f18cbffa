import type { Pads } from '../../graph.ts';
import { refuse } from '../../refusal.ts';
import type { OpDefinition, ParsedInput } from '../definition.ts';
import { free } from '../plain.ts';
import { spatial } from './window.ts';

/** Surrounds height and width of [C, H, W] with a constant. */
export const pad: OpDefinition<'Pad'> = {
  does: 'Height and width surrounded by a constant; merged into the next node if possible',
  refuses: 'reflect, edge, wrap; other axes; cropping',
  inputs: ['value', 'constant', 'optional-constant', 'optional-constant'],
  parse(attributes, [x, pads, value, axes]) {
    const mode = attributes.string('mode', 'constant');
    if (mode !== 'constant') refuse(`mode ${mode} is not supported, only constant`);
    return { pads: padsOf(integers(pads), axesOf(axes, (x?.shape?.length ?? 0) + 1)), value: valueOf(value) };
  },
  shape({ pads: [top, left, bottom, right] }, [x = []]) {
    const [height, width] = spatial(x);
    return [[x[0]!, height + top + bottom, width + left + right]];
  },
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const [top, left] = node.attributes.pads;
    const [height, width] = shapeOf(node.inputs[0]!).slice(2) as [number, number];
    const [start, end] = [graph.ints([top, left]), graph.ints([top + height, left + width])];
    return (dy) => [graph.op('Slice', [dy, start, end, graph.ints([2, 3])])];
  },
  cost: () => free,
  write(node, writing) {
    const { pads, value } = node.attributes;
    const [top, left, bottom, right] = pads.map(BigInt) as [bigint, bigint, bigint, bigint];
    const list = BigInt64Array.of(0n, 0n, top, left, 0n, 0n, bottom, right);
    const inputs = [
      node.inputs[0]!,
      writing.constant(`${node.name}/pads`, { dtype: 'int64', shape: [8], data: list }),
    ];
    const fill = { dtype: 'float32', shape: [], data: Float32Array.of(value) } as const;
    if (value !== 0) inputs.push(writing.constant(`${node.name}/value`, fill));
    return [{ op: 'Pad', name: node.name, inputs, outputs: node.outputs }];
  },
};

function integers(input: ParsedInput | undefined): number[] {
  const constant = input?.constant;
  if (constant?.dtype !== 'int64') refuse('its pads or axes are not constant integers');
  return Array.from(constant.data, Number);
}

function axesOf(input: ParsedInput | undefined, rank: number): number[] {
  if (input === undefined || input.name === '') return Array.from({ length: rank }, (_, i) => i);
  return integers(input).map((axis) => (axis < 0 ? axis + rank : axis));
}

/** Reads ONNX's list of pads, which gives the pads before each axis and then the pads after each axis. */
function padsOf(list: readonly number[], axes: readonly number[]): Pads {
  if (list.length !== 2 * axes.length || new Set(axes).size !== axes.length)
    refuse(
      `it has ${list.length} pads for the axes [${axes.join(', ')}]; expected two per axis, each axis once`,
    );
  if (list.some((p, i) => p !== 0 && ![2, 3].includes(axes[i % axes.length]!)))
    refuse(`pads [${list.join(', ')}] pad another axis than height and width`);
  if (!list.every((p) => Number.isSafeInteger(p) && p >= 0 && p <= 65_536))
    refuse(`pads [${list.join(', ')}]: negative ones (cropping) and ones above 65536 are not supported`);
  const at = (axis: number, end: 0 | 1) => {
    const i = axes.indexOf(axis);
    return i === -1 ? 0 : list[i + end * axes.length]!;
  };
  return [at(2, 0), at(3, 0), at(2, 1), at(3, 1)];
}

function valueOf(input: ParsedInput | undefined): number {
  if (input === undefined || input.name === '') return 0;
  const constant = input.constant;
  if (constant?.dtype !== 'float32' || constant.data.length !== 1 || !Number.isFinite(constant.data[0]))
    refuse('its value is not one finite number');
  return constant.data[0]!;
}
