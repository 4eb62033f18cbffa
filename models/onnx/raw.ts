import { create, toBinary } from '@bufbuild/protobuf';
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  FunctionProtoSchema,
  OperatorSetIdProtoSchema,
} from './onnx_pb.js';
import type { AttributeProto, FunctionProto, NodeProto, TensorProto, ValueInfoProto } from './onnx_pb.js';

/**
 * An ONNX graph as plain data, with any op and unchecked. The writer turns a Model into it, and training
 * steps are built from it. Shapes are complete here, with the batch; a string is a symbolic dimension.
 */
export type RawGraph = {
  readonly name: string;
  readonly inputs: readonly RawValue[];
  readonly outputs: readonly RawValue[];
  readonly nodes: readonly RawNode[];
  readonly initializers: readonly RawTensor[];
  readonly functions?: readonly RawFunction[];
  /** The entries of the file's `metadata_props` (default: none). */
  readonly metadata?: Readonly<Record<string, string>>;
};

export type RawValue = {
  readonly name: string;
  readonly dtype: RawDtype;
  readonly shape: readonly (number | string)[];
};

export type RawNode = {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, RawAttribute>>;
};

export type RawAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly tensor: RawTensor };

export type RawTensor =
  | {
      readonly name: string;
      readonly dtype: 'float32';
      readonly shape: readonly number[];
      readonly data: Float32Array;
    }
  | {
      readonly name: string;
      readonly dtype: 'int64';
      readonly shape: readonly number[];
      readonly data: BigInt64Array;
    }
  | {
      readonly name: string;
      readonly dtype: 'bool' | 'uint8';
      readonly shape: readonly number[];
      readonly data: Uint8Array;
    }
  | {
      readonly name: string;
      readonly dtype: 'int8';
      readonly shape: readonly number[];
      readonly data: Int8Array;
    };

export type RawDtype = RawTensor['dtype'];

/** A model-local function. Runtimes that do not know its name inline its body. */
export type RawFunction = {
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly RawNode[];
};

export const writtenOpset = 17;
const irVersion = 8n; // model-local functions need 8

/** Returns the bytes of an .onnx file of opset 17. */
export function encodeRawModel(graph: RawGraph): Uint8Array {
  const domains = new Set((graph.functions ?? []).map((f) => f.domain));
  const model = create(ModelProtoSchema, {
    irVersion,
    producerName: 'reluctant',
    opsetImport: [opset('', writtenOpset), ...[...domains].map((domain) => opset(domain, 1))],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
      initializer: graph.initializers.map(encodeTensor),
    }),
    functions: (graph.functions ?? []).map(encodeFunction),
    metadataProps: Object.entries(graph.metadata ?? {}).map(([key, value]) => ({ key, value })),
  });
  return toBinary(ModelProtoSchema, model);
}

function opset(domain: string, version: number) {
  return create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) });
}

function encodeFunction(f: RawFunction): FunctionProto {
  return create(FunctionProtoSchema, {
    domain: f.domain,
    name: f.name,
    input: [...f.inputs],
    output: [...f.outputs],
    node: f.nodes.map(encodeNode),
    opsetImport: [opset('', writtenOpset)],
  });
}

function encodeNode(node: RawNode): NodeProto {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain ?? '',
    name: node.name ?? '',
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes ?? {}).map(([name, value]) => encodeAttribute(name, value)),
  });
}

function encodeAttribute(name: string, value: RawAttribute): AttributeProto {
  if ('int' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value.int) });
  if ('float' in value)
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  if ('string' in value) {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.STRING,
      s: new TextEncoder().encode(value.string),
    });
  }
  if ('ints' in value) {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeType.INTS,
      ints: value.ints.map((v) => BigInt(v)),
    });
  }
  if ('floats' in value) {
    return create(AttributeProtoSchema, { name, type: AttributeType.FLOATS, floats: [...value.floats] });
  }
  return create(AttributeProtoSchema, { name, type: AttributeType.TENSOR, t: encodeTensor(value.tensor) });
}

const dataTypes: Record<RawDtype, DataType> = {
  float32: DataType.FLOAT,
  int64: DataType.INT64,
  bool: DataType.BOOL,
  uint8: DataType.UINT8,
  int8: DataType.INT8,
};

function encodeTensor(t: RawTensor): TensorProto {
  return create(TensorProtoSchema, {
    name: t.name,
    dims: t.shape.map((d) => BigInt(d)),
    dataType: dataTypes[t.dtype],
    // ONNX's raw data is little-endian, and so are all machines that Node 24 runs on.
    rawData: new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength),
  });
}

function encodeValue(value: RawValue): ValueInfoProto {
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: {
      value: {
        case: 'tensorType',
        value: {
          elemType: dataTypes[value.dtype],
          shape: {
            dim: value.shape.map((d) => ({
              value:
                typeof d === 'number'
                  ? { case: 'dimValue' as const, value: BigInt(d) }
                  : { case: 'dimParam' as const, value: d },
            })),
          },
        },
      },
    },
  });
}
