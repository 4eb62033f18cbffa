import type { FairnessReport } from '../../../models/fairness/report.ts';

/** The data of a fairness page: the report, and what it compares. */
export type FairnessPageData = {
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
  readonly data: string;
  readonly split: string;
  /** The value of `--groups` (default: label). */
  readonly groupedBy: string;
  /** The models of the report, in its order. */
  readonly models: readonly {
    readonly model: string;
    readonly relus: number;
    readonly files: readonly string[];
  }[];
  readonly report: FairnessReport;
  /** The reports by each column, and by fewer columns than all, if there are several. */
  readonly marginals?: readonly (FairnessReport & { readonly groupedBy: string })[];
  /**
   * The number of training images of each of the report's groups. Undefined when there are no training images
   * to count.
   */
  readonly trainSizes?: readonly number[];
};

/**
 * A method at several budgets. `models` are indices of models: the original first, then from most ReLUs to
 * fewest.
 */
export type ModelSeries = { readonly name: string; readonly models: readonly number[] };

/**
 * Sorts models into series by their names: those named METHOD@BUDGET make one series per METHOD, all others
 * make one together.
 */
export function seriesOf({ models }: Pick<FairnessPageData, 'models'>): ModelSeries[] {
  const names = models.map(({ model }) => (model.includes('@') ? model.slice(0, model.indexOf('@')) : ''));
  const distinct = [...new Set(names.slice(1))];
  return distinct.map((name) => {
    const own = models.map((_, m) => m).filter((m) => m > 0 && names[m] === name);
    return { name, models: [0, ...own.sort((a, b) => models[b]!.relus - models[a]!.relus)] };
  });
}
