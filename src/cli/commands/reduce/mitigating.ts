import { join } from 'node:path';
import type { Command } from 'commander';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { groupsBySpec } from '../../../../models/fairness/group-spec.ts';
import type { Model } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { mitigationControl } from '../../../../pipelines/reduce/mitigation-control.ts';
import { primalDualDefaults } from '../../../../pipelines/reduce/mitigation/mitigation.ts';
import { priceOf } from '../../../../pipelines/reduce/mitigation/price.ts';
import type { Change, Price } from '../../../../pipelines/reduce/mitigation/price.ts';
import type { MultiplierEntry } from '../../../../pipelines/reduce/mitigation/primal-dual.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';
import { silent, within } from '../../../shared/progress.ts';
import { fraction, positive } from '../../options/command.ts';
import { table } from '../../output/output.ts';
import type { SettingOptions } from './settings.ts';
import { reduce } from '../../../../pipelines/reduce/reduce.ts';
import type { ReduceOptions } from '../../../../pipelines/reduce/reduce.ts';

export type MitigationOptions = Pick<SettingOptions, 'mitigate' | 'fairSelect'> & {
  readonly groups?: string;
  readonly hinge?: boolean;
  /** Nats. */
  readonly tolerance?: number;
  readonly multiplierRate?: number;
  readonly multiplierCap?: number;
  readonly against?: string;
  readonly control?: boolean;
};

/** Adds the options that go with --mitigate and --fair-select. */
export function addMitigationOptions(command: Command): void {
  const { rate, cap } = primalDualDefaults;
  command
    .option(
      '--groups <columns>',
      "groups for --mitigate and --fair-select: 'label' or columns of the data set, separated by commas (default: label)",
    )
    .option(
      '--tolerance <nats>',
      "primal-dual only: tolerated excess of a group's loss over the average, in nats (default: 0)",
      positive,
    )
    .option('--hinge', 'primal-dual only: multipliers only grow, and count only beyond the tolerance')
    .option(
      '--multiplier-rate <x>',
      `primal-dual only: step size of the multipliers (default: ${rate})`,
      positive,
    )
    .option(
      '--multiplier-cap <x>',
      `primal-dual only: largest sum of the multipliers; a smaller one costs and helps less (default: ${cap})`,
      fraction,
    )
    .option(
      '--against <model>',
      'compare with this network, reduced without --mitigate and --fair-select (default: it is made too)',
    )
    .option(
      '--control',
      'also fine-tune the network with all its ReLUs with the same --mitigate, to tell what mitigation does without a reduction',
    );
}

/** The reduction options that they give. Throws UsageError for options that would have no effect. */
export function mitigationOf(
  options: MitigationOptions,
): Pick<ReduceOptions, 'mitigate' | 'groups' | 'fairSelect'> {
  const { mitigate, groups, fairSelect, hinge, tolerance, multiplierRate, multiplierCap, against } = options;
  if (!isMitigated(options) && (groups !== undefined || against !== undefined))
    throw new UsageError('--groups and --against need --mitigate or --fair-select: give one of these too');
  if (options.control === true && mitigate === undefined)
    throw new UsageError('--control needs --mitigate, which it is the control of: give it too');
  const settings = {
    ...(hinge === true && { form: 'hinge' as const }),
    ...defined({ toleranceNats: tolerance, rate: multiplierRate, cap: multiplierCap }),
  };
  if (mitigate !== 'primal-dual' && Object.keys(settings).length > 0)
    throw new UsageError(
      '--tolerance, --hinge, --multiplier-rate and --multiplier-cap need --mitigate primal-dual',
    );
  return {
    ...(mitigate && { mitigate: { scheme: mitigate, settings } }),
    ...defined({ groups, fairSelect }),
  };
}

export function isMitigated({ mitigate, fairSelect }: MitigationOptions): boolean {
  return mitigate !== undefined || fairSelect === true;
}

/** Methods may stay below a budget by this share of the budget. */
const budgetSlack = 0.01;

