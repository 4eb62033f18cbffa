import { availableParallelism } from 'node:os';
import { Option } from 'commander';
import type { Command } from 'commander';
import { replacements } from '../../../../models/graph.ts';
import type { Replacement } from '../../../../models/graph.ts';
import { jobsOf, budgetTexts } from '../../../../pipelines/pareto/grid.ts';
import type { Grid } from '../../../../pipelines/pareto/grid.ts';
import { pointsOf } from '../../../../pipelines/pareto/points.ts';
import { additionsHelp, parseMethods } from '../../../../pipelines/pareto/series.ts';
import type { RunStore } from '../../../../pipelines/pareto/store.ts';
import { parseProfiles } from '../../../../pipelines/cost/profiles.ts';
import { methodNames } from '../../../../pipelines/reduce/methods.ts';
import { helpOf } from '../../../../pipelines/reduce/options.ts';
import { ReluctantError, UsageError } from '../../../shared/errors.ts';
import { agreementShare } from '../../options/compile.ts';
import { argumentsHelp, examples, tolerancePoints, whole } from '../../options/command.ts';
import type { Act, Context, Example } from '../../options/command.ts';
import { addComputeOptions, computingOf } from '../../options/computing.ts';
import type { ComputeOptions } from '../../options/computing.ts';
import { describeFlags } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { dataHelp, modelHelp } from '../../options/inputs.ts';
import { knownMachine } from '../../options/machine.ts';
import type { Output } from '../../output/output.ts';
import { beginStore, checkSameSweep, fingerprints, openStore, originalFile } from './folder.ts';
import { jobProcess } from './job-process.ts';
import { measureFront } from './measure.ts';
import { writeReport } from './report.ts';
import type { QueueOptions } from './queue.ts';
import { sweep } from './sweep.ts';
import type { JobRunner, SweepOptions } from './sweep.ts';
import { csvOf, describePoints, markdownOf, publicPoints } from './words.ts';

type Options = ComputeOptions &
  DescribeFlags & {
    readonly data: string;
    readonly methods: string;
    readonly budgets: string;
    readonly profile: string;
    readonly seeds: number;
    readonly epochs: number;
    readonly searchEpochs?: number;
    readonly pretrainEpochs?: number;
    readonly replace?: Replacement;
    readonly agreement?: number;
    readonly jobs: number;
    readonly out: string;
    /** Percentage points. */
    readonly tolerance: number;
    readonly searchImages: number;
    readonly measure: boolean;
    readonly measureAgain?: boolean;
    readonly queue?: string;
  };

/**
 * `pareto MODEL --data D --methods ... --budgets ... --out DIR` runs a sweep; `pareto show DIR` prints its
 * table.
 */
export function configure(command: Command, act: Act): void {
  const run = command
    .command('run', { isDefault: true })
    .description('run a sweep; the word run may be omitted');
  configureRun(run, act);
  configureShow(command.command('show'), act);
  command.usage('<model> --data <data> --methods <list> --budgets <list> --out <folder>');
  command.addHelpText('after', () => `\nA sweep takes\n\n${argumentsHelp(run)}`);
  examples(command, sweepExamples);
}

const sweepExamples: readonly Example[] = [
  'reluctant pareto zoo:fashion-resnet8 --data fashion-mnist-part --methods deepreduce,deepreduce+circa --budgets 0.5,0.25,0.1 --out sweep',
  [
    'three seeds, two jobs at a time',
    'reluctant pareto my-model.onnx --data folder:my-images@32 --methods deepreduce --budgets 0.5,0.25 --seeds 3 --jobs 2 --out sweep',
  ],
  [
    'compare variants of methods',
    'reluctant pareto zoo:fashion-resnet8 --data fashion-mnist-part --methods snl,snl+quadratic,autorep+channel+circa --budgets 0.25 --out kinds',
  ],
  ['print the table of a sweep for a document', 'reluctant pareto show sweep --markdown > table.md'],
];

function configureRun(command: Command, act: Act): void {
  command
    .argument('<model>', modelHelp)
    .requiredOption('--data <data>', dataHelp)
    .requiredOption(
      '--methods <list>',
      `methods separated by commas: ${methodNames.join(', ')}; ${additionsHelp}`,
    )
    .requiredOption('--budgets <list>', "budgets separated by commas, as in 'reluctant reduce --budget'")
    .requiredOption(
      '--out <folder>',
      'write the runs, their networks and the report here; a sweep in this folder continues',
    )
    .option('--profile <list>', 'show the latency on these networks: loopback, lan, wan', 'lan,wan')
    .option('--seeds <n>', 'run each method and budget with the seeds 1 to n', whole(1, 1000), 1)
    .option('--epochs <n>', 'epochs of fine-tuning', whole(1), 4)
    .option('--search-epochs <n>', helpOf('searchEpochs'), whole(1))
    .option('--pretrain-epochs <n>', helpOf('pretrainEpochs'), whole(1))
    .addOption(
      new Option(
        '--replace <kind>',
        `for methods without +none, +identity, +affine or +quadratic: ${helpOf('replace')}`,
      ).choices(replacements),
    )
    .option(
      '--agreement <share>',
      'for methods without +agreement, and for the original: give the plan of each network the fewest bits at which this share ' +
        "of private answers has the network's own label, such as 0.99; hybrid counts a budget in seconds or bytes with them " +
        "(default: the compiler's bits)",
      agreementShare,
    )
    .option('--jobs <n>', 'number of jobs at a time, each in its own process', whole(1, 256), 1)
    .option(
      '--queue <address>',
      "run the jobs on the workers of this Redis server (see 'reluctant worker'), e.g. redis://HOST:6379",
    )
    .addOption(
      new Option(
        '--tolerance <points>',
        'for +circa: largest loss of accuracy on held-out images, in percentage points',
      )
        .argParser(tolerancePoints)
        .default(0.5, '0.5pt'),
    )
    .option('--search-images <n>', 'for +circa: number of held-out images for the search', whole(1), 500)
    .option('--no-measure', 'do not time private inferences of the networks on the Pareto front')
    .addOption(
      new Option('--measure-again', 'also time those networks that have been timed before').conflicts(
        'measure',
      ),
    )
    .action(act(runSweep));
  addComputeOptions(command);
  describeFlags(command);
  examples(command, sweepExamples);
}

