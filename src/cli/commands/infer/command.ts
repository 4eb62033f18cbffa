import type { Command } from 'commander';
import { defaultDepth, greatestDepth, leastDepth } from '../../../../crypto/ot/blocks.ts';
import type { Ending } from '../../../../models/ending.ts';
import type { StepCost } from '../../../../pipelines/inference/step-clock.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import { connect } from '../../../client.ts';
import type { InferenceResult, Session } from '../../../client.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import { answerOption } from '../../options/answer.ts';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { imageSource } from './image-source.ts';
import type { ImageOptions } from './image-source.ts';
import { describeFlags } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { inferMany } from './many.ts';
import type { ManyOptions } from './many.ts';
import { checkOutput, dataHelp } from '../../options/inputs.ts';
import { oneProfileOption } from '../../options/profile.ts';
import { transfersOption } from '../../options/transfers.ts';
import type { TransferMode } from '../../../../pipelines/inference/layer-transfers.ts';
import { printable } from '../../../net/printable.ts';
import { askFlags, askOptions } from '../../options/server.ts';
import type { AskFlags } from '../../options/server.ts';
import { answerValue } from '../../output/answer-words.ts';
import { inferenceProgress } from '../../output/inference-progress.ts';
import { outsideText } from '../../output/outside-words.ts';
import { phaseLine, phaseTotals } from '../../output/phase.ts';

type Options = AskFlags &
  DescribeFlags & {
    readonly image?: string;
    readonly exact?: boolean;
    readonly data?: string;
    readonly index?: number;
    readonly count?: number;
    readonly out?: string;
    readonly debugLocal?: boolean;
    readonly answer?: AnswerKind;
    readonly profile?: NetworkProfile;
    readonly transferDepth?: number;
    readonly transfers?: TransferMode;
  };

/**
 * `infer URL`: classifies one image; the image stays in this process. `infer MODEL --debug-local`: see
 * debug-local.ts.
 */
export function configure(command: Command, act: Act): void {
  command
    .argument('<url>', 'address that serve printed, ws:// or wss://; with --debug-local, a model instead')
    .option(
      '--image <file>',
      'PNG, JPEG, WebP, GIF or TIFF file, scaled and cropped as the plan says; or give --data and --index',
    )
    .option('--exact', "refuse a file of --image that does not have exactly the model's input size")
    .option('--data <data>', `${dataHelp}; with --debug-local they also calibrate the model`)
    .option('--index <i>', 'number of the test image in --data, from 0; the first one with --count', whole(0))
    .option(
      '--count <n>',
      'ask for n test images of --data in one go: some are prepared while others are answered',
      whole(1),
    )
    .option('--out <file>', 'with --count: also write the answers to this file, as --json prints them');
  askFlags(command)
    .addOption(oneProfileOption())
    .addOption(transfersOption())
    .option(
      '--transfer-depth <k>',
      `depth of the trees that oblivious transfers come from, ${leastDepth} to ${greatestDepth}: deeper sends less ` +
        `and computes more (default: ${defaultDepth}, or what suits --profile)`,
      whole(leastDepth, greatestDepth),
    )
    .option('--debug-local', "run both parties in this process, and print the error of each step's output")
    .addOption(answerOption('--debug-local only: what the client learns (default: logits)'));
  describeFlags(command).action(act(run));
  examples(command, [
    'reluctant infer ws://localhost:8765 --data fashion-mnist-part --index 7',
    'reluctant infer ws://localhost:8765 --image shoe.png --json',
    [
      'a hundred answers in one go',
      'reluctant infer ws://localhost:8765 --data fashion-mnist-part --count 100 --out answers.json',
    ],
    ['as slow as a wide-area network', 'reluctant infer ws://localhost:8765 --image shoe.png --profile wan'],
    [
      'find the step that goes wrong',
      'reluctant infer zoo:fashion-resnet8 --debug-local --data fashion-mnist-part --index 7',
    ],
  ]);
}

