import { expect, test } from 'vitest';
import { predict } from '../../../models/runtime/run.ts';
import { argmax } from '../../../models/tensor.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { labelAgreement, leastAgreement } from '../../../pipelines/simulate/agreement.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { residualNet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const n = 60;
const model = residualNet(seededRng(3));
const images = randomImages(model, n, seededRng('images'));
const calibration = { images, n };

const agreementOf = async (options: Partial<CompileOptions>) =>
  labelAgreement(await prepare(model, { calibration, ...options }), calibration);

test('nearly all labels at the default, fewer with fewer bits, the same in each run', async () => {
  const [usual, coarse] = [await agreementOf({}), await agreementOf({ k: 20 })];
  expect(usual).toEqual(await agreementOf({}));
  expect(usual.images).toBe(n);
  expect(usual.agree).toBeGreaterThanOrEqual(leastAgreement * n);
  expect(coarse.agree).toBeLessThan(leastAgreement * n);
  expect(coarse.agree).toBeGreaterThan(n / 5);
});

test('the labels that are counted are those of the simulated answers', async () => {
  const prepared = await prepare(model, { calibration, k: 20 });
  const { agree } = await labelAgreement(prepared, calibration);
  const float = await predict(model, images, n);
  const integer = await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares'));
  const label = (logits: Float32Array, i: number) => argmax(logits.subarray(5 * i, 5 * i + 5));
  const same = Array.from({ length: n }, (_, i) => i).filter((i) => label(float, i) === label(integer, i));
  // Other shares give other faults, of few images.
  expect(Math.abs(agree - same.length)).toBeLessThan(n / 4);
  expect(same.length).toBeLessThan(n);
});

test('a plan that answers with labels is counted by them', async () => {
  const [logits, label] = [await agreementOf({}), await agreementOf({ answer: 'label' })];
  expect(Math.abs(label.agree - logits.agree)).toBeLessThanOrEqual(1);
  expect((await agreementOf({ answer: 'label', k: 20 })).agree).toBeLessThan(leastAgreement * n);
});