function configureShow(command: Command, act: Act): void {
  command
    .description('print the table of a sweep, even while it runs')
    .argument('<folder>', 'folder of the sweep (its --out)')
    .option('--profile <list>', 'show the latency on these networks: loopback, lan, wan', 'lan,wan')
    .option('--csv', 'print CSV: one line per run, all figures as numbers')
    .option('--markdown', 'print a Markdown table for a document')
    .option('--report', 'also write report.html and its charts again')
    .action(act(show));
  examples(command, [
    'reluctant pareto show sweep',
    ['for a spreadsheet', 'reluctant pareto show sweep --csv > runs.csv'],
  ]);
}

async function runSweep(context: Context, network: string, options: Options): Promise<undefined> {
  const { out: folder, data, epochs, seeds, jobs } = options;
  const networks = parseProfiles(options.profile);
  const profiles = networks.map(({ name }) => name);
  const circa = { tolerance: options.tolerance / 100, searchImages: options.searchImages };
  const methods = parseMethods(options.methods, circa);
  const budgets = budgetTexts(options.budgets);
  using store = beginStore(folder);
  const prints = await fingerprints(folder, network, data, options);
  const { searchEpochs = null, pretrainEpochs = null, replace = null, agreement = null } = options;
  const trained = { epochs, searchEpochs, pretrainEpochs };
  const grid: Grid = { data, ...prints, methods, budgets, seeds, ...trained, replace, agreement };
  checkSameSweep(store, folder, grid);
  const ids = store.add(jobsOf(grid));
  const modelFile = originalFile(folder, prints.networkHash);
  const { costs } = await knownMachine();
  const threads = Math.max(1, Math.floor(availableParallelism() / jobs));
  const { say } = context;
  const { device, engine } = (await computingOf(options, say)).setting;
  const own: JobRunner = ({ spec }, onProgress, signal) =>
    jobProcess({ spec, modelFile, folder, costs, threads, device, engine, onProgress, say }, signal);
  const sweeping = { ...context, store, folder, ids };
  if (options.queue === undefined) await sweep({ ...sweeping, jobs, runner: own });
  else
    await sweepByQueue(sweeping, { url: options.queue, modelFile, networkHash: prints.networkHash, costs });
  const unmeasured = options.measure
    ? await measureFront({ ...sweeping, profiles: networks, again: options.measureAgain === true })
    : [];
  await writeReport(store, folder, profiles);
  context.show(shown(store, profiles, ids));
  const failed = store.counts(ids).failed;
  if (failed + unmeasured.length > 0)
    throw new ReluctantError(
      `${failed} of ${ids.length} jobs and ${unmeasured.length} measurements failed; run the same command to try them again`,
    );
  return undefined;
}

type Parts = Omit<SweepOptions, 'jobs' | 'runner'>;

/** Puts all jobs on the queue at once; the workers decide how many run at a time. */
async function sweepByQueue(parts: Parts, options: Omit<QueueOptions, 'folder' | 'say'>): Promise<void> {
  const { openQueue } = await import('./queue.ts');
  const queue = await openQueue({ ...options, folder: parts.folder, say: parts.say });
  try {
    await sweep({ ...parts, jobs: parts.ids.length, runner: queue.runner });
  } finally {
    await queue.close();
  }
}

type ShowOptions = {
  readonly profile: string;
  readonly csv?: boolean;
  readonly markdown?: boolean;
  readonly report?: boolean;
};

async function show(_: Context, folder: string, options: ShowOptions): Promise<Output> {
  const { csv = false, markdown = false, report = false } = options;
  if (csv && markdown) throw new UsageError('give either --csv or --markdown');
  const profiles = parseProfiles(options.profile).map(({ name }) => name);
  using store = openStore(folder);
  if (report) await writeReport(store, folder, profiles);
  const output = shown(store, profiles);
  const points = pointsOf(store.runs(), profiles);
  if (csv) return { ...output, text: csvOf(points, profiles) };
  return markdown ? { ...output, text: markdownOf(points, profiles, store.runs()) } : output;
}

function shown(store: RunStore, profiles: readonly string[], ids?: readonly string[]): Output {
  const runs = store.runs(ids);
  const points = pointsOf(runs, profiles);
  const open = runs.filter(({ result }) => result === null);
  return {
    value: {
      points: publicPoints(points, profiles),
      notDone: open.map(({ id, spec, state, message }) => ({ id, ...spec, state, message })),
    },
    text: describePoints(points, profiles, runs),
  };
}