/** The network of `--against`, if it is given. Throws UsageError if it has another number of ReLUs. */
export async function openAgainst(
  { against }: MitigationOptions,
  budget: number,
): Promise<Model | undefined> {
  if (against === undefined) return undefined;
  const model = await loadModel(against);
  const relus = countRelus(model);
  if (Math.abs(relus - budget) > budgetSlack * budget)
    throw new UsageError(
      `--against ${against}: expected a network with ${budget} ReLUs, as in --budget, got one with ${relus}`,
    );
  return model;
}

/**
 * The price and effect of the mitigation of `reduced`. Makes the same reduction without it if it is not
 * given, and with `control` the mitigated network with all ReLUs.
 */
export async function priceOfMitigation(
  models: { readonly original: Model; readonly reduced: Model; readonly without: Model | undefined },
  test: Dataset,
  { groups, control = false, ...flags }: MitigationOptions,
  plain: ReduceOptions,
): Promise<Price> {
  const { original, reduced } = models;
  const apart = (phase: 'without-mitigation' | 'mitigation-control', folder: string) => ({
    ...plain,
    onProgress: within({ phase }, plain.onProgress ?? silent),
    ...(plain.checkpoint !== undefined && { checkpoint: join(plain.checkpoint, folder) }),
  });
  const without = models.without ?? (await reduce(original, apart('without-mitigation', 'without'))).model;
  const { mitigate } = mitigationOf(flags);
  const whole =
    control && mitigate !== undefined
      ? await mitigationControl(original, {
          ...apart('mitigation-control', 'control'),
          mitigate,
          ...defined({ groups }),
        })
      : undefined;
  const compared = { original, without, with: reduced, ...defined({ control: whole }) };
  return priceOf(compared, test, groupsBySpec(test, groups ?? 'label'), plain.onProgress ?? silent);
}

const rowNames = {
  original: 'original',
  control: 'original, mitigated',
  without: 'reduced',
  with: 'reduced, mitigated',
} as const;

/** A table, and what it says in a sentence. */
export function describePrice(price: Price): string {
  const columns = [
    { title: 'network', align: 'left' },
    { title: 'ReLUs' },
    { title: 'accuracy' },
    { title: 'gap, points' },
    { title: 'worst group', align: 'left' },
    { title: 'its accuracy' },
  ] as const;
  const rows = price.models.map((row) => [
    rowNames[row.model],
    format.count(row.relus),
    format.percent(row.accuracy),
    format.pointsIfKnown(row.gap),
    row.worstGroup ?? '',
    format.percent(row.worstAccuracy),
  ]);
  return `${table(columns, rows)}\n\n${priceSentences(price)}`;
}

function priceSentences({ control, confidence, ...price }: Price): string {
  const alone =
    control === undefined
      ? ''
      : ` With all ReLUs, compared with the original, it changes ${changes(control)}.`;
  return (
    `At the same number of ReLUs, mitigation changes ${changes(price)}.${alone} ` +
    `The parentheses hold ${Math.round(100 * confidence)} % confidence intervals.`
  );
}

function changes({ cost, costInterval, gapChange, gapChangeInterval }: Change): string {
  const range = (interval: readonly number[]) => interval.map(format.points).join(' to ');
  const accuracy =
    `the overall accuracy by ${format.points(-cost)} points ` +
    `(${range([-costInterval[1], -costInterval[0]])})`;
  if (Number.isNaN(gapChange))
    return `${accuracy}; no gap is told, because fewer than two groups are large enough`;
  return (
    `the gap between the best and the worst group by ${format.points(gapChange)} points ` +
    `(${range(gapChangeInterval)}) and ${accuracy}`
  );
}

/** The last multipliers in one line; empty if there are none. */
export function describeMultipliers(log: readonly MultiplierEntry[]): string {
  const last = log.at(-1);
  if (last === undefined) return '';
  const groups = last.groups.map(({ group, multiplier }) => `${group} ${multiplier.toFixed(2)}`);
  return `multipliers after epoch ${last.epoch}: ${groups.join(', ')}`;
}
