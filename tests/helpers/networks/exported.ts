import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { ModelProtoSchema } from '../../../models/onnx/onnx_pb.js';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { readModel } from '../../../models/files/read.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { maximumDifference } from '../differences.ts';
import { floats, ints, rawModel, runFile } from './onnx.ts';
import { seededRng } from '../rng.ts';

/** Nodes as exporters write them, from x [N, 4, 6, 6] to y. */
export type Exported = {
  readonly nodes: readonly RawNode[];
  readonly weights: readonly RawTensor[];
  /** Ops of the network as read. */
  readonly ops: readonly string[];
  readonly rank: number;
  readonly batch?: number;
  /** 17 where left out. */
  readonly opset?: number;
};

export const exportedShape = [4, 6, 6];
export const exportedWeight = floats('w', [5, 4, 3, 3]);

export function scalar(name: string, value: number): RawTensor {
  return { name, dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

/** With the weights `flattenConstants`. */
export const flattenByShape: readonly RawNode[] = [
  { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
  { op: 'Gather', inputs: ['shape', 'zero'], outputs: ['batch'], attributes: { axis: { int: 0 } } },
  { op: 'Unsqueeze', inputs: ['batch', 'axes'], outputs: ['batches'] },
  { op: 'Concat', inputs: ['batches', 'rest'], outputs: ['target'], attributes: { axis: { int: 0 } } },
  { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
];

export const flattenConstants: readonly RawTensor[] = [
  ints('zero', [0], []),
  ints('axes', [0]),
  ints('rest', [-1]),
];

/** The file with another opset written in it. */
export function atOpset(bytes: Uint8Array, opset: number): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, bytes);
  proto.opsetImport[0]!.version = BigInt(opset);
  return toBinary(ModelProtoSchema, proto);
}

/** A test for each: it is read as the ops said and means what it meant to onnxruntime. */
export function testExported(exported: Readonly<Record<string, Exported>>): void {
  test.each(Object.entries(exported))(
    '%s',
    async (_name, { nodes, weights, ops, rank, batch, opset = 17 }) => {
      const bytes = atOpset(rawModel([batch ?? 'N', ...exportedShape], nodes, weights, rank), opset);
      const n = batch ?? 3;
      const x = normals(n * sizeOf(exportedShape), seededRng('x'));
      const reference = await runFile(bytes, x, [n, ...exportedShape]);
      const model = readModel(bytes, 'exported.onnx');
      expect(model.graph.nodes.map((node) => node.op)).toEqual(ops);
      expect([n, ...model.graph.outputs[0]!.shape]).toEqual(reference.shape);
      const y = await predict(model, x, n, { threads: 1 });
      // The kernels are the same except for the mean: ReduceMean adds in another order than
      // GlobalAveragePool, 36 terms of size < 4.
      expect(maximumDifference(y, reference.data)).toBeLessThanOrEqual(36 * 4 * 2 ** -24);
    },
  );
}
