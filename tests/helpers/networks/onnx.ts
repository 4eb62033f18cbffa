import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
} from '../../../models/onnx/onnx_pb.js';
import { InferenceSession, Tensor } from '../../../models/runtime/onnxruntime.ts';
import { normals } from '../../../models/architectures/init.ts';
import { encodeRawModel } from '../../../models/onnx/raw.ts';
import type { RawGraph, RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { seededRng } from '../rng.ts';

/** A graph from value x to value y, as an exporter would write it. */
export function rawGraph(
  input: readonly (number | string)[],
  nodes: readonly RawNode[],
  initializers: readonly RawTensor[] = [],
): RawGraph {
  return {
    name: 'test',
    inputs: [{ name: 'x', dtype: 'float32', shape: input }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [] }],
    nodes,
    initializers,
  };
}

/** As rawGraph, its bytes. `rank` is that of the output. */
export function rawModel(
  input: readonly (number | string)[],
  nodes: readonly RawNode[],
  initializers: readonly RawTensor[] = [],
  rank = 4,
): Uint8Array {
  const shape = Array.from({ length: rank }, (_, i) => `y${i}`);
  const outputs = [{ name: 'y', dtype: 'float32' as const, shape }];
  return encodeRawModel({ ...rawGraph(input, nodes, initializers), outputs });
}

/** Seeded normal numbers as an initialiser. */
export function floats(name: string, shape: Shape, seed = name): Extract<RawTensor, { dtype: 'float32' }> {
  return { name, dtype: 'float32', shape, data: normals(sizeOf(shape), seededRng(seed)) };
}

/** A file whose weights lie in a file beside it, `location`, one after another from byte `at` on. */
export function withExternalData(
  bytes: Uint8Array,
  location: string,
  at = 0,
): { readonly model: Uint8Array; readonly data: Uint8Array } {
  const proto = fromBinary(ModelProtoSchema, bytes);
  const parts: Uint8Array[] = [];
  let offset = at;
  for (const tensor of proto.graph!.initializer) {
    const { length } = tensor.rawData;
    const place = { location, offset: String(offset), length: String(length) };
    tensor.externalData = Object.entries(place).map(([key, value]) =>
      create(StringStringEntryProtoSchema, { key, value }),
    );
    parts.push(tensor.rawData);
    offset += length;
    Object.assign(tensor, { rawData: new Uint8Array(), dataLocation: DataLocation.EXTERNAL });
  }
  return { model: toBinary(ModelProtoSchema, proto), data: Buffer.concat(parts) };
}

export function ints(name: string, values: readonly number[], shape: Shape = [values.length]): RawTensor {
  return { name, dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) };
}

/** What onnxruntime alone makes of a file: no code of ours between. */
export async function runFile(
  bytes: Uint8Array,
  x: Float32Array,
  shape: Shape,
): Promise<{ shape: Shape; data: Float32Array }> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    const results = await session.run({ [session.inputNames[0]!]: new Tensor('float32', x, [...shape]) });
    const y = results[session.outputNames[0]!]!;
    return { shape: y.dims, data: y.data as Float32Array };
  } finally {
    await session.release();
  }
}
