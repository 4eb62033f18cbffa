import { InferenceSession, Tensor } from '../../../../models/runtime/onnxruntime.ts';
import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../../models/onnx/graph-builder.ts';
import { gateWeights, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { sparsity } from '../../../../pipelines/reduce/snl/penalty.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const sample = { images: new Float32Array(128).fill(0.5), n: 1, threads: 1 };

/** The penalties at some alphas, which repeat in each layer, and the gradient of the second layer's. */
async function penaltiesAt(granularity: 'pixel' | 'channel', alphas: readonly number[]) {
  const layers = (await layerStates(tinyResnet(), { granularity, replacement: 'identity', sample })).slice(
    0,
    2,
  );
  const gated = withGates(tinyResnet(), layers, {}, ({ open }) =>
    Float32Array.from(open, (_, i) => alphas[i % alphas.length]!),
  );
  const graph = new GraphBuilder();
  graph.input('lambda', 'float32', []);
  for (const [name, weight] of gated.weights) graph.initializer({ name, dtype: 'float32', ...weight });
  const inputs = { valueOf: (name: string) => name, scalarOf: (name: string) => name };
  const { value, gradients } = sparsity(gated, 512).build(graph, inputs);
  graph.output(value, 'value', 'float32', []);
  const { gate } = gateWeights(layers[1]!.layer);
  graph.output(gradients.get(gate)!, 'gradient', 'float32', gated.weights.get(gate)!.shape);
  const session = await InferenceSession.create(graph.encode('penalty'), { logSeverityLevel: 3 });
  const results = await session.run({ lambda: new Tensor('float32', Float32Array.of(3), []) });
  await session.release();
  return (name: string) => [...(results[name]!.data as Float32Array)];
}

// 2 layers of 256 elements or 4 channels of 64 places
test.each([
  ['pixel', 1],
  ['channel', 64],
] as const)('by %s: lambda times the mean of |alpha|', async (by, places) => {
  const of = await penaltiesAt(by, [0.75, -0.25, 0.005, 0]);
  expect(of('value')[0]).toBeCloseTo((3 * (0.75 + 0.25 + 0.005)) / 4, 5);
  const slope = (3 * places) / 512;
  of('gradient').forEach((d, i) => expect(d).toBeCloseTo([slope, -slope, slope, 0][i % 4]!, 7));
});

test('the gradient is what a difference of the values gives', async () => {
  const [at, above] = await Promise.all([
    penaltiesAt('channel', [0.75, -0.25, 0.5, 0.5]),
    penaltiesAt('channel', [0.75 + 0.01, -0.25, 0.5, 0.5]),
  ]);
  const slope = (above('value')[0]! - at('value')[0]!) / 0.01;
  expect(slope).toBeCloseTo(2 * at('gradient')[0]!, 4); // both layers' first alpha moved
});
