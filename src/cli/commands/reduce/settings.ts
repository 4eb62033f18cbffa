import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { replacements } from '../../../../models/graph.ts';
import type { Replacement, Model } from '../../../../models/graph.ts';
import { parseBudgets, describeCost } from '../../../../pipelines/cost/budget.ts';
import type { Budget } from '../../../../pipelines/cost/budget.ts';
import { criticalityForms, thinnings } from '../../../../pipelines/reduce/deepreduce/settings.ts';
import type {
  CriticalityForm,
  DeepreduceSettings,
  Thinning,
} from '../../../../pipelines/reduce/deepreduce/settings.ts';
import { parseStages } from '../../../../pipelines/reduce/deepreduce/stages.ts';
import { removals } from '../../../../pipelines/reduce/deepreshape/settings.ts';
import type { DeepreshapeSettings, Removal } from '../../../../pipelines/reduce/deepreshape/settings.ts';
import type { MethodName } from '../../../../pipelines/reduce/methods.ts';
import {
  mitigationSchemes,
  mitigationSummaries,
} from '../../../../pipelines/reduce/mitigation/mitigation.ts';
import type { MitigationScheme } from '../../../../pipelines/reduce/mitigation/mitigation.ts';
import { checkTaken, givenIn, helpOf, takes } from '../../../../pipelines/reduce/options.ts';
import type { MethodOption } from '../../../../pipelines/reduce/options.ts';
import type { ReduceOptions } from '../../../../pipelines/reduce/reduce.ts';
import type { PredictedCost } from '../../../../pipelines/reduce/reduction.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';
import { fraction, whole } from '../../options/command.ts';
import { agreementShare } from '../../options/compile.ts';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import { resolveBudget } from '../../../../pipelines/reduce/reduction.ts';
import { knownMachine } from '../../options/machine.ts';
import { granularities } from '../../../../pipelines/reduce/gates/layer-states.ts';
import type { Granularity } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { rankings } from '../../../../pipelines/reduce/ranking.ts';
import type { Ranking } from '../../../../pipelines/reduce/ranking.ts';

/** The options of `methodOptions` that the command line has, as it gives them. */
export type SettingOptions = {
  readonly family?: boolean;
  readonly replace?: Replacement;
  readonly granularity?: Granularity;
  readonly ranking?: Ranking;
  readonly searchEpochs?: number;
  readonly stages?: string;
  readonly criticality?: CriticalityForm;
  readonly criticalityEpochs?: number;
  readonly order?: readonly string[];
  readonly cull?: readonly string[];
  readonly thinning?: Thinning;
  readonly alpha?: number;
  readonly rho?: number;
  readonly pretrainEpochs?: number;
  readonly baseWidth?: number;
  readonly removal?: Removal;
  readonly reuse?: number;
  readonly mitigate?: MitigationScheme;
  readonly fairSelect?: boolean;
  readonly featureLoss?: number;
  readonly rangeLoss?: number;
  readonly checkpoint?: string;
  readonly agreement?: number;
  readonly polish?: number;
};

/**
 * The others have no flag: the program finds the machine's costs and trained bases; --budget holds a cost
 * budget.
 */
type FlagOption = Exclude<MethodOption, 'costBudget' | 'noSearch' | 'machine' | 'bases'>;

/** The flag of each option; `help` is its line of --help. */
const flags: { readonly [O in FlagOption]: (help: string) => Option } = {
  family: (help) => new Option('--family', help),
  agreement: (help) => new Option('--agreement <share>', help).argParser(agreementShare),
  replace: (help) => new Option('--replace <kind>', help).choices(replacements),
  ranking: (help) => new Option('--ranking <kind>', help).choices(rankings),
  granularity: (help) => new Option('--granularity <kind>', help).choices(granularities),
  searchEpochs: (help) =>
    new Option('--search-epochs <n>', `${help}. ${helpOf('noSearch')}`).argParser(whole(0)),
  stages: (help) => new Option('--stages <list>', help),
  criticality: (help) => new Option('--criticality <form>', help).choices(criticalityForms),
  criticalityEpochs: (help) => new Option('--criticality-epochs <n>', help).argParser(whole(1)),
  order: (help) => new Option('--order <stages>', help).argParser(names),
  cull: (help) => new Option('--cull <stages>', help).argParser(names),
  thinning: (help) => new Option('--thinning <order>', help).choices(thinnings),
  alpha: (help) => new Option('--alpha <x>', help).argParser(fraction),
  rho: (help) => new Option('--rho <x>', help).argParser(fraction),
  pretrainEpochs: (help) => new Option('--pretrain-epochs <n>', help).argParser(whole(1)),
  baseWidth: (help) => new Option('--base-width <n>', help).argParser(whole(1, 4096)),
  removal: (help) => new Option('--removal <kind>', help).choices(removals),
  reuse: (help) => new Option('--reuse <n>', help).argParser(whole(2, 4096)),
  mitigate: (help) =>
    new Option('--mitigate <scheme>', `${help}\n${mitigationSummaries}`).choices(mitigationSchemes),
  fairSelect: (help) => new Option('--fair-select', help),
  featureLoss: (help) => new Option('--feature-loss <weight>', help).argParser(weightOf),
  rangeLoss: (help) => new Option('--range-loss <weight>', help).argParser(weightOf),
  polish: (help) => new Option('--polish <evaluations>', help).argParser(whole(0)),
  checkpoint: (help) => new Option('--checkpoint <folder>', help),
};

