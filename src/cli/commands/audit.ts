import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Command } from 'commander';
import { audit, describeBrokenLimit, judges, parseReport } from '../../../models/fairness/audit.ts';
import type { Audit, Judge, Limits } from '../../../models/fairness/audit.ts';
import { DataError, LimitError, UsageError } from '../../shared/errors.ts';
import { examples, percentagePoints, whole } from '../options/command.ts';
import type { Act, Context } from '../options/command.ts';

/** `audit REPORT --max-gap 2pt`: a gate for continuous integration. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<report>', "a file with what 'reluctant fairness ... --json' printed")
    .option('--max-gap <points>', 'between the best and the worst group, such as 2pt', percentagePoints)
    .option('--max-widening <points>', "growth of that gap against the original's", percentagePoints)
    .option('--max-excess-drop <points>', 'what a group may lose beyond the average', percentagePoints)
    .option('--min-group <n>', 'groups with fewer images are not judged, and named', whole(1), 30)
    .addOption(
      new Option(
        '--confidence <how>',
        "what is held to the limits: the 'measured' value; 'outside', the near end of its interval: fails only what is shown to be " +
          "outside; 'inside', the far end: fails what is not shown to be inside",
      )
        .choices(judges)
        .default('measured'),
    )
    .action(act(run));
  examples(command, [
    'reluctant audit report.json --max-gap 2pt --max-excess-drop 1pt --min-group 100',
    'reluctant audit report.json --max-widening 3pt --json | jq .failures',
    'reluctant audit report.json --max-excess-drop 2pt --confidence inside',
  ]);
  command.addHelpText(
    'after',
    'Exit codes: 0 every group is within the limits, 7 at least one is not, or none is large enough to judge.\n' +
      "Others as in reluctant --help. With --confidence 'inside' small groups fail for being small: use it where passing is to be a\n" +
      "proof, and 'outside' where a failure is to be one. Intervals are those of the report, for each figure by itself.\n",
  );
}

type Options = Omit<Limits, 'judge'> & { readonly confidence: Judge };

async function run({ show }: Context, file: string, limits: Options): Promise<undefined> {
  const { maxGap, maxWidening, maxExcessDrop, minGroup, confidence } = limits;
  const held = Object.entries({ maxGap, maxWidening, maxExcessDrop }).filter(
    ([, value]) => value !== undefined,
  );
  if (held.length === 0)
    throw new UsageError('audit: give a limit: --max-gap, --max-widening or --max-excess-drop');
  const report = parseReport(await textOf(file), file);
  const result = audit(report, { ...Object.fromEntries(held), minGroup, judge: confidence });
  show({ value: result, text: describe(result) });
  if (!result.passed) throw new LimitError(summary(result));
  return undefined;
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new DataError(`${file}: ${(error as Error).message}`);
  }
}

function describe({ passed, judged, tooSmall, failures, limits }: Audit): string {
  const small = tooSmall.map(({ group, n }) => `${group} (${n})`).join(', ');
  return [
    ...failures.map((failure) => `FAILS  ${describeBrokenLimit(failure)}`),
    ...(passed ? [`passes: ${judged.length} groups are within the limits`] : []),
    ...(small === '' ? [] : [`not judged, with fewer than ${limits.minGroup} images: ${small}`]),
  ].join('\n');
}

function summary({ judged, failures, limits }: Audit): string {
  if (judged.length === 0) return `audit: no group has ${limits.minGroup} images; nothing can be judged`;
  const groups = new Set(failures.map(({ group }) => group)).size;
  return `audit: ${failures.length} limits exceeded, in ${groups} of ${judged.length} groups`;
}
