import type { FileNode } from '../onnx/decode.ts';
import type { RawAttribute, RawTensor } from '../onnx/raw.ts';
import { refuse } from '../refusal.ts';

/** What older opsets wrote as attributes and newer ones as inputs, in the order of the inputs. */
type Moved = { readonly before: number; readonly attributes: readonly string[] };

const moved: { readonly [op in string]?: Moved } = {
  Clip: { before: 11, attributes: ['min', 'max'] },
  Pad: { before: 11, attributes: ['pads', 'value'] },
  Slice: { before: 10, attributes: ['starts', 'ends', 'axes'] },
};

/** What has no meaning in inference or is the only form today. `only` is the value that may be dropped. */
type Dropped = { readonly before: number; readonly attribute: string; readonly only?: number };

const dropped: { readonly [op in string]?: Dropped } = {
  Dropout: { before: 12, attribute: 'ratio' },
  BatchNormalization: { before: 9, attribute: 'spatial', only: 1 },
};

/**
 * The node of an opset from 7 on in the form of opset 13; `addConstant` adds a constant under a name like
 * that of the tensor, and returns the name. The ops that are supported mean the same since opset 7 in all
 * else.
 */
export function inNewForm(node: FileNode, addConstant: (tensor: RawTensor) => string): FileNode {
  const { opset } = node;
  if (node.domain !== '') return node;
  const drop = Object.hasOwn(dropped, node.op) ? dropped[node.op] : undefined;
  if (drop !== undefined && opset < drop.before) {
    const { [drop.attribute]: value, ...kept } = node.attributes();
    if (drop.only !== undefined && value !== undefined && !('int' in value && value.int === drop.only))
      refuse(`its attribute ${drop.attribute} is not ${drop.only}`);
    return { ...node, attributes: () => kept };
  }
  const move = Object.hasOwn(moved, node.op) ? moved[node.op] : undefined;
  if (move === undefined || opset >= move.before) return node;
  const attributes = node.attributes();
  const kept = Object.entries(attributes).filter(([name]) => !move.attributes.includes(name));
  const added = move.attributes.map((name) => {
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    return value === undefined ? '' : addConstant(tensorOf(`${node.outputs[0] ?? ''}/${name}`, value));
  });
  while (added.at(-1) === '') added.pop();
  return { ...node, inputs: [...node.inputs, ...added], attributes: () => Object.fromEntries(kept) };
}

function tensorOf(name: string, value: RawAttribute): RawTensor {
  if ('float' in value) return { name, dtype: 'float32', shape: [], data: Float32Array.of(value.float) };
  if ('ints' in value)
    return {
      name,
      dtype: 'int64',
      shape: [value.ints.length],
      data: BigInt64Array.from(value.ints, BigInt),
    };
  return refuse(`attribute ${name} is neither a float nor a list of integers`);
}
