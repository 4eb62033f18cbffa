import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { loadDataset, pixels } from '../../models/data/dataset.ts';
import { loadModel } from '../../models/files/read.ts';
import { argmax } from '../../models/tensor.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictMemory } from '../../pipelines/cost/memory.ts';
import type { Memory } from '../../pipelines/cost/memory.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import { cliJson } from '../helpers/processes/cli.ts';

/**
 * `npm run test:real-size`: networks of ImageNet's size with random weights, as PyTorch exports them. For
 * each: what `bench model` measures between two processes on loopback, the memory that `plan` forecasts beside
 * its peaks, and one private answer held against onnxruntime on the original file, within the compiler's
 * bound and a tenth of what the logits spread over. Ends with 1 where an answer is outside of either.
 * It measures time, and never judges by it: the figures aimed at stand beside. --only NAME runs
 * one network, --runs N takes the median of the inferences after the first (default: 1 inference).
 */
const folder = join(import.meta.dirname, '../../runs/real-size');

type Wanted = { readonly seconds: string; readonly megabytes: number; readonly memory: number };

/** Asked of 2 quiet cores, both parties on them: seconds, MB in all, MB of memory of the larger party. */
const networks: Readonly<Record<string, Wanted | undefined>> = {
  resnet18: { seconds: '15 offline, 2 online', megabytes: 700, memory: 2000 },
  mobilenet_v2: undefined,
  squeezenet1_0: { seconds: '20 in all', megabytes: 900, memory: 2500 },
  resnet50: { seconds: '70 in all', megabytes: 3000, memory: 4000 },
};

const howToGet = `${folder} holds no networks. They take 170 MB and come from PyTorch, e.g. on Debian 12:
  apt-get install python3-torch python3-torchvision python3-onnx
  /usr/bin/python3 tests/fixtures/torchvision/export.py real runs/real-size`;

type Phase = {
  readonly seconds: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
  readonly client_cpu_seconds: number;
  readonly server_cpu_seconds: number;
};
type Bench = {
  readonly relus: number;
  readonly offline: Phase;
  readonly online: Phase & { readonly rounds: number };
  readonly client_rss_mb: number;
  readonly server_rss_mb: number;
  readonly median: { readonly offline_seconds: number; readonly online_seconds: number };
};

function describe(bench: Bench, wanted: Wanted | undefined): string {
  const { offline, online, median } = bench;
  const cpu = (phase: Phase) => (phase.client_cpu_seconds + phase.server_cpu_seconds).toFixed(1);
  const bytes = (phase: Phase) => (phase.bytes_up + phase.bytes_down) / 1e6;
  const seconds = (phase: Phase, wall: number) => `${wall.toFixed(1)} s (${cpu(phase)} s of processor)`;
  return [
    `  ${bench.relus} ReLUs, ${online.rounds} round trips`,
    `  offline ${seconds(offline, median.offline_seconds)}, ${bytes(offline).toFixed(0)} MB`,
    `  online  ${seconds(online, median.online_seconds)}, ${bytes(online).toFixed(0)} MB`,
    `  memory  server ${bench.server_rss_mb} MB, client ${bench.client_rss_mb} MB`,
    ...(wanted === undefined
      ? []
      : [`  asked   ${wanted.seconds} s; ${wanted.megabytes} MB; ${wanted.memory} MB of memory`]),
  ].join('\n');
}

/** The forecast of `plan` for the threads that `bench model` takes, and its parts of the measured peaks. */
function forecastLine({ client_bytes, server_bytes }: Memory, bench: Bench): string {
  const party = (name: string, forecast: number, measured: number) =>
    `${name} ${(forecast / 1e6).toFixed(0)} MB (${(forecast / 1e6 / measured).toFixed(2)} of the peak)`;
  const server = party('server', server_bytes, bench.server_rss_mb);
  return `  forecast ${server}, ${party('client', client_bytes, bench.client_rss_mb)}`;
}

async function clearLogits(file: string, image: Float32Array, shape: readonly number[]) {
  const session = await InferenceSession.create(file, { logSeverityLevel: 3 });
  const results = await session.run({
    [session.inputNames[0]!]: new Tensor('float32', image, [1, ...shape]),
  });
  await session.release();
  return results[session.outputNames[0]!]!.data as Float32Array;
}

/** A private answer beside the file's own: the largest difference of a logit, and what the compiler allows. */
async function answered(file: string, test: Dataset, prepared: Prepared) {
  const server = await startServer({ plan: prepared.plan, weights: prepared.weights, port: 0 });
  try {
    const session = await connect(server.url);
    const image = pixels(test, [0]);
    const { logits } = await session.infer(image);
    await session.close();
    const clear = await clearLogits(file, image, test.shape);
    const difference = clear.reduce((worst, y, i) => Math.max(worst, Math.abs(y - logits![i]!)), 0);
    const spread = Math.max(...clear) - Math.min(...clear);
    const bound = logitErrorBound(prepared).likely;
    return { difference, bound, spread, sameLabel: argmax(logits!) === argmax(clear) };
  } finally {
    await server.close();
  }
}

async function check(name: string, runs: string): Promise<boolean> {
  const [file, data] = [join(folder, `${name}.onnx`), `npz:${join(folder, `${name}.npz`)}`];
  const bench = await cliJson<Bench>(['bench', 'model', file, '--data', data, '--runs', runs]);
  process.stdout.write(`${name}\n${describe(bench, networks[name])}\n`);
  const prepared = await prepare(await loadModel(file), { calibration: await loadDataset(data, 'train') });
  process.stdout.write(
    `${forecastLine(predictMemory(prepared.plan, { threads: availableParallelism() }), bench)}\n`,
  );
  const test = await loadDataset(data, 'test');
  const { difference, bound, spread, sameLabel } = await answered(file, test, prepared);
  // The bound of a MobileNetV2 is larger than what its logits spread over: averages do not reduce it.
  const passed = difference <= Math.min(bound, spread / 10);
  process.stdout.write(
    `  answer  ${passed ? 'passed' : 'FAILED'}: a logit differs by ${difference.toPrecision(2)} at most, ` +
      `the compiler's bound is ${bound.toPrecision(2)}, the logits spread over ${spread.toPrecision(2)}, ` +
      `${sameLabel ? 'the same' : 'another'} label\n`,
  );
  return passed;
}

const { values } = parseArgs({
  options: { only: { type: 'string' }, runs: { type: 'string', default: '1' } },
});
const there = Object.keys(networks).filter((name) => existsSync(join(folder, `${name}.onnx`)));
const chosen = there.filter((name) => values.only === undefined || values.only === name);
if (chosen.length === 0) console.log(`test:real-size skipped: ${howToGet}`);
for (const name of chosen) {
  if (!(await check(name, values.runs))) process.exitCode = 1;
}
