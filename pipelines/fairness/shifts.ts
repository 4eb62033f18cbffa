import type { Outcomes } from '../../models/fairness/metrics.ts';
import type { Answers } from '../../models/fairness/report.ts';

/**
 * A control that needs no training: networks whose logits are shifted after training. `of` gives what is
 * added to the logit of each class, by the number of the model and of the network in its line.
 */
export type Shift = {
  /** What it adds to the name of a model. */
  readonly name: string;
  readonly of: (model: number, network: number) => readonly number[];
};

/** Logits lose the logarithm of their class's share in training (Menon et al., ICLR 2021). */
export function logitAdjustment(shares: readonly number[]): Shift {
  const shift = shares.map((share) => -Math.log(share));
  return { name: 'adjusted', of: () => shift };
}

/** Networks of two classes say `positive` above log-odds of thresholds[model][network], not above 0. */
export function thresholdShift(thresholds: readonly (readonly number[])[], positive: number): Shift {
  return {
    name: 'threshold',
    of: (model, network) => [0, 1].map((c) => (c === positive ? -thresholds[model]![network]! : 0)),
  };
}

/** The answers of model number `m` after a shift. Throws RangeError for a shift of other classes. */
export function shiftedAnswers({ model, outcomes, repeats = [] }: Answers, shift: Shift, m: number): Answers {
  const shifted = ({ logits, classes, labels }: Outcomes, network: number): Outcomes => {
    const added = shift.of(m, network);
    if (added.length !== classes)
      throw new RangeError(`${shift.name}: expected ${classes} numbers for classes, got ${added.length}`);
    return { logits: logits.map((logit, i) => logit + added[i % classes]!), classes, labels };
  };
  return {
    model: `${model}, ${shift.name}`,
    outcomes: shifted(outcomes, 0),
    repeats: repeats.map((repeat, i) => shifted(repeat, i + 1)),
  };
}
