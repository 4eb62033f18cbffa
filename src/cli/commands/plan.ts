import type { Command } from 'commander';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import type { Bytes, Prediction, StepPrediction } from '../../../pipelines/cost/bytes.ts';
import { predictMemory } from '../../../pipelines/cost/memory.ts';
import type { Memory } from '../../../pipelines/cost/memory.ts';
import { priceOf } from '../../../pipelines/cost/price.ts';
import { predictLatency } from '../../../pipelines/cost/latency.ts';
import { settingsFor } from '../../../pipelines/cost/transfer-settings.ts';
import type { TransferMode } from '../../../pipelines/inference/layer-transfers.ts';
import { transfersOption } from '../options/transfers.ts';
import type { Latency } from '../../../pipelines/cost/latency.ts';
import { describeProfile, profileNames, profiles } from '../../../pipelines/cost/profiles.ts';
import type { ProfileName } from '../../../pipelines/cost/profiles.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { serverCaches } from '../../../pipelines/inference/caches.ts';
import { calibrationOf, replanned } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { answerKinds, wireOf } from '../../../pipelines/plan/plan.ts';
import type { Plan, Step } from '../../../pipelines/plan/plan.ts';
import { labelAgreement, leastAgreement } from '../../../pipelines/simulate/agreement.ts';
import type { Agreement } from '../../../pipelines/simulate/agreement.ts';
import { confidence, leastShare } from '../../../pipelines/simulate/agreement-bound.ts';
import { defined } from '../../shared/defined.ts';
import { PlanError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { byteSize, examples, price } from '../options/command.ts';
import { compileFlags, compileOptionsOf } from '../options/compile.ts';
import type { CompileFlags } from '../options/compile.ts';
import type { Act, Context } from '../options/command.ts';
import { describeFlags } from '../options/describe.ts';
import type { DescribeFlags } from '../options/describe.ts';
import { calibrationHelp, memoryHelp, modelHelp } from '../options/inputs.ts';
import { calibrationData } from '../options/named-model.ts';
import { describeMachine, knownMachine, machineValue } from '../options/machine.ts';
import { transferChoices, transferTable } from '../output/transfer-choices.ts';
import { answerValue } from '../output/answer-words.ts';
import { table } from '../output/output.ts';
import { bytesLine } from '../output/phase.ts';
import {
  calibrationImages,
  calibrationText,
  calibrationValue,
  chosenText,
  chosenValue,
  preparedOn,
} from '../options/prepared.ts';

/**
 * `plan MODEL --data D`: the protocol's steps with scales, windows and predicted cost. All of it is public.
 */
export function configure(command: Command, act: Act): void {
  const described = command.argument('<model>', modelHelp).option('--data <data>', calibrationHelp);
  const priced = compileFlags(described)
    .option(
      '--price-per-gb <money>',
      'price of 10^9 bytes on the wire; prints the money of an inference',
      price,
    )
    .option(
      '--price-per-cpu-hour <money>',
      'price of an hour of one core, of either party; prints the money of an inference',
      price,
    )
    .option('--memory <size>', `each party's ${memoryHelp}`, byteSize)
    .addOption(transfersOption());
  describeFlags(priced).action(act(run));
  examples(command, [
    'reluctant plan zoo:fashion-resnet8 --data fashion-mnist-part',
    ['only the hash of the plan', 'reluctant plan reduced.onnx --data fashion-mnist-part --json | jq .hash'],
    [
      'for answers that tell the label alone',
      'reluctant plan reduced.onnx --data fashion-mnist-part --answer label',
    ],
    [
      "the fewest bytes with which 99 % of answers have the model's label",
      'reluctant plan reduced.onnx --data fashion-mnist-part --agreement 0.99',
    ],
    [
      'cheaper and less exact',
      'reluctant plan reduced.onnx --data fashion-mnist-part --precision 10 --k 12 --mode negPass',
    ],
  ]);
}

type Options = CompileFlags &
  DescribeFlags & {
    readonly data?: string;
    readonly transfers?: TransferMode;
    readonly memory?: number;
    readonly pricePerGb?: number;
    readonly pricePerCpuHour?: number;
  };

async function run(context: Context, name: string, options: Options) {
  const data = calibrationData(name, options.data);
  const known = await knownMachine();
  const train = await calibrationImages(name, data, options);
  const wanted = await compileOptionsOf(options);
  const prepared = await preparedOn(train, name, data, context, wanted, options);
  const { plan, chosen } = prepared;
  const compileOptions = { ...wanted, ...chosen?.bits };
  const agreement = await labelAgreement(prepared, calibrationOf(train), context);
  if (agreement.agree < leastAgreement * agreement.images) context.warn(`${name}: ${tooFew(agreement)}`);
  const mode = options.transfers ?? 'auto';
  const { weightBytes } = serverCaches(options.memory, predictedThreads);
  const prediction = predictCost(plan, settingsFor(plan, { mode }));
  const predicted = profileNames.map((name) =>
    predictLatency(plan, profiles[name], known.costs, { mode, weightBytes }),
  );
  const steps = plan.steps.map((step, i) => publicStep(plan, step, prediction.steps[i]!));
  const hash = planHash(plan);
  const memory = predictMemory(plan, { threads: predictedThreads, ...defined({ memory: options.memory }) });
  const money = moneyOf(predicted[0]!, options);
  const answers = bothAnswers(prepared, compileOptions);
  const { session, offline, online, rounds } = prediction;
  return {
    value: {
      ...{ hash, calibration: calibrationValue(data, prepared), steps, session, offline, online, rounds },
      ...{ answer: plan.output.answer, answers },
      ...{ agreement: { ...agreement, atLeast: leastShare(agreement.agree, agreement.images) } },
      ...{ chosenBits: chosen === undefined ? null : chosenValue(chosen), predicted, memory, money },
      ...{ transfers: transferChoices(plan, mode), machine: machineValue(known) },
    },
    text:
      `${describe(steps, prediction, hash)}\n` +
      `calibrated on      ${calibrationText(data, prepared)}\n` +
      `peak memory        ${memoryText(memory)}\n` +
      (money === null
        ? ''
        : `money per image    ${money.toPrecision(3)}, by predicted bytes and processor time\n`) +
      (chosen === undefined ? '' : `chosen bits        ${chosenText(chosen)}\n`) +
      `expected agreement ${agreementText(agreement)}\n\n` +
      `${answersTable(answers, plan)}\n\n` +
      `${predictedTable(predicted)}\npredicted for ${describeMachine(known)}\n\n` +
      transferTable(plan, mode),
  };
}

/** Of each party. */
const predictedThreads = 2;

/** Money for an inference, offline and online; null if no price is given, and a price left out is 0. */
function moneyOf({ offline, online }: Latency, { pricePerGb, pricePerCpuHour }: Options): number | null {
  if (pricePerGb === undefined && pricePerCpuHour === undefined) return null;
  return priceOf([offline, online], { perGb: pricePerGb ?? 0, perCpuHour: pricePerCpuHour ?? 0 });
}

function memoryText({ client_bytes, server_bytes }: Memory): string {
  const each = `predicted for ${predictedThreads} threads each`;
  return `server ${format.bytes(server_bytes)}, client ${format.bytes(client_bytes)}, ${each}`;
}

type AnswerCost = ReturnType<typeof answerCost>;

function answerCost(plan: Plan) {
  const { rounds, offline, online } = predictCost(plan);
  return { ...answerValue(plan), rounds, offline, online };
}

/** What logits cost, and what the label alone, if the number of classes allows it. */
function bothAnswers(prepared: Prepared, options: Partial<CompileOptions>): AnswerCost[] {
  return answerKinds.flatMap((answer) => {
    try {
      return [answerCost(replanned(prepared, { ...options, answer }))];
    } catch (error) {
      if (error instanceof PlanError) return [];
      throw error;
    }
  });
}

function answersTable(answers: readonly AnswerCost[], { output }: Plan): string {
  const total = ({ bytes_up, bytes_down }: Bytes) => format.bytes(bytes_up + bytes_down);
  const rows = answers.map(({ answer, answerBits, rounds, offline, online }) => [
    answer === output.answer ? `${answer}: this plan` : `${answer}: --answer ${answer}`,
    format.count(answerBits),
    rounds,
    total(offline),
    total(online),
  ]);
  const columns = [
    { title: 'answer', align: 'left' },
    { title: 'bits opened' },
    { title: 'round trips' },
    { title: 'offline' },
    { title: 'online' },
  ] as const;
  return table(columns, rows);
}

/** '254 of 256 labels are the model's (99.2 %), simulated on calibration images: at least 97.6 % ...' */
function agreementText({ images, agree }: Agreement): string {
  const [share, least] = [agree / images, leastShare(agree, images)].map(format.percent);
  return (
    `${format.count(agree)} of ${format.count(images)} labels are the model's (${share}), simulated on calibration ` +
    `images: at least ${least} of all such images with ${format.percent(confidence)} confidence`
  );
}

function tooFew({ images, agree }: Agreement): string {
  return (
    `private labels are the model's for ${format.count(agree)} of ${format.count(images)} calibration images ` +
    `(${format.percent(agree / images)}), less than ${format.percent(leastAgreement)}: ` +
    'raise --activation-bits or --weight-bits, or let sign tests skip fewer bits (--k)'
  );
}

type PublicStep = ReturnType<typeof publicStep>;

function publicStep(plan: Plan, step: Step, { offline, online, products, elements }: StepPrediction) {
  const { shape, scale, bits } = wireOf(plan, step.output);
  const window = step.kind === 'activation' && elements.relu > 0 ? windowOf(step.spec.relu) : null;
  const head = { step: step.id, node: step.node, kind: step.kind };
  return { ...head, outputShape: shape, scale, bits, window, elements, products, offline, online };
}

/** The sign test looks at bits k to `bits`; bit 0 is the lowest. */
function windowOf({ k, bits, truncate, mode }: { k: number; bits: number; truncate: number; mode: string }) {
  return { k, bits, truncate, mode };
}

function describe(
  steps: readonly PublicStep[],
  { session, offline, online, rounds }: Prediction,
  hash: string,
) {
  const both = (bytes: { bytes_up: number; bytes_down: number }) =>
    bytes.bytes_up + bytes.bytes_down === 0 ? '' : format.bytes(bytes.bytes_up + bytes.bytes_down);
  const rows = steps.map(({ step, node, kind, outputShape, scale, window, elements, ...cost }) => [
    step,
    node,
    kind,
    format.shape(outputShape),
    format.scale(scale),
    elements.relu === 0 ? '' : format.count(elements.relu),
    window === null ? '' : `${window.k} to ${window.bits}`,
    both(cost.offline),
    both(cost.online),
  ]);
  const columns = [
    { title: 'step' },
    { title: 'node', align: 'left' },
    { title: 'kind', align: 'left' },
    { title: 'output' },
    { title: 'scale' },
    { title: 'ReLUs' },
    { title: 'bits tested' },
    { title: 'offline' },
    { title: 'online' },
  ] as const;
  return (
    `${table(columns, rows)}\n\n` +
    `per session        ${bytesLine(session)}\n` +
    `per image, offline ${bytesLine(offline)}\n` +
    `per image, online  ${bytesLine(online)}, ${rounds} round trips\n` +
    `plan hash          ${hash}`
  );
}

/** Predicted seconds per image on each network, with both parties on one machine. */
function predictedTable(predicted: readonly Latency[]): string {
  const rows = predicted.map(({ profile, offline, online }) => [
    `${profile}: ${describeProfile(profiles[profile as ProfileName])}`,
    format.duration(offline.seconds),
    format.duration(online.seconds),
  ]);
  const columns = [
    { title: 'predicted seconds', align: 'left' },
    { title: 'offline' },
    { title: 'online' },
  ] as const;
  return table(columns, rows);
}
