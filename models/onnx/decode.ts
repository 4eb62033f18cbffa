import { fromBinary } from '@bufbuild/protobuf';
import { ModelError } from '../../src/shared/errors.ts';
import { refuse } from '../refusal.ts';
import type { Shape } from '../tensor.ts';
import { decodeTensor } from './decode-tensor.ts';
import type { ExternalData } from './decode-tensor.ts';
import {
  AttributeProto_AttributeType as AttributeType,
  ModelProtoSchema,
  TensorProto_DataType as DataType,
} from './onnx_pb.js';
import type {
  AttributeProto,
  FunctionProto,
  GraphProto,
  ModelProto,
  NodeProto,
  ValueInfoProto,
} from './onnx_pb.js';
import { inlineFunctions, opsetOf } from './inline-functions.ts';
import type { RawAttribute, RawFunction, RawNode, RawTensor } from './raw.ts';

/**
 * An ONNX file as plain data, of which only the encoding is checked. Attributes and tensors are decoded on
 * demand.
 */
export type RawFile = {
  readonly name: string;
  readonly inputs: readonly FileInput[];
  readonly outputs: readonly string[];
  /** Model-local functions are inlined, other than those of the domain that `decodeFile` is told to keep. */
  readonly nodes: readonly FileNode[];
  /** Decodes a tensor when it is asked for, because an unused tensor may have any type. Calls `refuse`. */
  readonly initializers: ReadonlyMap<string, () => RawTensor>;
  readonly functions: readonly RawFunction[];
  readonly metadata: ReadonlyMap<string, string>;
};

/** `shape` leaves out the batch; `batch` is undefined if it is symbolic. */
export type FileInput = { readonly name: string; readonly shape: Shape; readonly batch: number | undefined };

export type FileNode = {
  /** The opset that says what the op means. */
  readonly opset: number;
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Decodes the attributes. Calls `refuse` for types of attributes that are not supported. */
  readonly attributes: () => Readonly<Record<string, RawAttribute>>;
};

const oldestOpset = 7;
const newestOpset = 23;

export type DecodeOptions = {
  /** The domain whose model-local functions are not inlined (default: none). */
  readonly kept?: string;
  /** [height, width] of images whose file leaves them open (default: such a file is refused). */
  readonly size?: readonly [number, number];
};

/** Decodes an ONNX file. Throws ModelError if it is not one, or if its opset or inputs are not supported. */
export function decodeFile(bytes: Uint8Array, external: ExternalData, options: DecodeOptions = {}): RawFile {
  const { kept = '', size } = options;
  const proto = decodeProto(bytes);
  const graph = proto.graph ?? fail('it holds no graph: it is truncated, or not an ONNX file');
  if (graph.sparseInitializer.length > 0) fail('sparse initialisers are not supported');
  checkedOpset(opsetOf(proto.opsetImport));
  const initializers = new Map(
    graph.initializer.map((t) => [t.name, () => decodeTensor(t, external)] as const),
  );
  if (initializers.size !== graph.initializer.length) fail('two initialisers share a name');
  return {
    name: graph.name === '' ? 'network' : graph.name,
    inputs: decodeInputs(graph, initializers, size),
    outputs: graph.output.map((value) => value.name),
    nodes: inlineFunctions(proto, kept).map(({ node, opset }) =>
      decodeNode(checkedNames(node), checkedOpset(opset), external),
    ),
    initializers,
    functions: proto.functions.map(decodeFunction),
    metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
  };
}

function decodeProto(bytes: Uint8Array): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    return fail(`it is truncated, or not an ONNX file (${(error as Error).message})`);
  }
}

function checkedOpset(version: number): number {
  if (version < oldestOpset || version > newestOpset) {
    const found = version === 0 ? 'none' : String(version);
    fail(`opset: expected ${oldestOpset} to ${newestOpset}, got ${found}; export it again with opset 17`);
  }
  return version;
}

/** The graph's inputs without the initialisers, which files of IR version 3 list among them. */
function decodeInputs(
  graph: GraphProto,
  initializers: ReadonlyMap<string, unknown>,
  size: DecodeOptions['size'],
): FileInput[] {
  const inputs = graph.input.filter(({ name }) => !initializers.has(name));
  if (inputs.length !== 1) fail(`expected one input, got ${inputs.length}`);
  return inputs.map((input) => decodeInput(input, size));
}

const floatTypes: readonly number[] = [DataType.FLOAT, DataType.FLOAT16, DataType.DOUBLE, DataType.BFLOAT16];

