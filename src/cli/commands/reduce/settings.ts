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
import type { ReductionOptions, PredictedCost } from '../../../../pipelines/reduce/reduction.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import { fraction, whole } from '../../options/command.ts';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import { resolveBudget } from '../../../../pipelines/reduce/reduction.ts';
import { knownMachine } from '../../options/machine.ts';
import { granularities } from '../../../../pipelines/reduce/gates/layer-states.ts';
import type { Granularity } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { channelMethods, searchingMethods } from '../../../../pipelines/reduce/methods.ts';

export type SettingOptions = {
  readonly replace?: Replacement;
  readonly stages?: string;
  readonly criticality?: CriticalityForm;
  readonly criticalityEpochs?: number;
  readonly thinning?: Thinning;
  readonly alpha?: number;
  readonly rho?: number;
  readonly pretrainEpochs?: number;
  readonly baseWidth?: number;
  readonly removal?: Removal;
  readonly reuse?: number;
};

/** What `reduce` takes for methods that let choose. */
export function addSettingOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--replace <kind>',
        "what takes a ReLU's place; each method has its own where left out",
      ).choices(replacements),
    )
    .option(
      '--stages <list>',
      "of deepreduce: 'S1=stem.*,layer1.*;S2=layer2.*' by names of nodes, * for any characters; where the resolution changes where left out",
    )
    .addOption(
      new Option(
        '--criticality <form>',
        "of deepreduce: on fitted polynomials, or trained as in the paper (default: 'fitted')",
      ).choices(criticalityForms),
    )
    .option('--criticality-epochs <n>', 'of each training of --criticality trained (default: 1)', whole(1))
    .addOption(
      new Option(
        '--thinning <order>',
        "of deepreduce: what goes first of a stage that is cut, the cheapest elements or every other layer (default: 'elements')",
      ).choices(thinnings),
    )
    .option('--alpha <x>', 'of deepreduce: keeps this share of the channels, e.g. 0.5', fraction)
    .option(
      '--rho <x>',
      'of deepreduce: height and width of the maps by this, 1/2, 1/3, ..., e.g. 0.5',
      fraction,
    )
    .option('--pretrain-epochs <n>', 'of deepreshape: of training its network (default: 12)', whole(1))
    .option(
      '--base-width <n>',
      "of deepreshape: channels of the first stage; as many as make the given network's multiplications where left out",
      whole(1, 4096),
    )
    .addOption(
      new Option(
        '--removal <kind>',
        'of deepreshape: by stages (deepreduce) or one by one (snl); by what the first stage has where left out',
      ).choices(removals),
    )
    .option(
      '--reuse <n>',
      'of deepreshape: ReLUs in one of n groups of channels of a layer, the next in the next layer',
      whole(2, 4096),
    );
}

/** The methods that an option means something to; all of them where it is not listed. */
const methodsOf: Partial<Record<keyof SettingOptions, readonly MethodName[]>> = {
  stages: ['deepreduce'],
  alpha: ['deepreduce'],
  rho: ['deepreduce'],
  criticality: ['deepreduce', 'deepreshape'],
  criticalityEpochs: ['deepreduce', 'deepreshape'],
  thinning: ['deepreduce', 'deepreshape'],
  pretrainEpochs: ['deepreshape'],
  baseWidth: ['deepreshape'],
  removal: ['deepreshape'],
  reuse: ['deepreshape'],
};

/** Throws UsageError for stages without form, and for options of another method. */
export function settingsOf(
  method: MethodName,
  options: SettingOptions,
): Pick<ReductionOptions, 'replace' | 'deepreduce' | 'deepreshape'> {
  for (const [name, known] of Object.entries(methodsOf)) {
    if (options[name as keyof SettingOptions] === undefined || known.includes(method)) continue;
    const flag = `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw new UsageError(`${flag} is of ${known.join(' and ')}, not of ${method}`);
  }
  const { replace, stages, criticality, criticalityEpochs, thinning, alpha, rho } = options;
  const { pretrainEpochs, baseWidth, removal, reuse } = options;
  const deepreduce: DeepreduceSettings = {
    ...(stages !== undefined && { stages: parseStages(stages) }),
    ...defined({ criticality, criticalityEpochs, thinning, alpha, rho }),
  };
  const deepreshape: DeepreshapeSettings = defined({ pretrainEpochs, baseWidth, removal, reuse });
  return { ...defined({ replace }), deepreduce, deepreshape };
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

/** The ReLUs that a budget leaves; undefined for seconds or bytes, of which hybrid finds out itself. Throws UsageError as resolveBudget does. */
export function countOf(model: Model, method: MethodName, budget: Budget): number | undefined {
  return method === 'hybrid' && typeof budget !== 'number' ? undefined : resolveBudget(model, budget);
}

/** A network of another budget has nothing to be held against. */
export function checkAgainst(count: number | undefined, against: string | undefined): void {
  if (count !== undefined || against === undefined) return;
  throw new UsageError('--against is of a budget in ReLUs: networks of equal cost have different ones');
}

/** Of the method that predicts seconds. */
export async function machineOf(method: MethodName): Promise<{ machine?: MachineCosts }> {
  return method === 'hybrid' ? { machine: (await knownMachine()).costs } : {};
}

/** '; predicted 1.2 s, budget 1.3 s online on wan (before: 1.7 s)' */
export function costText(cost: PredictedCost | undefined): string {
  if (cost === undefined) return '';
  const { budget, unit, before, after } = cost;
  return `\nan inference is predicted to take ${describeCost(unit, after)}, budget ${budget} (before: ${describeCost(unit, before)})`;
}

export type GateSettingOptions = {
  readonly granularity?: Granularity;
  readonly searchEpochs?: number;
  readonly checkpoint?: string;
};

/** What `reduce` takes for methods that learn which ReLUs to keep, and for going on after a kill. */
export function addGateOptions(command: Command): void {
  command
    .addOption(
      new Option(
        '--granularity <kind>',
        "of snl, autorep and deepreshape: whether ReLUs go one by one or by channels (default: 'pixel')",
      ).choices(granularities),
    )
    .option(
      '--search-epochs <n>',
      "of snl, autorep, deepreshape and hybrid's budgets in seconds or bytes: of learning which ReLUs to keep; as many as --epochs where left out; 0, of hybrid: they are ranked and not learned",
      whole(0),
    )
    .option(
      '--checkpoint <folder>',
      'is written to after each epoch, with a log of JSON lines; where it is there already, the reduction goes on from it',
    );
}

/** Throws UsageError for an option of another method. */
export function gateSettingsOf(
  method: MethodName,
  { granularity, searchEpochs, checkpoint }: GateSettingOptions,
): Pick<ReductionOptions, 'granularity' | 'searchEpochs' | 'checkpoint'> {
  if (granularity !== undefined) checkOption('--granularity', channelMethods, method);
  if (searchEpochs !== undefined) checkOption('--search-epochs', searchingMethods, method);
  if (searchEpochs === 0 && method !== 'hybrid')
    throw new UsageError(`--search-epochs 0: is of hybrid; ${method} learns for 1 epoch at least`);
  return defined({ granularity, searchEpochs, checkpoint });
}

function checkOption(option: string, takers: readonly MethodName[], method: MethodName): void {
  if (takers.includes(method)) return;
  throw new UsageError(`${option} is of ${takers.join(', ')}, not of ${method}`);
}
