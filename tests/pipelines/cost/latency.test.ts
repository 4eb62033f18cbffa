import { afterAll, describe, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { defaultMachine } from '../../../pipelines/cost/default-machine.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { settingsFor } from '../../../pipelines/cost/transfer-settings.ts';
import { machineCostsSchema } from '../../../pipelines/cost/machine.ts';
import { openClientParty, openServerParty } from '../../../pipelines/inference/parties.ts';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { freeMachine } from '../../helpers/protocol/machine.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixedNet, residualNet, tinyPlan } from '../../helpers/networks/networks.ts';

const { loopback, lan, wan } = profiles;

async function prepared(build: typeof residualNet): Promise<Prepared> {
  const model = build(seededRng(7));
  return prepare(model, { calibration: { images: randomImages(model, 8, seededRng('images')), n: 8 } });
}

describe('where only the network costs', () => {
  test.each([lan, wan])('online is bytes over the rate and a round trip an activation: $name', (profile) => {
    const { online, offline, steps } = predictLatency(tinyPlan, profile, freeMachine);
    const cost = predictCost(tinyPlan, settingsFor(tinyPlan, { profile }));
    const bytes = cost.online.bytes_up + cost.online.bytes_down;
    const seconds = (8 * bytes) / profile.bitsPerSecond + cost.rounds * profile.roundTripSeconds;
    expect(online).toMatchObject({ ...cost.online, rounds: cost.rounds });
    expect(online.seconds).toBeCloseTo(seconds, 9);
    expect(offline).toMatchObject(cost.offline);
    // The first request and the last answer are a round trip; the two directions overlap, each has its own
    // bytes to carry.
    const { bytes_up, bytes_down } = cost.offline;
    const ways = [bytes_up, bytes_down].map((n) => (8 * n) / profile.bitsPerSecond);
    expect(offline.seconds).toBeGreaterThanOrEqual(Math.max(...ways) + profile.roundTripSeconds);
    // Three exchanges that wait for each other: the circuits', the squares', the last layer's.
    expect(offline.seconds).toBeLessThanOrEqual(ways[0]! + ways[1]! + 3 * profile.roundTripSeconds);
    expect(steps.reduce((sum, step) => sum + step.offline.seconds, 0)).toBeCloseTo(offline.seconds, 9);
  });
});

describe('where one unit of work costs a second', () => {
  const seconds = (unit: object, options: Parameters<typeof predictLatency>[3] = {}) =>
    predictLatency(tinyPlan, loopback, { ...freeMachine, ...unit }, options);
  const products = predictCost(tinyPlan).steps.reduce((sum, step) => sum + step.products, 0);

  test('products, shared by the threads', () => {
    const linear = { ...freeMachine.linear, product: 1 };
    const { offline, online } = seconds({ linear });
    expect([offline.seconds, offline.server_cpu_seconds, offline.client_cpu_seconds]).toEqual([
      products,
      products,
      0,
    ]);
    expect(online.seconds).toBe(0);
    expect(seconds({ linear, cores: 2 }).offline.seconds).toBe(products / 2);
    expect(seconds({ linear, cores: 2 }, { threads: 1 }).offline.seconds).toBe(products);
  });

  test('the transforms of weights, in the first inference alone', () => {
    const linear = { ...freeMachine.linear, transformWeight: 1 };
    expect(seconds({ linear }, { first: true }).offline.seconds).toBe(products);
    expect(seconds({ linear }).offline.seconds).toBe(0);
  });

  test('ReLUs by their window, squares and affine elements on their own', () => {
    // 16 ReLUs with bits 3 to 20, 8 affine elements, 8 squares
    const part = { relu: 100, transfer: 1, string: 0.125, affine: 10_000, square: 1_000_000 };
    const { offline, online } = seconds({
      activation: { ...freeMachine.activation, serverTables: part, reply: part },
    });
    // A window of 18 bits takes 27 transfers and 544 bits of strings, in whole bytes of 8 elements. A square
    // takes 32 transfers where they are drawn.
    const all = 16 * 100 + 16 * 27 + 0.125 * 544 * 2 + 8 * 10_000 + 8 * 1_000_000;
    expect([offline.server_cpu_seconds, offline.seconds]).toEqual([all, all]);
    expect([online.client_cpu_seconds, online.seconds]).toEqual([all, all]);
    const keys = { activation: { ...freeMachine.activation, clientKeys: part } };
    expect(seconds(keys).offline.client_cpu_seconds).toBe(all + 8 * 32);
  });

  test('parties that share a machine share its threads, others do not', () => {
    const linear = { ...freeMachine.linear, encryptInput: 1, product: 1 };
    const together = seconds({ linear }).offline.seconds;
    const apart = seconds({ linear }, { parties: 'apart' }).offline.seconds;
    expect(apart).toBeLessThan(together);
    expect(apart).toBeGreaterThanOrEqual(together / 2);
  });
});

describe('against measurement', () => {
  const pool = new ThreadPool(1);
  afterAll(() => pool.close());

  /** Bytes of the first offline phase of a session. */
  async function measuredBytes({ plan, weights }: Prepared): Promise<number> {
    const [client, server] = memoryChannels();
    const [clientParty, serverParty] = await Promise.all([
      openClientParty(client, pool, plan, seededRng('client')),
      openServerParty(server, pool, plan, `latency ${plan.steps.length}`, seededRng('server')),
    ]);
    const before = client.traffic.sent + client.traffic.received;
    await Promise.all([
      offlineClient(client, plan, clientParty),
      offlineServer(server, plan, weights, serverParty),
    ]);
    clientParty.close();
    return client.traffic.sent + client.traffic.received - before;
  }

  test('bytes are exact; `npm run bench:predicted` compares seconds', async () => {
    for (const build of [residualNet, mixedNet]) {
      const network = await prepared(build);
      const { offline } = predictLatency(network.plan, loopback, defaultMachine, { threads: 1 });
      expect(offline.bytes_up + offline.bytes_down).toBe(await measuredBytes(network));
    }
  });
});

test('the package has costs of a machine in which nothing is free or missing', () => {
  expect(machineCostsSchema.parse(defaultMachine)).toEqual(defaultMachine);
  expect(predictLatency(tinyPlan, wan, defaultMachine).online.seconds).toBeGreaterThan(
    predictLatency(tinyPlan, lan, defaultMachine).online.seconds,
  );
  expect(() => machineCostsSchema.parse({ ...defaultMachine, cores: 0 })).toThrow();
  expect(() => machineCostsSchema.parse({ ...defaultMachine, other: 1 })).toThrow();
});
