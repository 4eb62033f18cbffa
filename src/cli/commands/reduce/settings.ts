import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { replacements } from '../../../../models/graph.ts';
import type { Replacement } from '../../../../models/graph.ts';
import { parseBudgets } from '../../../../pipelines/cost/budget.ts';
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
import type { ReductionOptions } from '../../../../pipelines/reduce/reduction.ts';
import { UsageError } from '../../../shared/errors.ts';
import { fraction, whole } from '../../options/command.ts';

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
    ...(criticality !== undefined && { criticality }),
    ...(criticalityEpochs !== undefined && { criticalityEpochs }),
    ...(thinning !== undefined && { thinning }),
    ...(alpha !== undefined && { alpha }),
    ...(rho !== undefined && { rho }),
  };
  const deepreshape: DeepreshapeSettings = {
    ...(pretrainEpochs !== undefined && { pretrainEpochs }),
    ...(baseWidth !== undefined && { baseWidth }),
    ...(removal !== undefined && { removal }),
    ...(reuse !== undefined && { reuse }),
  };
  return { ...(replace !== undefined && { replace }), deepreduce, deepreshape };
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
