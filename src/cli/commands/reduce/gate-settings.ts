import { Option } from 'commander';
import type { Command } from 'commander';
import { granularities } from '../../../../pipelines/reduce/gates/layer-states.ts';
import type { Granularity } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { channelMethods, searchingMethods } from '../../../../pipelines/reduce/methods.ts';
import type { MethodName } from '../../../../pipelines/reduce/methods.ts';
import type { ReductionOptions } from '../../../../pipelines/reduce/reduction.ts';
import { UsageError } from '../../../shared/errors.ts';
import { whole } from '../../options/command.ts';

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
  return {
    ...(granularity && { granularity }),
    ...(searchEpochs !== undefined && { searchEpochs }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}

function checkOption(option: string, takers: readonly MethodName[], method: MethodName): void {
  if (takers.includes(method)) return;
  throw new UsageError(`${option} is of ${takers.join(', ')}, not of ${method}`);
}
