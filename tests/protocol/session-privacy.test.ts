import { expect, test } from 'vitest';
import type { OtClient, OtServer } from '../../crypto/ot/session.ts';
import { loadRing } from '../../crypto/ring/kernels.ts';
import { outputElements } from '../../crypto/spec.ts';
import { offlineClient, offlineServer } from '../../pipelines/inference/offline.ts';
import type { ClientParty, ServerParty } from '../../pipelines/inference/offline.ts';
import { onlineClient, onlineServer } from '../../pipelines/inference/online.ts';
import { activationSteps } from '../../pipelines/plan/plan.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import { idealProducts } from '../helpers/activation.ts';
import { dealtOt } from '../helpers/dealt-ot.ts';
import { seededRng } from '../helpers/rng.ts';
import { sixSigma, wordsZ } from '../helpers/statistics.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../helpers/networks.ts';

/**
 * The whole protocol over many inferences with the same image and the same weights, homomorphic encryption
 * replaced by its ideal functionality: every share that a party ever holds is uniform, on every wire. A right
 * protocol crosses a bound with probability below 10^-9; seeds are fixed.
 */
const runs = 100;
const ring = await loadRing();

/** Both parties, linear steps and products ideal. */
function parties([otC, otS]: [OtClient, OtServer], client: Rng, server: Rng): [ClientParty, ServerParty] {
  const products = idealProducts(server);
  const answers = new Map<number, PromiseWithResolvers<{ weights: Int32Array; mask: Uint32Array }>>();
  const answer = (step: number) => {
    if (!answers.has(step)) answers.set(step, Promise.withResolvers());
    return answers.get(step)!;
  };
  return [
    {
      ot: otC,
      rng: client,
      linear: async (_lane, step, spec, r) => {
        const { weights, mask } = await answer(step).promise;
        return ring.conv(spec, weights, r).map((word, i) => word - mask[i]!);
      },
      products: (_lane, _step, u) => products.client(u),
    },
    {
      ot: otS,
      rng: server,
      linear: (_lane, step, spec, { weights }) => {
        const mask = randomWords(server, outputElements(spec));
        answer(step).resolve({ weights, mask });
        return Promise.resolve(mask);
      },
      products: (_lane, _step, a) => products.server(a),
    },
  ];
}

/** Shares of each wire over all runs, by party. */
async function shares(image: Float32Array, weightsSeed: string, clientRng: (run: number) => Rng) {
  const weights = tinyWeights(weightsSeed);
  const ot = await dealtOt(seededRng('session'));
  const held = { client: new Map<number, number[]>(), server: new Map<number, number[]>() };
  for (let run = 0; run < runs; run++) {
    const [near, far] = memoryChannels();
    const [clientParty, serverParty] = parties(ot, clientRng(run), seededRng(`server ${run}`));
    const [c, s] = await Promise.all([
      offlineClient(near, tinyPlan, clientParty),
      offlineServer(far, tinyPlan, weights, serverParty),
    ]);
    const [, online] = await Promise.all([
      onlineClient(near, tinyPlan, c.offline, image),
      onlineServer(far, tinyPlan, weights, s.offline, ring),
    ]);
    for (const [party, wires] of [
      ['client', c.wires],
      ['server', online.wires],
    ] as const) {
      for (const [wire, share] of wires) held[party].set(wire, [...(held[party].get(wire) ?? []), ...share]);
    }
  }
  return held;
}

/**
 * The worst byte of each wire's shares, where they are fresh (sums and joins are made of those) and many
 * enough for 256 bins: ten expected in each. The logits are not, three a run.
 */
function worst(wires: Map<number, number[]>): Map<number, number> {
  const fresh = tinyPlan.steps.filter(({ kind }) => kind === 'linear' || kind === 'activation');
  const ids = [tinyPlan.input.wire, ...fresh.map((step) => step.output)];
  const many = ids.filter((wire) => wires.get(wire)!.length > 2560);
  expect(many).toHaveLength(3);
  return new Map(many.map((wire) => [wire, wordsZ(Uint32Array.from(wires.get(wire)!))]));
}

const fair = (run: number) => seededRng(`client ${run}`);

test.each([
  ['an image', tinyImage(), 'weights'],
  ['a black image', new Float32Array(32), 'weights'],
  ['an image, other weights', tinyImage(), 'other weights'],
])('%s: both parties hold uniform shares of every wire', async (_, image, weights) => {
  const held = await shares(image, weights, fair);
  for (const party of ['client', 'server'] as const) {
    for (const [wire, z] of worst(held[party])) expect(z, `${party}, wire ${wire}`).toBeLessThan(sixSigma);
  }
});

test('planted: masks that are the same in every run show at the server, on the input and after the activation', async () => {
  const held = worst((await shares(tinyImage(), 'weights', () => seededRng('stuck'))).server);
  expect(held.get(0)).toBeGreaterThan(2 * sixSigma);
  expect(held.get(activationSteps(tinyPlan)[0]!.output)).toBeGreaterThan(2 * sixSigma);
});
