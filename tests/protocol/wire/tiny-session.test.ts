import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import type { Bytes } from '../../../pipelines/cost/bytes.ts';
import { openClientParty, openServerParty } from '../../../pipelines/inference/parties.ts';
import type { StepCost } from '../../../pipelines/inference/step-clock.ts';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import { onlineClient, onlineServer } from '../../../pipelines/inference/online.ts';
import type { StepKind } from '../../../pipelines/plan/plan.ts';
import { greetClient, greetServer } from '../../../src/net/handshake.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { offering } from '../../helpers/protocol/offers.ts';
import { recording } from '../../helpers/protocol/wire.ts';

const pool = new ThreadPool(1);
afterAll(() => pool.close());

/** A whole session with one inference, on a plan that has every kind of step. */
async function session() {
  const [a, b] = memoryChannels();
  const rows = { client: [] as string[], server: [] as string[] };
  const [client, server] = [recording(a, 'client', rows.client), recording(b, 'server', rows.server)];
  const weights = tinyWeights();
  const asClient = async () => {
    const { plan } = await greetServer(client);
    const party = await openClientParty(client, pool, plan, seededRng('session client'));
    const { offline, costs } = await offlineClient(client, plan, party);
    const online = await onlineClient(client, plan, offline, tinyImage());
    return { offline: costs, online: online.costs };
  };
  const asServer = async () => {
    await greetClient(server, offering(tinyPlan));
    const party = await openServerParty(server, pool, tinyPlan, 'wire session', seededRng('session server'));
    const { offline, costs } = await offlineServer(server, tinyPlan, weights, party);
    const online = await onlineServer(server, tinyPlan, weights, offline, await loadRing());
    return { offline: costs, online: online.costs };
  };
  const costs = await Promise.all([asClient(), asServer()]);
  return { costs, rows, traffic: a.traffic };
}

const done = session();

/** Contents are held step by step in steps.txt; here the order and the lengths. */
test('the frames of a session are those on file, in this order', async () => {
  const { rows } = await done;
  const file = [...rows.client, ...rows.server, ''].map((row) => row.replace(/ \S+$/, '')).join('\n');
  await expect(file).toMatchFileSnapshot('tiny-session.txt');
});

test('the plan has every kind of step', () => {
  const kinds: Record<StepKind, true> = {
    linear: true,
    bias: true,
    add: true,
    concat: true,
    sumPool: true,
    reshape: true,
    pick: true,
    combine: true,
    offset: true,
    activation: true,
  };
  expect(new Set(tinyPlan.steps.map((step) => step.kind))).toEqual(new Set(Object.keys(kinds)));
});

test('every byte of a session is the formula’s: the start, each step offline and online, both parties', async () => {
  const { costs, traffic } = await done;
  const prediction = predictCost(tinyPlan);
  const measured = (list: readonly StepCost[], step: number): Bytes => {
    const cost = list.find((entry) => entry.step === step);
    return { bytes_up: cost?.bytes_up ?? 0, bytes_down: cost?.bytes_down ?? 0 };
  };
  for (const party of costs) {
    for (const step of prediction.steps) {
      expect(measured(party.offline, step.step), `${step.kind} offline`).toEqual(step.offline);
      expect(measured(party.online, step.step), `${step.kind} online`).toEqual(step.online);
    }
  }
  const parts = [prediction.session, prediction.offline, prediction.online];
  const total = (of: keyof Bytes) => parts.reduce((sum, part) => sum + part[of], 0);
  expect(traffic.sent).toBe(total('bytes_up'));
  expect(traffic.received).toBe(total('bytes_down'));
});