/** Adds the options that only some methods take, or that differ between methods. */
export function addSettingOptions(command: Command): void {
  for (const [name, flag] of Object.entries(flags)) command.addOption(flag(helpOf(name as FlagOption)));
}

/** Throws UsageError for an option or a budget that the method does not take. */
export function checkSettings(method: MethodName, budgets: readonly Budget[], options: SettingOptions): void {
  checkTaken([method], { ...options, noSearch: options.searchEpochs === 0 ? true : undefined });
  for (const budget of budgets) checkTaken([method], givenIn({ budget }));
}

/** The reduction options that the flags give, except mitigation. Throws UsageError for malformed stages. */
export function settingsOf(
  options: SettingOptions,
): Pick<
  ReduceOptions,
  | 'replace'
  | 'deepreduce'
  | 'deepreshape'
  | 'granularity'
  | 'ranking'
  | 'searchEpochs'
  | 'featureLoss'
  | 'rangeLoss'
  | 'checkpoint'
  | 'agreement'
  | 'polish'
> {
  const { stages, criticality, criticalityEpochs, order, cull, thinning, alpha, rho } = options;
  const { pretrainEpochs, baseWidth, removal, reuse } = options;
  const { replace, granularity, ranking, searchEpochs, featureLoss, rangeLoss, checkpoint } = options;
  const { agreement, polish } = options;
  const deepreduce: DeepreduceSettings = {
    ...(stages !== undefined && { stages: parseStages(stages) }),
    ...defined({ criticality, criticalityEpochs, order, cull, thinning, alpha, rho }),
  };
  const deepreshape: DeepreshapeSettings = defined({ pretrainEpochs, baseWidth, removal, reuse });
  return {
    ...defined({ replace }),
    ...{ deepreduce, deepreshape },
    ...defined({ granularity, ranking, searchEpochs, featureLoss, rangeLoss, checkpoint, agreement, polish }),
  };
}

/** A parser for the weight of a loss, 0 or more. */
function weightOf(text: string): number {
  const weight = Number(text);
  if (text.trim() === '' || !(weight >= 0 && weight < Infinity))
    throw new InvalidArgumentError(`expected a number from 0 on, such as 0.001, got '${text}'`);
  return weight;
}

/** A parser for names with commas between, such as 'S1,S4'. */
function names(text: string): string[] {
  const found = text.split(',').map((name) => name.trim());
  if (found.includes('')) throw new InvalidArgumentError(`expected names such as S1,S4, got '${text}'`);
  return found;
}

/** A parser for one budget or several, '0.25', '20000,0.25,0' or '0.3s@wan'. */
export function budgetList(text: string): Budget[] {
  try {
    return parseBudgets(text);
  } catch (error) {
    if (error instanceof UsageError) throw new InvalidArgumentError(error.message);
    throw error;
  }
}

/**
 * The ReLUs that a budget leaves; undefined for seconds or bytes. Throws UsageError as resolveBudget does.
 */
export function countOf(model: Model, budget: Budget): number | undefined {
  return typeof budget === 'number' ? resolveBudget(model, budget) : undefined;
}

/** Throws UsageError for --against with a budget in seconds or bytes. */
export function checkAgainst(count: number | undefined, against: string | undefined): void {
  if (count !== undefined || against === undefined) return;
  throw new UsageError(
    '--against needs a budget in ReLUs: networks of the same cost differ in their number of ReLUs',
  );
}

/** The costs of this machine, for a method that predicts seconds. */
export async function machineOf(method: MethodName): Promise<{ machine?: MachineCosts }> {
  return takes(method, 'machine') ? { machine: (await knownMachine()).costs } : {};
}

/** 'predicted cost of an inference: 1.2 s, budget 1.3 s online on wan (before: 1.7 s)' on a new line. */
export function costText(cost: PredictedCost | undefined): string {
  if (cost === undefined) return '';
  const { budget, unit, before, after, bits } = cost;
  const price = `predicted cost of an inference: ${describeCost(unit, after)}, budget ${budget} (before: ${describeCost(unit, before)})`;
  return `\n${price}${bits === undefined ? '' : bitsText(bits)}`;
}

/** 'serve it with --activation-bits 6 --weight-bits 11: 1,180 of 1,186 labels are the network's own' */
function bitsText({
  activationBits,
  weightBits,
  agree,
  images,
  isShown,
}: PredictedCost['bits'] & object): string {
  const shown = isShown ? '' : ', fewer than the agreement that was asked for';
  return (
    `\nserve it with --activation-bits ${activationBits} --weight-bits ${weightBits}: ${format.count(agree)} of ` +
    `${format.count(images)} labels are the network's own${shown}`
  );
}
