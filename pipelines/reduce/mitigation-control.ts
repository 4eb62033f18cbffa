import { withClasses } from '../../models/data/match-classes.ts';
import { groupsBySpec } from '../../models/fairness/group-spec.ts';
import type { Model } from '../../models/graph.ts';
import { countRelus } from '../../models/analysis/inspect.ts';
import { finetune } from './finetune.ts';
import { reduceDefaults, trainingData } from './reduce.ts';
import type { ReduceOptions } from './reduce.ts';

/** The options of a reduction that its control shares. */
export type ControlOptions = Omit<ReduceOptions, 'mitigate' | 'fairSelect' | 'activations' | 'finalOnAll'> &
  Required<Pick<ReduceOptions, 'mitigate'>>;

/**
 * What mitigation does without any reduction: the network with all its ReLUs after a fine-tuning with the
 * mitigation, images, epochs and seed that the reduction's last fine-tuning has. Its teacher is the network
 * itself. Throws UsageError for an unknown group, and DataError if the data does not fit the network.
 */
export async function mitigationControl(original: Model, options: ControlOptions): Promise<Model> {
  const { data, groups = 'label', mitigate, ...settings } = options;
  const { epochs = reduceDefaults.epochs, seed = reduceDefaults.seed } = options;
  const { train, validation } = await trainingData(original, data);
  const model = withClasses(original, train.classes);
  const mitigation = { ...mitigate, groups: groupsBySpec(train, groups) };
  const own = { budget: countRelus(model), epochs, seed, train, validation, mitigation };
  const result = await finetune(model, model, { phase: 'fine-tuning' }, { ...settings, ...own });
  return result.model;
}
