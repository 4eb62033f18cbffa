import { inferShapes } from '../../models/analysis/shapes.ts';
import { stagesOf } from '../../models/analysis/inspect.ts';
import { activationKinds, isPolynomial } from '../../models/graph.ts';
import type { Model } from '../../models/graph.ts';
import { keepInRange } from '../../models/train/feature-terms.ts';
import type { FeatureTerm, MatchedMaps } from '../../models/train/feature-terms.ts';
import type { FitOptions } from '../../models/train/fit.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { kindsAmong, maskOf } from '../../src/shared/kinds.ts';
import type { FineTuning } from './reduction.ts';

/** The losses on values inside a reduced network that its fine-tuning is asked for. */
export function featureLosses(
  model: Model,
  teacher: Model,
  { featureLoss = 0, rangeLoss = 0 }: Pick<FineTuning, 'featureLoss' | 'rangeLoss'>,
): Pick<FitOptions, 'matching' | 'features'> {
  return {
    ...(featureLoss > 0 && { matching: { pairs: stageMaps(model, teacher), weight: featureLoss } }),
    ...(rangeLoss > 0 && { features: rangeTerms(model, rangeLoss) }),
  };
}

/**
 * The outputs of the stages that both networks have, in maps of the same height and width: those of the last
 * activation of each of the teacher's stages. Throws UsageError if there are none.
 */
export function stageMaps(model: Model, teacher: Model): MatchedMaps[] {
  const [own, taught] = [inferShapes(model), inferShapes(teacher)];
  const outputOf = new Map(teacher.graph.nodes.map(({ name, outputs }) => [name, outputs[0]!]));
  const pairs = stagesOf(teacher).flatMap(({ nodes }) => {
    const value = outputOf.get(nodes.at(-1)!)!;
    const places = (shape: readonly number[] | undefined) => shape?.slice(1).join('x') ?? '';
    const fits = places(own.get(value)) !== '' && places(own.get(value)) === places(taught.get(value));
    return fits ? [{ student: value, teacher: value }] : [];
  });
  if (pairs.length === 0)
    throw new UsageError(
      "--feature-loss: the network has no maps of the names and sizes of its teacher's stages; leave it out",
    );
  return pairs;
}

function rangeTerms(model: Model, weight: number): FeatureTerm[] {
  const inputs = model.graph.nodes.flatMap((node) => {
    if (node.op !== 'MixedActivation') return [];
    const { kinds } = node.attributes;
    if (!kindsAmong(activationKinds, kinds).some((kind) => isPolynomial[kind])) return [];
    const mask = Float32Array.from(maskOf(activationKinds, kinds, isPolynomial));
    return [{ input: node.inputs[0]!, mask }];
  });
  return inputs.length === 0 ? [] : [keepInRange(inputs, { weight })];
}