async function run(context: Context, url: string, options: Options) {
  if (options.debugLocal) {
    if (options.count !== undefined || options.out !== undefined)
      throw new UsageError('--count and --out ask a server: leave them out with --debug-local');
    if (/^wss?:\/\//.test(url))
      throw new UsageError(`--debug-local: expected a model in place of an address, got ${url}`);
    // It compiles a model and plays the server: 300 modules that a client does without.
    const { inferLocally } = await import('./debug-local.ts');
    return inferLocally(url, options.data, ofImage(options), context, options);
  }
  refuseFlags(options);
  if (options.answer !== undefined)
    throw new UsageError('--answer needs --debug-local: the plan of a server says what it tells');
  const many = manyOf(options);
  const source = many ?? (await imageSource(options));
  const progress = inferenceProgress(context.onProgress);
  const session = await connect(url, {
    ...(await askOptions(options, context)),
    ...('read' in source && { onTraffic: progress.onTraffic }),
    ...defined({
      profile: options.profile,
      transferDepth: options.transferDepth,
      transfers: options.transfers,
    }),
  });
  try {
    if (!('read' in source)) return await inferMany(session, source, context);
    const image = await source.read(session.inputShape, session.plan.preprocessing);
    const { profile, transferDepth: depth, transfers: mode } = options;
    progress.begin(session.plan, defined({ profile, depth, mode }));
    const result = await session.infer(image);
    if (result.outsideRange !== undefined) context.warn(outsideText(result.outsideRange));
    const name = session.plan.classes?.[result.label] ?? source.classes?.[result.label] ?? null;
    const truth = source.truth ?? null;
    return { value: jsonOf(result, session, name, truth), text: describe(result, session, name, truth) };
  } finally {
    await session.close();
  }
}

/** What --count asks for; undefined without it. */
function manyOf({ image, data, index, count, out, exact }: Options): ManyOptions | undefined {
  if (count === undefined && out === undefined) return undefined;
  if (count === undefined) throw new UsageError('--out goes with --count');
  if (data === undefined || image !== undefined || exact)
    throw new UsageError(
      '--count goes with --data, whose test images it counts; leave --image and --exact out',
    );
  if (out !== undefined) checkOutput(out);
  return { data, count, ...defined({ index, out }) };
}

/** A client has what the server's plan says of pixels and classes. */
function refuseFlags({ normalise, mean, std, scale, resize, classes }: DescribeFlags): void {
  const given = Object.entries({ normalise, mean, std, scale, resize, classes });
  const found = given.find(([, value]) => value !== undefined);
  if (found !== undefined)
    throw new UsageError(
      `--${found[0]} is for --debug-local; without it, the server's plan says what is done`,
    );
}

/** With --debug-local and --image, --data only calibrates. */
function ofImage({ image, exact, data, index }: Options): ImageOptions {
  return image !== undefined && index === undefined
    ? defined({ image, exact })
    : defined({ image, exact, data, index });
}

function jsonOf(
  { label, logits, outputs, offline, online, outsideRange }: InferenceResult,
  { plan }: Session,
  name: string | null,
  truth: string | null,
) {
  const inPhase = (name: 'offline' | 'online') => (cost: StepCost) => ({ phase: name, ...cost });
  return {
    label,
    class: name,
    truth,
    ...answerValue(plan),
    logits: logits ?? null,
    outputs: outputs ?? null,
    outsideRange: outsideRange ?? null,
    offline: phaseTotals(offline),
    online: { ...phaseTotals(online), rounds: online.rounds },
    steps: [...offline.steps.map(inPhase('offline')), ...online.steps.map(inPhase('online'))],
  };
}

const endingWords: Readonly<Record<Ending, string>> = {
  softmax: 'probability',
  logSoftmax: 'log probability',
  sigmoid: 'probability',
};

function describe(
  result: InferenceResult,
  { plan }: Session,
  name: string | null,
  truth: string | null,
): string {
  const { label, offline, online } = result;
  const answer = name === null ? `class ${label}` : `${name} (class ${label})`;
  const output = result.outputs?.[label];
  const ending = output === undefined ? '' : `, ${endingWords[plan.ending!]} ${output.toPrecision(3)}`;
  return (
    `${answer}${ending}${truth === null ? '' : `; the label in the data set is ${truth}`}\n` +
    `offline  ${phaseLine(offline)}\n` +
    `online   ${phaseLine(online)}, ${online.rounds} round trips\n` +
    `The server of ${printable(plan.name)} saw neither the image nor the answer.` +
    (plan.output.answer === 'label' ? '\nIt tells the label alone: the logits stay hidden from both.' : '')
  );
}
