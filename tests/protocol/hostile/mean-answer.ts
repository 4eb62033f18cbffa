import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { seededRng } from '../../helpers/rng.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';

let known: Promise<number[]> | undefined;

/**
 * The mean of 500 simulated answers. Two honest answers differ by 8 or more once in 1,100 times, so that one
 * of them is no measure of the others.
 */
export function meanAnswer(): Promise<number[]> {
  return (known ??= simulated());
}

async function simulated(): Promise<number[]> {
  const rng = seededRng('the mean answer');
  const [image, weights, n] = [tinyImage(), tinyWeights(), 500];
  const answers = Array.from({ length: n }, () => simulate(tinyPlan, weights, image, 1, rng));
  return (await Promise.all(answers)).reduce<number[]>(
    (sums, answer) => [...answer].map((value, i) => (sums[i] ?? 0) + value / n),
    [],
  );
}

/**
 * Whether a session of honest parties may give these logits. Truncation and shares round at random: of 3,000,000
 * simulated answers 17 were 6 from their mean, one 6.5 and none 7, fewer than a tenth for each half. 8 is then
 * beyond 10^-9, while two answers are often as far from each other.
 */
export function isNear(logits: ArrayLike<number>, mean: readonly number[]): boolean {
  return mean.every((value, i) => Math.abs(value - logits[i]!) < 8);
}
