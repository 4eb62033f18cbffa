import { afterAll, beforeAll, expect, test } from 'vitest';
import { tags } from '../../crypto/channel/channel.ts';
import { partBytes } from '../../crypto/channel/parts.ts';
import { requestBytes, responseBytes } from '../../crypto/steps/linear.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { noise } from '../../pipelines/bench/network.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer } from '../../src/server.ts';
import { cuttingProxy } from '../helpers/protocol/cutting-proxy.ts';
import type { CuttingProxy } from '../helpers/protocol/cutting-proxy.ts';
import { seededRng } from '../helpers/rng.ts';

// A network whose first layer asks in several frames, between two parties over sockets.
const shape = [24, 128, 128];
const image = noise(sizeOf(shape));
const pool = new ThreadPool(2);
let prepared: Prepared;
let server: RunningServer;
let proxy: CuttingProxy;
/** Logits of the network in float, and what a private answer may be beside them. */
let clear: Float32Array;
let bound: number;

beforeAll(async () => {
  const net = new NetworkBuilder('parts', shape, seededRng('parts'));
  const sizes = { inChannels: 24, channels: 4, kernel: 3, stride: 4 };
  const pooled = net.globalAveragePool('pool', net.relu('relu', net.conv('conv', net.input, sizes)));
  const model = net.build(net.gemm('head', net.flatten('flat', pooled), 4, 3));
  prepared = await prepare(model, { calibration: { images: image, n: 1 } });
  server = await startServer({ ...prepared, threads: 2 });
  proxy = await cuttingProxy(server.url);
  clear = await predict(prepared.model, image, 1, { threads: 1 });
  bound = logitErrorBound(prepared).likely;
});
afterAll(async () => {
  proxy.close();
  await server.close();
  await pool.close();
});

function expectRight(logits: Float32Array): void {
  clear.forEach((value, i) => expect(Math.abs(value - logits[i]!)).toBeLessThan(bound));
}

test('an answer is right, and its bytes are those of the plan, frame by frame', async () => {
  const session = await connect(proxy.url, { pool, transfers: 'softspoken' });
  const { logits, offline } = await session.infer(image);
  await session.close();
  expectRight(logits!);
  const { plan } = prepared;
  const step = plan.steps.find(({ kind }) => kind === 'linear')!;
  const { spec } = step as Extract<typeof step, { kind: 'linear' }>;
  const passed = proxy.passed.filter(({ tag }) => tag === tags.linearRequest);
  const length = requestBytes(spec);
  expect(length).toBeGreaterThan(partBytes);
  expect(passed.slice(0, 2).map(({ payload }) => payload.length)).toEqual([partBytes, length - partBytes]);
  const costs = predictCost(plan);
  const of = ({ bytes_up, bytes_down }: { bytes_up: number; bytes_down: number }) => [bytes_up, bytes_down];
  const measured = offline.steps.find((cost) => cost.step === step.id)!;
  expect(of(measured)).toEqual(of(costs.steps.find((cost) => cost.step === step.id)!.offline));
  expect(of(measured)).toEqual([requestBytes(spec) + 2 * 16, responseBytes(spec) + 16]);
  expect(Math.max(...proxy.passed.map(({ payload }) => payload.length))).toBe(partBytes);
});

test('a connection that is cut between two parts of a request costs the client nothing but time', async () => {
  const tag = tags.linearRequest;
  const session = await connect(proxy.url, { pool, retrySeconds: 60 });
  const before = proxy.passed.length;
  proxy.cutAt((frame) => frame.tag === tag && frame.part === 0 && frame.payload.length === partBytes);
  const { logits } = await session.infer(image);
  await session.close();
  expectRight(logits!);
  // It was cut: the part went twice, in two offline phases.
  const sent = proxy.passed.slice(before).filter((f) => f.tag === tag && f.payload.length === partBytes);
  expect(sent).toHaveLength(2);
});
