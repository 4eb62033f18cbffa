import { agreementBytes } from '../../crypto/channel/channel.ts';
import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { linearFaultRate } from '../../crypto/steps/linear.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { openClientParty, openServerParty } from '../../pipelines/inference/parties.ts';
import { offlineClient, offlineServer } from '../../pipelines/inference/offline.ts';
import { onlineClient, onlineServer } from '../../pipelines/inference/online.ts';
import { wireOf } from '../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { replay } from '../../pipelines/simulate/replay.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { seededRng } from '../helpers/rng.ts';
import { poissonBound } from '../helpers/protocol/within-one.ts';
import { randomImages } from '../helpers/data/data.ts';
import { mixedNet, piecewiseNet, residualNet } from '../helpers/networks/networks.ts';

const pool = new ThreadPool(2);
afterAll(() => pool.close());
let names = 0;

/** Both parties of one inference in this process, with real cryptography. */
async function infer({ plan, weights }: Prepared, image: Float32Array) {
  const [client, server] = memoryChannels();
  const [clientParty, serverParty] = await Promise.all([
    openClientParty(client, pool, plan, seededRng('client')),
    openServerParty(server, pool, plan, `test ${names++}`, seededRng('server')),
  ]);
  const [clientOffline, serverOffline] = await Promise.all([
    offlineClient(client, plan, clientParty),
    offlineServer(server, plan, weights, serverParty),
  ]);
  const framesBefore = client.traffic.framesSent;
  const ring = await loadRing();
  const [clientOnline, serverOnline] = await Promise.all([
    onlineClient(client, plan, clientOffline.offline, image),
    onlineServer(server, plan, weights, serverOffline.offline, ring),
  ]);
  const rounds = client.traffic.framesSent - framesBefore;
  clientParty.close();
  return { client, rounds, ring, clientOffline, serverOffline, clientOnline, serverOnline };
}

async function prepared(model: Model) {
  const images = randomImages(model, 16, seededRng('images'));
  const result = await prepare(model, { calibration: { images, n: 16 } });
  return { prepared: result, image: images.subarray(0, images.length / 16) };
}

test.each([
  ['ReLUs', residualNet],
  ['ReLUs, identities and polynomials', mixedNet],
  ['leaky ReLUs, maxima, clips and uneven averages', piecewiseNet],
])('every wire opens to its step’s integers, linear ones at most one unit off: %s', async (_name, build) => {
  const model = build(seededRng(7));
  const { prepared: made, image } = await prepared(model);
  const { plan, weights } = made;
  const run = await infer(made, image);
  const shares = run.clientOffline.wires;
  const opened = new Map(
    plan.wires.map((wire, id) => {
      const words = run.serverOnline.wires.get(id)!.map((s, i) => s + shares.get(id)![i]!);
      expect(words.length).toBe(sizeOf(wire.shape));
      return [id, words] as const;
    }),
  );
  const checks = replay(run.ring, plan, weights, image, opened, (wire) => shares.get(wire)!);
  expect([...checks].filter(([, { wrong }]) => wrong > 0)).toEqual([]);
  const faults = [...checks.values()].reduce((sum, { offByOne }) => sum + offByOne, 0);
  const outputs = plan.steps.filter(({ kind }) => kind === 'linear').map(({ output }) => opened.get(output)!);
  const most = poissonBound(outputs.reduce((sum, words) => sum + words.length, 0) * linearFaultRate);
  expect(faults).toBeLessThanOrEqual(most);
  const float = await predict(model, image, 1);
  const { likely } = logitErrorBound(made);
  run.clientOnline.answer.logits!.forEach((y, i) => expect(Math.abs(y - float[i]!)).toBeLessThan(likely));
  expect(wireOf(plan, plan.output.wire).shape).toEqual([5]);
});

test('measured bytes and rounds are the predicted ones', async () => {
  const { prepared: made, image } = await prepared(mixedNet(seededRng(7)));
  const run = await infer(made, image);
  const prediction = predictCost(made.plan);
  expect(run.rounds).toBe(prediction.rounds);
  const bytes = (costs: typeof run.clientOffline.costs) =>
    new Map(costs.map(({ step, bytes_up, bytes_down }) => [step, { bytes_up, bytes_down }]));
  const offline = [bytes(run.clientOffline.costs), bytes(run.serverOffline.costs)];
  const online = [bytes(run.clientOnline.costs), bytes(run.serverOnline.costs)];
  for (const step of prediction.steps) {
    for (const side of offline) expect(side.get(step.step) ?? none).toEqual(step.offline);
    for (const side of online) expect(side.get(step.step) ?? none).toEqual(step.online);
  }
  const { sent, received } = run.client.traffic;
  const greeting = 2 * (frameHeaderBytes + agreementBytes);
  const phases = [prediction.offline, prediction.online];
  expect(sent).toBe(
    prediction.session.bytes_up - greeting + phases.reduce((sum, phase) => sum + phase.bytes_up, 0),
  );
  expect(received).toBeGreaterThan(phases.reduce((sum, phase) => sum + phase.bytes_down, 0));
});

const none = { bytes_up: 0, bytes_down: 0 };

test('offline material serves one inference', async () => {
  const { prepared: made, image } = await prepared(residualNet(seededRng(7)));
  const run = await infer(made, image);
  const [client] = memoryChannels();
  await expect(onlineClient(client, made.plan, run.clientOffline.offline, image)).rejects.toThrow(
    'step 0: its one-time material is used up',
  );
});
