import type { FairnessReport } from '../../../models/fairness/report.ts';

/** What a page on fairness shows: the report, and what was compared. */
export type FairnessPageData = {
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
  readonly data: string;
  readonly split: string;
  /** As `--groups` was given, 'label' where it was not. */
  readonly groupedBy: string;
  /** The report's models, in its order. */
  readonly models: readonly {
    readonly model: string;
    readonly relus: number;
    readonly files: readonly string[];
  }[];
  readonly report: FairnessReport;
  /** Training images of each of the report's groups; none where there are no training images to count. */
  readonly trainSizes?: readonly number[];
};

/** A method at several budgets: numbers of models, the original first, then from most ReLUs to fewest. */
export type ModelSeries = { readonly name: string; readonly models: readonly number[] };

/** By the names of the models: those of 'METHOD@BUDGET' make a series each METHOD, all others one together. */
export function seriesOf({ models }: Pick<FairnessPageData, 'models'>): ModelSeries[] {
  const names = models.map(({ model }) => (model.includes('@') ? model.slice(0, model.indexOf('@')) : ''));
  const distinct = [...new Set(names.slice(1))];
  return distinct.map((name) => {
    const own = models.map((_, m) => m).filter((m) => m > 0 && names[m] === name);
    return { name, models: [0, ...own.sort((a, b) => models[b]!.relus - models[a]!.relus)] };
  });
}
