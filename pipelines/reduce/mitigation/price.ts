import type { Dataset } from '../../../models/data/dataset.ts';
import type { Interval } from '../../../models/fairness/bootstrap.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { FairnessReport } from '../../../models/fairness/report.ts';
import type { Model } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';
import { compareModels } from '../../fairness/compare.ts';

export type PriceRow = {
  readonly model: 'original' | 'without' | 'with';
  readonly relus: number;
  readonly accuracy: number;
  readonly gap: number;
  /** Null if fewer than two groups are large enough to tell. */
  readonly worstGroup: string | null;
  readonly worstAccuracy: number;
};

/**
 * The cost and benefit of a mitigation: two reductions compared on the same images. All values are fractions
 * of 1.
 */
export type Price = {
  readonly models: readonly PriceRow[];
  /** The loss of accuracy over all images, with a paired interval. */
  readonly cost: number;
  readonly costInterval: Interval;
  /** The change of the gap between the best and the worst group. It is negative if the gap shrank. */
  readonly gapChange: number;
  readonly gapChangeInterval: Interval;
  readonly confidence: number;
};

export type Compared = {
  readonly original: Model;
  /** The models that were reduced without and with the mitigation. */
  readonly without: Model;
  readonly with: Model;
};

export async function priceOf(
  models: Compared,
  dataset: Dataset,
  groups: Groups,
  onProgress: OnProgress,
): Promise<Price> {
  // `fairnessReport` compares the other models with the first.
  const order = ['without', 'original', 'with'] as const;
  const [first, ...others] = order.map((name) => ({ name, model: models[name] }));
  const report = await compareModels([first!, ...others], dataset, { groups, onProgress });
  const rowOf = (name: PriceRow['model']) => rowOfReport(report, order.indexOf(name), name, models[name]);
  const [at, of] = [report.overall[2]!, report.gap.models[2]!];
  return {
    models: [rowOf('original'), rowOf('without'), rowOf('with')],
    cost: at.drop,
    costInterval: at.dropInterval,
    gapChange: of.widening,
    gapChangeInterval: of.wideningInterval,
    confidence: report.bootstrap.confidence,
  };
}

function rowOfReport(report: FairnessReport, m: number, name: PriceRow['model'], model: Model): PriceRow {
  const { gap, worstGroup, worstAccuracy } = report.gap.models[m]!;
  const { accuracy } = report.overall[m]!;
  return { model: name, relus: countRelus(model), accuracy, gap, worstGroup, worstAccuracy };
}
