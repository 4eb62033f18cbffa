import { expect, test } from 'vitest';
import { activationSteps } from '../../pipelines/plan/plan.ts';
import type { Rng } from '../../src/shared/random.ts';
import { dealtOt } from '../helpers/protocol/dealt-ot.ts';
import { idealInference } from '../helpers/protocol/ideal-session.ts';
import { seededRng } from '../helpers/rng.ts';
import { sixSigma, wordsZ } from '../helpers/statistics.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../helpers/networks/networks.ts';

/**
 * The whole protocol over many inferences with the same image and the same weights, homomorphic encryption
 * replaced by its ideal functionality: every share that a party ever holds is uniform, on every wire. A right
 * protocol crosses a bound with probability below 10^-9; seeds are fixed.
 */
const runs = 100;

/** Shares of each wire over all runs, by party. */
async function shares(image: Float32Array, weightsSeed: string, clientRng: (run: number) => Rng) {
  const weights = tinyWeights(weightsSeed);
  const ot = await dealtOt(seededRng('session'));
  const held = { client: new Map<number, number[]>(), server: new Map<number, number[]>() };
  for (let run = 0; run < runs; run++) {
    const rng = { client: clientRng(run), server: seededRng(`server ${run}`) };
    const { wires } = await idealInference({ plan: tinyPlan, weights }, image, ot, rng);
    for (const party of ['client', 'server'] as const) {
      for (const [wire, share] of wires[party])
        held[party].set(wire, [...(held[party].get(wire) ?? []), ...share]);
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
