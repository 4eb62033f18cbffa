import { Option } from 'commander';
import type { Command } from 'commander';
import { granularities } from '../../pipelines/masks/start.ts';
import type { Granularity } from '../../pipelines/masks/start.ts';
import { methods, searchingMethods } from '../../pipelines/methods.ts';
import type { MethodName } from '../../pipelines/methods.ts';
import type { ReductionOptions } from '../../pipelines/reduction.ts';
import { UsageError } from '../shared/errors.ts';
import { whole } from './command.ts';

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
      'of snl, autorep and deepreshape: of learning which ReLUs to keep; as many as --epochs where left out',
      whole(1),
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
  if (!methods[method].isSearching && (granularity !== undefined || searchEpochs !== undefined))
    throw new UsageError(
      `--granularity and --search-epochs are of ${searchingMethods.join(', ')}, not of ${method}`,
    );
  return {
    ...(granularity && { granularity }),
    ...(searchEpochs !== undefined && { searchEpochs }),
    ...(checkpoint !== undefined && { checkpoint }),
  };
}
