import { DataError } from '../../src/shared/errors.ts';
import { forEachSample } from './metrics.ts';
import type { Outcomes } from './metrics.ts';

/** What a threshold for two classes is chosen for, as shares of right answers on the images that choose. */
const goals = {
  /** Of all images. */
  accuracy: () => 1,
  /** The mean over both classes (Youden 1950), so that a rare class counts as much as a common one. */
  balanced: (images: number) => 1 / images,
} as const satisfies Record<string, (images: number) => number>;

export type ThresholdGoal = keyof typeof goals;
export const thresholdGoals = Object.keys(goals) as readonly ThresholdGoal[];

/**
 * The log-odds above which a network of two classes should say `positive`, so that most of these answers are
 * right by `goal`. The network's own threshold, 0, stays unless another is better; between equally good ones
 * the nearest to 0 is taken. Throws DataError if one of the classes has no image.
 */
export function chooseThreshold(outcomes: Outcomes, positive: number, goal: ThresholdGoal): number {
  const images = [...oddsOf(outcomes, positive)].sort((a, b) => a.odds - b.odds);
  const positives = images.filter(({ isPositive }) => isPositive).length;
  if (positives === 0 || positives === images.length)
    throw new DataError(
      `threshold: ${images.length} images have ${positives} positive ones; expected images of both classes`,
    );
  const weight = goals[goal];
  const [gain, loss] = [weight(images.length - positives), weight(positives)];
  const right = ({ odds, isPositive }: Odds, cut: number) =>
    odds > cut === isPositive ? (isPositive ? loss : gain) : 0;
  let best = { cut: 0, score: images.reduce((sum, image) => sum + right(image, 0), 0) };
  // Below all images all are called positive; with each image that the cut passes, its answer turns.
  let score = positives * loss;
  const consider = (cut: number) => {
    const more = score - best.score;
    if (more > 1e-9 || (more > -1e-9 && Math.abs(cut) < Math.abs(best.cut))) best = { cut, score };
  };
  consider(images[0]!.odds - 1);
  images.forEach(({ odds, isPositive }, i) => {
    score += isPositive ? -loss : gain;
    const next = images[i + 1]?.odds ?? odds + 2;
    if (next > odds) consider((odds + next) / 2);
  });
  return best.cut;
}

type Odds = { readonly odds: number; readonly isPositive: boolean };

function oddsOf(outcomes: Outcomes, positive: number): Odds[] {
  if (outcomes.classes !== 2)
    throw new RangeError(`threshold: expected two classes, got ${outcomes.classes}`);
  const found: Odds[] = [];
  forEachSample(outcomes, (row, label) =>
    found.push({ odds: row[positive]! - row[1 - positive]!, isPositive: label === positive }),
  );
  return found;
}
