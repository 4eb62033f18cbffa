import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import {
  audit,
  describeBrokenLimit,
  judges,
  minGroupOf,
  parseReport,
} from '../../../models/fairness/audit.ts';
import type { Audit, Judge, Limits } from '../../../models/fairness/audit.ts';
import { DataError, LimitError, UsageError } from '../../shared/errors.ts';
import { unreadable } from '../../shared/unreadable.ts';
import { examples, percentagePoints, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';

/** `audit REPORT --max-gap 2pt`: a check for continuous integration. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<report>', "a file with the output of 'reluctant fairness ... --json'")
    .option(
      '--max-gap <points>',
      'largest accuracy gap between the best and the worst group, e.g. 2pt',
      percentagePoints,
    )
    .option(
      '--max-widening <points>',
      'largest growth of that gap compared with the original network, e.g. 2pt',
      percentagePoints,
    )
    .option(
      '--max-excess-drop <points>',
      'largest loss of accuracy of a group beyond the average loss, e.g. 2pt',
      percentagePoints,
    )
    .option(
      '--min-group <n>',
      "list groups with fewer images, but do not check them (default: the report's own, from its --max-width)",
      whole(1),
    )
    .addOption(
      new Option(
        '--confidence <how>',
        'the value that is compared with the limits\n' +
          'measured: the measured value\n' +
          'outside: the better end of its confidence interval; a group fails only if it is shown to exceed a limit\n' +
          'inside: the worse end; a group passes only if it is shown to keep the limits',
      )
        .choices(judges)
        .default('measured'),
    )
    .action(act(run));
  examples(command, [
    'reluctant audit report.json --max-gap 2pt --max-excess-drop 1pt --min-group 100',
    ['list what exceeds a limit', 'reluctant audit report.json --max-widening 3pt --json | jq .failures'],
    [
      'pass only if the confidence intervals keep the limit',
      'reluctant audit report.json --max-excess-drop 2pt --confidence inside',
    ],
  ]);
  command.addHelpText(
    'after',
    '\nExit codes:\n' +
      '  0    every group keeps the limits\n' +
      '  7    at least one group exceeds a limit, or no group is large enough to check\n' +
      "Other exit codes are in 'reluctant --help'.\n\n" +
      'With --confidence inside, small groups fail because their intervals are wide;\n' +
      'use it if passing must be proof. Use --confidence outside if failing must be\n' +
      'proof. The intervals are those of the report, each for one figure.\n',
  );
}

type Options = Omit<Limits, 'judge' | 'minGroup'> & {
  readonly minGroup?: number;
  readonly confidence: Judge;
};

async function run({ show }: Context, file: string, limits: Options): Promise<undefined> {
  const { maxGap, maxWidening, maxExcessDrop, confidence } = limits;
  const held = Object.entries({ maxGap, maxWidening, maxExcessDrop }).filter(
    ([, value]) => value !== undefined,
  );
  if (held.length === 0)
    throw new UsageError('audit: no limit is given: give --max-gap, --max-widening or --max-excess-drop');
  const report = parseReport(await textOf(file), file);
  const { minGroup = minGroupOf(report) } = limits;
  const result = audit(report, { ...Object.fromEntries(held), minGroup, judge: confidence });
  show({ value: result, text: describe(result) });
  if (!result.passed) throw new LimitError(summary(result));
  return undefined;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new DataError(`${file}: ${unreadable(error)}`);
  }
}

function describe({ passed, judged, tooSmall, failures, limits }: Audit): string {
  const small = tooSmall.map(({ group, n }) => `${group} (${n})`).join(', ');
  return [
    ...failures.map((failure) => `FAILS  ${describeBrokenLimit(failure)}`),
    ...(passed ? [`passes: ${judged.length} groups keep the limits`] : []),
    ...(small === '' ? [] : [`not checked, fewer than ${limits.minGroup} images: ${small}`]),
  ].join('\n');
}

function summary({ judged, failures, limits }: Audit): string {
  if (judged.length === 0)
    return `audit: no group has ${limits.minGroup} images, so none can be checked; lower --min-group`;
  const groups = new Set(failures.map(({ group }) => group)).size;
  return `audit: ${failures.length} limits exceeded, in ${groups} of ${judged.length} groups`;
}
