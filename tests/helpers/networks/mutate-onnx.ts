import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { uniformInt } from '../../../models/data/seeded.ts';
import { ModelProtoSchema } from '../../../models/onnx/onnx_pb.js';
import type { AttributeProto, GraphProto, ModelProto, NodeProto } from '../../../models/onnx/onnx_pb.js';

type Uniform = () => number;

/** Numbers that files should not hold: signs, limits of types, sizes that multiply to more than memory. */
const absurd = [-1n, 0n, 1n, 2n, 7n, 255n, 65_536n, 1n << 20n, (1n << 31n) - 1n, 1n << 31n, 1n << 40n, (1n << 63n) - 1n, -(1n << 63n)]; // prettier-ignore

/** Mostly one: of two changes the first hides what the second would find. */
function howMany(uniform: Uniform): number {
  return pick([1, 1, 1, 2, 3], uniform);
}

/**
 * The file with one to three changes of its bytes: flipped, cut, inserted or removed bytes, or blocks copied
 * over others.
 */
export function mutateBytes(bytes: Uint8Array, uniform: Uniform): Uint8Array {
  let mutated: Uint8Array = bytes.slice();
  for (let left = howMany(uniform); left > 0; left--)
    mutated = pick(byteMutations, uniform)(mutated, uniform);
  return mutated;
}

const byteMutations: readonly ((bytes: Uint8Array, uniform: Uniform) => Uint8Array)[] = [
  flip,
  flip,
  flip,
  flip,
  (bytes, uniform) => bytes.slice(0, uniformInt(uniform, bytes.length + 1)),
  (bytes, uniform) => {
    const [from, to, size] = [0, 0, 0].map(() => uniformInt(uniform, bytes.length + 1)) as [
      number,
      number,
      number,
    ];
    bytes.copyWithin(to, from, from + (size % 64));
    return bytes;
  },
  (bytes, uniform) => {
    const at = uniformInt(uniform, bytes.length + 1);
    const inserted = Uint8Array.from({ length: 1 + uniformInt(uniform, 12) }, () => uniformInt(uniform, 256));
    return Uint8Array.from([...bytes.subarray(0, at), ...inserted, ...bytes.subarray(at)]);
  },
  (bytes, uniform) => {
    const at = uniformInt(uniform, bytes.length + 1);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + uniformInt(uniform, 40))]);
  },
];

function flip(bytes: Uint8Array, uniform: Uniform): Uint8Array {
  if (bytes.length > 0) bytes[uniformInt(uniform, bytes.length)]! ^= 1 << uniformInt(uniform, 8);
  return bytes;
}

/** A well-formed protobuf whose content has one to three changes. */
export function mutateContent(bytes: Uint8Array, uniform: Uniform): Uint8Array {
  const model = fromBinary(ModelProtoSchema, bytes.slice()); // tensors are views of the bytes
  for (let left = howMany(uniform); left > 0; left--) pick(contentMutations, uniform)(model, uniform);
  return toBinary(ModelProtoSchema, model);
}

const contentMutations: readonly ((model: ModelProto, uniform: Uniform) => void)[] = [
  // inputs and outputs crossed: cycles, missing and doubled values
  onNode((node, uniform, graph) => {
    const names = graph.node.flatMap((n) => [...n.input, ...n.output]);
    if (node.input.length > 0) node.input[uniformInt(uniform, node.input.length)] = pick(names, uniform);
  }),
  onNode((node, uniform, graph) => (node.output[0] = pick(graph.node, uniform).output[0] ?? '')),
  onNode((node, uniform) => node.input.splice(uniformInt(uniform, node.input.length + 1), 1)),
  onNode((node, uniform, graph) => node.input.push(pick(graph.initializer, uniform).name)),
  onNode((node) => (node.output.length = 0)),
  onNode((node, uniform, graph) => (node.opType = pick(graph.node, uniform).opType)),
  onNode((node, uniform) => (node.opType = pick(otherOps, uniform))),
  onNode((node, uniform) => (node.domain = pick(['reluctant', 'com.example', 'ai.onnx'], uniform))),
  onNode((node, uniform, graph) => graph.node.splice(graph.node.indexOf(node), 1)),
  onNode((node, uniform, graph) => graph.node.splice(uniformInt(uniform, graph.node.length), 0, node)),
  onAttribute((attribute, uniform) => (attribute.i = pick(absurd, uniform))),
  onAttribute((attribute, uniform) => {
    if (attribute.ints.length > 0)
      attribute.ints[uniformInt(uniform, attribute.ints.length)] = pick(absurd, uniform);
  }),
  onAttribute((attribute, uniform) => attribute.ints.push(pick(absurd, uniform))),
  onAttribute((attribute, uniform) => (attribute.f = pick([NaN, Infinity, -1, 0, 1e30], uniform))),
  onAttribute((attribute, uniform) => (attribute.type = uniformInt(uniform, 15))),
  onAttribute(
    (attribute, uniform) =>
      (attribute.name = pick(['axis', 'group', 'to', 'kernel_shape', 'value'], uniform)),
  ),
  (model, uniform) => {
    const tensor = pick(model.graph!.initializer, uniform);
    if (tensor.dims.length > 0) tensor.dims[uniformInt(uniform, tensor.dims.length)] = pick(absurd, uniform);
  },
  (model, uniform) => (pick(model.graph!.initializer, uniform).dataType = uniformInt(uniform, 24)),
  (model, uniform) => (pick(model.graph!.initializer, uniform).dims = []),
  (model, uniform) => pick(model.graph!.initializer, uniform).dims.push(pick(absurd, uniform)),
  (model, uniform) =>
    (pick(model.graph!.initializer, uniform).name = pick(model.graph!.initializer, uniform).name),
  (model, uniform) =>
    model.graph!.initializer.splice(uniformInt(uniform, model.graph!.initializer.length), 1),
  (model, uniform) => {
    const data = pick(model.graph!.initializer, uniform).rawData;
    if (data.length > 0) data.fill(pick([0, 255, 127], uniform), uniformInt(uniform, data.length));
  },
  (model, uniform) => {
    const type = model.graph!.input[0]?.type?.value;
    const dims = type?.case === 'tensorType' ? type.value.shape?.dim : undefined;
    if (dims !== undefined && dims.length > 0)
      dims[uniformInt(uniform, dims.length)]!.value = { case: 'dimValue', value: pick(absurd, uniform) };
  },
  (model, uniform) => (model.graph!.output[0]!.name = pick(model.graph!.node, uniform).output[0] ?? ''),
  (model, uniform) => (model.opsetImport[0]!.version = pick(absurd, uniform)),
];

const otherOps = ['Shape', 'Expand', 'ConstantOfShape', 'Range', 'Where', 'Transpose', 'Slice', 'Pad', 'Squeeze', 'Sub', 'Sum', 'Loop', 'constructor', '__proto__']; // prettier-ignore

function onNode(change: (node: NodeProto, uniform: Uniform, graph: GraphProto) => void) {
  return ({ graph }: ModelProto, uniform: Uniform): void => {
    if (graph!.node.length > 0 && graph!.initializer.length > 0)
      change(pick(graph!.node, uniform), uniform, graph!);
  };
}

function onAttribute(change: (attribute: AttributeProto, uniform: Uniform) => void) {
  return ({ graph }: ModelProto, uniform: Uniform): void => {
    const attributes = graph!.node.flatMap((node) => node.attribute);
    if (attributes.length > 0) change(pick(attributes, uniform), uniform);
  };
}

function pick<T>(list: readonly T[], uniform: Uniform): T {
  return list[uniformInt(uniform, list.length)]!;
}
