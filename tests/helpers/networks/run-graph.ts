import { InferenceSession, Tensor as OrtTensor } from '../../../models/runtime/onnxruntime.ts';
import { GraphBuilder } from '../../../models/onnx/graph-builder.ts';
import type { RawDtype } from '../../../models/onnx/raw.ts';

export type Feed = {
  readonly dtype?: RawDtype;
  readonly shape: readonly number[];
  readonly data: readonly number[];
};

/** Builds a graph on the given inputs, runs it once, and returns the values whose names `build` returns. */
export async function runGraph(
  inputs: Readonly<Record<string, Feed>>,
  build: (graph: GraphBuilder) => Readonly<Record<string, { value: string; rank: number; dtype?: RawDtype }>>,
): Promise<Record<string, number[]>> {
  const graph = new GraphBuilder();
  const feeds: Record<string, OrtTensor> = {};
  for (const [name, { dtype = 'float32', shape, data }] of Object.entries(inputs)) {
    graph.input(name, dtype, shape);
    const isInt = dtype === 'int64';
    feeds[name] = isInt
      ? new OrtTensor('int64', BigInt64Array.from(data, BigInt), shape)
      : new OrtTensor('float32', Float32Array.from(data), shape);
  }
  for (const [name, { value, rank, dtype = 'float32' }] of Object.entries(build(graph)))
    graph.output(
      value,
      `result.${name}`,
      dtype,
      Array.from({ length: rank }, (_, i) => `d${i}`),
    );
  const session = await InferenceSession.create(graph.encode('test'), {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const results = await session.run(feeds);
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, tensor]) => [
      name.slice('result.'.length),
      [...(tensor.data as Float32Array | BigInt64Array)].map(Number),
    ]),
  );
}
