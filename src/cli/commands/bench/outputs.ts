import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import { describeProfile } from '../../../../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import * as format from '../../../shared/format.ts';
import { describeMachine, machineValue } from '../../options/machine.ts';
import { answerWords } from '../../output/answer-words.ts';
import { table } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';
import { phaseLine } from '../../output/phase.ts';
import { shapedByWords } from './network.ts';
import type { BenchPrediction } from './prediction.ts';
import type { ModelBench, RunSeconds } from './two-processes.ts';

/** The output of `bench model` for one network profile. */
export function modelOutput(found: ModelBench): Output {
  const { offline, online, predicted, profile, shapedBy } = found;
  const { machine, ...figures } = predicted;
  const rounds = `${online.rounds} round trips`;
  return {
    value: {
      ...found,
      profile: profileValue(profile),
      predicted: { ...figures, machine: machineValue(machine) },
    },
    text:
      `${format.count(found.relus)} ReLUs, ${format.count(found.products)} homomorphic products, two processes\n` +
      `plan     ${found.planHash}\n         calibrated on ${scalesOf(found)}\n` +
      `answer   ${answerWords(found)}\n` +
      `network  ${profile.name}: ${describeProfile(profile)}, ${shapedByWords[shapedBy]}\n` +
      `offline  ${phaseLine(offline)} ${cpu(offline)}${predictedLine(predicted, 'offline')}\n` +
      `online   ${phaseLine(online)}, ${rounds} ${cpu(online)}${predictedLine(predicted, 'online')}\n` +
      `${runsLines(found)}memory   peak: client ${found.client_rss_mb} MB, server ${found.server_rss_mb} MB\n` +
      `predicted for ${describeMachine(machine)}`,
  };
}

function scalesOf({ calibratedOn }: ModelBench): string {
  return calibratedOn === 'noise'
    ? 'noise, because the weights are random'
    : `training images of ${calibratedOn}`;
}

/** The runs and their median; empty for one run, which is shown above. */
function runsLines({ runs, median }: Pick<ModelBench, 'runs' | 'median'>): string {
  if (runs.length === 1) return '';
  const text = ({ offline_seconds, online_seconds }: RunSeconds) =>
    `${format.duration(offline_seconds)} offline, ${format.duration(online_seconds)} online`;
  const each = runs.map((run, i) => `         ${i + 1}: ${text(run)}`).join('\n');
  const which = median.runs === 1 ? `run ${runs.length}` : `the median of runs 2 to ${runs.length}`;
  return (
    `runs     ${runs.length}; the last is above, the first also transforms the weights\n${each}\n` +
    `median   ${text(median)}: ${which}\n`
  );
}

/** A profile for --json; the rate is null if there is no limit. */
export function profileValue({ name, bitsPerSecond, roundTripSeconds }: NetworkProfile) {
  return { name, bitsPerSecond: bitsPerSecond === Infinity ? null : bitsPerSecond, roundTripSeconds };
}

function cpu(phase: ModelBench['offline']): string {
  const [client, server] = [phase.client_cpu_seconds, phase.server_cpu_seconds].map(format.duration);
  return `(processor time: client ${client!}, server ${server!})`;
}

function predictedLine(predicted: BenchPrediction, phase: 'offline' | 'online'): string {
  const { seconds, client_cpu_seconds, server_cpu_seconds } = predicted[phase];
  const processors = `client ${format.duration(client_cpu_seconds)}, server ${format.duration(server_cpu_seconds)}`;
  return `\n         predicted ${format.duration(seconds)}, ${predicted.ratio[phase]} of the measured time (processor time: ${processors})`;
}

/** The output of `bench machine`. `file`: where the costs are kept; undefined if that failed. */
export function machineOutput({
  costs,
  file,
}: {
  readonly costs: MachineCosts;
  readonly file: string | undefined;
}): Output {
  const { linear, transfers, ring, transport } = costs;
  const units: [string, number][] = [
    ['encrypt an input ciphertext', linear.encryptInput],
    ['read and transform an input ciphertext', linear.readInput],
    ['multiply a ciphertext by a weight', linear.product],
    ['transform a weight', linear.transformWeight],
    ['finish an output ciphertext', linear.respondOutput],
    ['decrypt an output ciphertext', linear.decryptOutput],
    ['draw and check a silent transfer, chooser', transfers.silent.chooser],
    ['draw and check a silent transfer, offerer', transfers.silent.offerer],
    ['draw and check one of SoftSpokenOT, chooser', transfers.softspoken.chooser],
    ['draw and check one of SoftSpokenOT, offerer', transfers.softspoken.offerer],
    ['multiply in the ring', ring.multiplication],
    ['send a byte up', transport.byteUp],
    ['send a byte down', transport.byteDown],
    ['send a message', transport.message],
  ];
  const rows = units.map(([unit, seconds]) => [unit, nanoseconds(seconds)]);
  return {
    value: { ...costs, file: file ?? null },
    text:
      `${costs.machine}, ${costs.cores} cores; processor time of one thread\n\n` +
      `${table([{ title: 'unit of work', align: 'left' }, { title: 'time' }], rows)}` +
      (file === undefined ? '' : `\n\nPredictions use these costs from now on; they are in ${file}.`),
  };
}

/** The smallest units take a twentieth of a nanosecond. */
function nanoseconds(seconds: number): string {
  return seconds >= 1e-6 ? format.duration(seconds) : `${(1e9 * seconds).toPrecision(3)} ns`;
}
