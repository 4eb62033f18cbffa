import type { Dataset } from '../../../models/data/dataset.ts';
import type { Interval } from '../../../models/fairness/bootstrap.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { FairnessReport } from '../../../models/fairness/report.ts';
import type { Model } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';
import { compareModels } from '../../fairness/compare.ts';
import type { NamedModel } from '../../fairness/compare.ts';

export type PriceRow = {
  readonly model: 'original' | 'control' | 'without' | 'with';
  readonly relus: number;
  readonly accuracy: number;
  readonly gap: number;
  /** Null if fewer than two groups are large enough to tell. */
  readonly worstGroup: string | null;
  readonly worstAccuracy: number;
};

/** How a network differs from another one on the same images. All values are fractions of 1. */
export type Change = {
  /** The loss of accuracy over all images, with a paired interval. */
  readonly cost: number;
  readonly costInterval: Interval;
  /** The change of the gap between the best and the worst group. It is negative if the gap shrank. */
  readonly gapChange: number;
  readonly gapChangeInterval: Interval;
};

/** The cost and benefit of a mitigation: the mitigated reduction compared with the one without it. */
export type Price = Change & {
  readonly models: readonly PriceRow[];
  /** What mitigation does without a reduction: the control compared with the original. */
  readonly control?: Change;
  readonly confidence: number;
};

export type Compared = {
  readonly original: Model;
  /** The models that were reduced without and with the mitigation. */
  readonly without: Model;
  readonly with: Model;
  /** The mitigated network with all ReLUs; see mitigation-control.ts (default: none). */
  readonly control?: Model;
};

export async function priceOf(
  models: Compared,
  dataset: Dataset,
  groups: Groups,
  onProgress: OnProgress,
): Promise<Price> {
  const { original, without, control } = models;
  // `fairnessReport` compares the other models with the first.
  const compare = (...named: [NamedModel, ...NamedModel[]]) =>
    compareModels(named, dataset, { groups, onProgress });
  const reduced = await compare(
    { name: 'without', model: without },
    { name: 'original', model: original },
    { name: 'with', model: models.with },
  );
  const rows: PriceRow[] = [
    rowOf(reduced, 1, 'original', original),
    rowOf(reduced, 0, 'without', without),
    rowOf(reduced, 2, 'with', models.with),
  ];
  const price = { ...changeOf(reduced, 2), confidence: reduced.bootstrap.confidence };
  if (control === undefined) return { models: rows, ...price };
  const whole = await compare({ name: 'original', model: original }, { name: 'control', model: control });
  rows.splice(1, 0, rowOf(whole, 1, 'control', control));
  return { models: rows, ...price, control: changeOf(whole, 1) };
}

/** How model `m` of a report differs from its first. */
function changeOf({ overall, gap }: FairnessReport, m: number): Change {
  const [{ drop, dropInterval }, { widening, wideningInterval }] = [overall[m]!, gap.models[m]!];
  return {
    cost: drop,
    costInterval: dropInterval,
    gapChange: widening,
    gapChangeInterval: wideningInterval,
  };
}

function rowOf(report: FairnessReport, m: number, name: PriceRow['model'], model: Model): PriceRow {
  const { gap, worstGroup, worstAccuracy } = report.gap.models[m]!;
  const { accuracy } = report.overall[m]!;
  return { model: name, relus: countRelus(model), accuracy, gap, worstGroup, worstAccuracy };
}
