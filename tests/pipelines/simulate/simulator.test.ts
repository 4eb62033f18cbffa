import { expect, test } from 'vitest';
import { prg } from '../../../crypto/prg.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { Simulator } from '../../../pipelines/simulate/simulator.ts';
import { testedLayers } from '../../../pipelines/plan/windows.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { residualNet } from '../../helpers/networks/networks.ts';

const n = 70;

async function prepared() {
  const model = residualNet(seededRng(1));
  const images = randomImages(model, n, seededRng('images'));
  return { made: await prepare(model, { calibration: { images, n } }), images };
}

test('the logits are those of one thread, in order, however many threads there are', async () => {
  const { made, images } = await prepared();
  const seeds = seededRng('shares');
  const parts: number[] = [];
  for (let first = 0; first < n; first += 8) {
    const count = Math.min(8, n - first);
    const part = images.subarray(first * 192, (first + count) * 192);
    parts.push(...(await simulate(made.plan, made.weights, part, count, prg(seeds.bytes(16)))));
  }
  for (const threads of [1, 2]) {
    const simulator = new Simulator(made, threads);
    const found = await simulator.run(images, n, { rng: seededRng('shares') });
    await simulator.close();
    expect([...found]).toEqual(parts);
  }
});

test('windows are those of the call: a coarse one errs, an exact one gives what no faults give', async () => {
  const { made, images } = await prepared();
  const simulator = new Simulator(made, 1);
  const run = async (k: number | undefined, faults = true) => {
    const all = new Map(testedLayers(made.plan).map(({ step }) => [step, k ?? 0]));
    const windows = { k: all, mode: 'negPass' as const };
    const rng = seededRng('shares');
    return simulator.run(images, n, { faults, rng, ...(k !== undefined && { windows }) });
  };
  const [none, exact, coarse] = [await run(undefined, false), await run(0), await run(20)];
  await simulator.close();
  expect(exact).toEqual(none);
  expect(coarse).not.toEqual(none);
});

test('an image that does not fit the plan fails the run', async () => {
  const { made, images } = await prepared();
  const simulator = new Simulator(made, 1);
  await expect(simulator.run(images.fill(1e9), n)).rejects.toThrow(/value 0: expected a number between/);
  await simulator.close();
});