function decodeInput({ name, type }: ValueInfoProto, size: DecodeOptions['size']): FileInput {
  if (type?.value.case !== 'tensorType') fail(`input ${name} is not a tensor`);
  const { elemType, shape } = type.value.value;
  if (!floatTypes.includes(elemType))
    fail(`input ${name}: expected floats, got ${DataType[elemType] ?? elemType}`);
  const [batch, ...sizes] = (shape?.dim ?? []).map(({ value }) =>
    value.case === 'dimValue' ? Number(value.value) : undefined,
  );
  if (shape === undefined || sizes.length === 0) fail(`input ${name} has no dimensions after the batch`);
  return {
    name,
    shape: sizedShape(name, sizes, size),
    batch: batch === undefined || batch < 1 ? undefined : batch,
  };
}

/**
 * The shape of an image, whose height and width may be left open. They follow the channels, or go before
 * them where only the last dimension is fixed.
 */
function sizedShape(
  name: string,
  sizes: readonly (number | undefined)[],
  size: DecodeOptions['size'],
): number[] {
  const isFixed = (d: number | undefined): d is number => d !== undefined && d >= 1 && d <= 65_536;
  const first = isFixed(sizes[0]) ? 1 : 0;
  const isImage = sizes.length === 3 && isFixed(sizes[first === 1 ? 0 : 2]);
  const isOpenImage = isImage && !sizes.some((d) => d !== undefined && d > 65_536);
  const shape = sizes.map((d, i) => (isFixed(d) || !isOpenImage ? d : size?.[i - first]));
  if (!shape.every(isFixed))
    fail(
      isOpenImage
        ? `input ${name}: its height and width are not fixed; give them with --size, e.g. --size 224x224`
        : `input ${name}: its dimensions after the batch are not all fixed; export it with fixed ones`,
    );
  const own = shape.length === 3 && shape.slice(first, first + 2);
  if (size !== undefined && own !== false && own.join() !== size.join())
    fail(`input ${name}: expected a size of ${size.join('x')}, got ${own.join('x')}, which the file fixes`);
  if (size !== undefined && own === false) fail(`input ${name}: it is no image, and has no height and width`);
  return shape;
}

/** Names are limited because error messages repeat them. */
const longestName = 1000;
/** The inputs, or the outputs, of a node: DenseNet-201 has 48 in one. */
const mostValues = 1000;

function checkedNames(node: NodeProto): NodeProto {
  const names = [node.name, node.opType, node.domain, ...node.input, ...node.output];
  const long = names.find((name) => name.length > longestName);
  if (long !== undefined)
    fail(`expected names of at most ${longestName} characters, got one of ${long.length}`);
  const count = Math.max(node.input.length, node.output.length);
  if (count > mostValues)
    fail(
      `node ${node.name} (${node.opType}): expected at most ${mostValues} inputs or outputs, got ${count}`,
    );
  return node;
}

function decodeNode(node: NodeProto, opset: number, external: ExternalData): FileNode {
  return {
    opset,
    op: node.opType,
    domain: node.domain === 'ai.onnx' ? '' : node.domain,
    name: node.name,
    inputs: node.input,
    outputs: node.output,
    attributes: () => Object.fromEntries(node.attribute.map((a) => [a.name, decodeAttribute(a, external)])),
  };
}

function decodeAttribute(a: AttributeProto, external: ExternalData): RawAttribute {
  if (a.refAttrName !== '') refuse(`attribute ${a.name} refers to a function's attribute`);
  if (a.type === AttributeType.INT) return { int: Number(a.i) };
  if (a.type === AttributeType.FLOAT) return { float: a.f };
  if (a.type === AttributeType.STRING) return { string: new TextDecoder().decode(a.s) };
  if (a.type === AttributeType.INTS) return { ints: a.ints.map(Number) };
  if (a.type === AttributeType.FLOATS) return { floats: a.floats };
  if (a.type === AttributeType.TENSOR && a.t !== undefined) return { tensor: decodeTensor(a.t, external) };
  return refuse(`attribute ${a.name} is of type ${AttributeType[a.type] ?? a.type}`);
}

function decodeFunction(f: FunctionProto): RawFunction {
  const nodes = f.node.map(({ opType, domain, input, output, attribute }): RawNode => {
    const plain = { op: opType, inputs: input, outputs: output };
    // Attributes of functions are not interpreted; a body that has any differs from every body that is known
    // here.
    return attribute.length === 0 && domain === '' ? plain : { ...plain, domain: `${domain}+attributes` };
  });
  return { domain: f.domain, name: f.name, inputs: f.input, outputs: f.output, nodes };
}

function fail(reason: string): never {
  throw new ModelError(reason);
}
