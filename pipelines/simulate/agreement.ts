import '../../crypto/platform/node.ts';
import { prg } from '../../crypto/prg.ts';
import { inspect } from '../../models/analysis/inspect.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import { argmaxOfRows } from '../../models/tensor.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { silent } from '../../src/shared/progress.ts';
import type { Calibration } from '../compile/calibrate.ts';
import type { Prepared } from '../compile/served-plan.ts';
import { labelsOf } from '../inference/answer.ts';
import { Simulator } from './simulator.ts';
import type { SimulatedSet } from './simulate-job.ts';

/** How many private answers have the label of the float model. */
export type Agreement = { readonly images: number; readonly agree: number };

/** Below this share, a plan rounds more than it should. */
export const leastAgreement = 0.99;

/**
 * Simulates a plan on its calibration images and counts the labels that are those of the float model: on all
 * of them, or of a large network on as many as take about ten seconds, but at least 24. The shares are always
 * the same, so that a plan has one agreement.
 */
export async function labelAgreement(
  prepared: Prepared,
  calibration: Calibration,
  { onProgress = silent }: { readonly onProgress?: OnProgress } = {},
): Promise<Agreement> {
  const { model } = prepared;
  const n = Math.min(calibration.n, imagesWithin(model, 10));
  const images = calibration.images.subarray(0, (n * calibration.images.length) / calibration.n);
  return agreementOn(prepared, await judged(model, images, n), onProgress);
}

/** Images, and the labels that the float model gives them. */
export type Judged = {
  readonly images: Float32Array;
  readonly n: number;
  readonly labels: readonly number[];
  /** Seconds of a thread that their simulation takes, about. */
  readonly seconds: number;
};

export async function judged(model: Model, images: Float32Array, n: number): Promise<Judged> {
  const labels = argmaxOfRows(await predict(model, images, n), n);
  return { images, n, labels, seconds: n * secondsEach(model) };
}

/** Less than this takes no longer here than in threads, which must start and load their code. */
const fewSeconds = 1;

/** Simulates a plan on judged images, always with the same shares. */
export async function agreementOn(
  set: SimulatedSet,
  { images, n, labels, seconds }: Judged,
  onProgress: OnProgress,
): Promise<Agreement> {
  const simulator = new Simulator(set, seconds < fewSeconds ? 0 : undefined);
  try {
    const opened = await simulator.run(images, n, { rng: prg(new Uint8Array(16)), onProgress });
    const found = labelsOf(set.plan, opened, n);
    return { images: n, agree: labels.filter((label, i) => label === found[i]).length };
  } finally {
    await simulator.close();
  }
}

/** Seconds of one thread for a multiplication and for a sign test, measured on fashion-resnet8. */
const [perProduct, perSignTest] = [1.3e-10, 1e-8];
const fewest = 24;

/** How many images a thread simulates in so many seconds, but at least 24. */
export function imagesWithin(model: Model, seconds: number): number {
  return Math.max(fewest, Math.floor(seconds / secondsEach(model)));
}

function secondsEach(model: Model): number {
  const { macs, relus } = inspect(model);
  return perProduct * macs + perSignTest * relus;
}
