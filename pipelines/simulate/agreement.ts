import '../../crypto/platform/node.ts';
import { prg } from '../../crypto/prg.ts';
import { inspect } from '../../models/analysis/inspect.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import { argmax } from '../../models/tensor.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { silent } from '../../src/shared/progress.ts';
import type { Calibration } from '../compile/calibrate.ts';
import type { Prepared } from '../compile/served-plan.ts';
import { labelsOf } from '../inference/answer.ts';
import { Simulator } from './simulator.ts';

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
  const { model, plan } = prepared;
  const n = Math.min(calibration.n, imagesWithin(model, 10));
  const images = calibration.images.subarray(0, (n * calibration.images.length) / calibration.n);
  const simulator = new Simulator(prepared);
  try {
    const opened = await simulator.run(images, n, { rng: prg(new Uint8Array(16)), onProgress });
    const logits = await predict(model, images, n);
    const classes = logits.length / n;
    const labels = labelsOf(plan, opened, n);
    const isSame = (label: number, i: number) =>
      label === argmax(logits.subarray(i * classes, (i + 1) * classes));
    return { images: n, agree: labels.filter(isSame).length };
  } finally {
    await simulator.close();
  }
}

/** Seconds of one thread for a multiplication and for a sign test, measured on fashion-resnet8. */
const [perProduct, perSignTest] = [1.3e-10, 1e-8];
const fewest = 24;

/** How many images a thread simulates in so many seconds, but at least 24. */
export function imagesWithin(model: Model, seconds: number): number {
  const { macs, relus } = inspect(model);
  return Math.max(fewest, Math.floor(seconds / (perProduct * macs + perSignTest * relus)));
}
