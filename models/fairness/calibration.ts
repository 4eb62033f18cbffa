import { argmax } from '../tensor.ts';
import { forEachSample, logSumExp } from './metrics.ts';
import type { Outcomes } from './metrics.ts';

/** The number of bins of confidence, of equal width, as in Guo et al. 2017. */
export const calibrationBins = 15;

/**
 * For each sample, the bin of its confidence (the largest softmax probability), and the confidence minus 1 if
 * the model is right or minus 0 if it is wrong.
 */
export type Confidence = { readonly bins: Uint8Array; readonly excess: Float64Array };

export function confidenceOf(outcomes: Outcomes): Confidence {
  const n = outcomes.labels.length;
  const bins = new Uint8Array(n);
  const excess = new Float64Array(n);
  forEachSample(outcomes, (row, label, sample) => {
    const best = argmax(row);
    const confidence = Math.exp(row[best]! - logSumExp(row));
    bins[sample] = Math.min(calibrationBins - 1, Math.floor(confidence * calibrationBins));
    excess[sample] = confidence - (best === label ? 1 : 0);
  });
  return { bins, excess };
}

/**
 * Expected calibration error of the predicted class (Naeini et al. 2015), in [0, 1]: the mean over the bins
 * of |confidence - accuracy|, weighted by their shares. NaN without members. It is biased upwards in small
 * groups, and a bootstrap would add that bias again, so it has no interval.
 */
export function calibrationError({ bins, excess }: Confidence, members: ArrayLike<number>): number {
  const sums = new Float64Array(calibrationBins);
  for (let i = 0; i < members.length; i++) sums[bins[members[i]!]!]! += excess[members[i]!]!;
  return sums.reduce((total, sum) => total + Math.abs(sum), 0) / members.length;
}
