import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { blockBytes, blockStep, defaultDepth } from '../../../../../crypto/ot/blocks.ts';
import { loadDataset } from '../../../../../models/data/dataset.ts';
import { defaultMachine } from '../../../../../pipelines/cost/default-machine.ts';
import { commandOf } from '../../../../../src/cli/commands/pareto/command-of.ts';
import { quoted } from '../../../../../src/cli/output/quoted.ts';
import { hashOfData, runJob, sha256Hex } from '../../../../../src/cli/commands/pareto/run-job.ts';
import { DataError, ModelError } from '../../../../../src/shared/errors.ts';
import { silent } from '../../../../../src/shared/progress.ts';
import type { ProgressEvent, TrainingProgress } from '../../../../../src/shared/progress.ts';
import {
  cli,
  cliJson,
  finished,
  startCli,
  stoppingChild,
  untilStopped,
} from '../../../../helpers/processes/cli.ts';
import { writeUntrained } from '../../../../helpers/networks/networks.ts';
import { circaSetting, sampleSpec } from '../../../../pipelines/pareto/sample.ts';
import { sweepFolder } from './sweep-folder.ts';

const { folder, out, model, data, sweepArgs, runs } = await sweepFolder();

async function until(holds: () => boolean): Promise<void> {
  while (!existsSync(join(out, 'runs.sqlite')) || !holds()) await setTimeout(20);
}

/** The process of the job that runs (Linux). */
function jobOf(sweep: ChildProcess): number | undefined {
  const file = `/proc/${sweep.pid!}/task/${sweep.pid!}/children`;
  return readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number).at(-1);
}

describe('a sweep', () => {
  test('killed with -9 in mid-job goes on where it was; what is done is not done again', async () => {
    const args = sweepArgs('deepreduce+circa', '0.5');
    // The second job stops itself before it tells the sweep anything.
    const nodeOptions = stoppingChild(/job-main/, 2, join(folder, 'jobs-killed'));
    const sweep = startCli(args, { nodeOptions });
    await until(() => runs()[1]?.state === 'running' && jobOf(sweep) !== undefined);
    const job = jobOf(sweep)!;
    await untilStopped(job);
    const gone = once(sweep, 'exit');
    sweep.kill('SIGKILL');
    await gone;
    process.kill(job, 'SIGKILL');
    expect(runs().map(({ state }) => state)).toEqual(['done', 'running']);
    const { code, stdout, stderr } = await cli(args);
    expect(stderr).not.toContain('reluctant:');
    expect(code).toBe(0);
    expect(stdout).not.toMatch(/^original: /m);
    expect(stdout).toMatch(/^deepreduce\+circa 0.5 seed 1: 2,352 ReLUs/m);
    expect(runs().map(({ state, attempts }) => `${state} ${attempts}`)).toEqual(['done 1', 'done 2']);
  });

  test('has measured its front with private inferences: exactly the bytes that the plan says; and does so once', async () => {
    const before = runs();
    const measured = before.filter(({ costs }) => costs.some(({ source }) => source === 'measured'));
    expect(measured.length).toBeGreaterThan(0);
    for (const { costs } of measured) {
      const [real, predicted] = (['measured', 'predicted'] as const).map((wanted) =>
        costs.find(({ source, profile }) => source === wanted && profile === 'loopback')!,
      );
      expect([real!.online, real!.rounds]).toEqual([predicted!.online, predicted!.rounds]);
      // Transfers come in steps of 128 rows; those left over from one inference serve the next.
      const step = blockBytes(blockStep, defaultDepth) - blockBytes(0, defaultDepth);
      for (const way of ['bytes_up', 'bytes_down'] as const) {
        expect([0, step]).toContain(predicted!.offline[way] - real!.offline[way]);
      }
      expect(real!.onlineSeconds).toBeGreaterThan(0);
    }
    expect((await cli(sweepArgs('deepreduce+circa', '0.5'))).code).toBe(0);
    expect(runs()).toEqual(before);
  });

  test('measures its front anew with --measure-again, which --no-measure contradicts', async () => {
    const secondsOf = () =>
      runs().flatMap(({ costs }) =>
        costs.filter(({ source }) => source === 'measured').map(({ offlineSeconds }) => offlineSeconds),
      );
    const before = secondsOf();
    expect((await cli(sweepArgs('deepreduce+circa', '0.5', '--measure-again'))).code).toBe(0);
    const after = secondsOf();
    expect(after.length).toBe(before.length);
    for (const [i, seconds] of after.entries()) expect(seconds).not.toBe(before[i]);
    const { code, stderr } = await cli(
      sweepArgs('deepreduce+circa', '0.5', '--measure-again', '--no-measure'),
    );
    expect(code).toBe(2);
    expect(stderr).toContain('--no-measure');
  });

  test('its command makes the same network again, bit for bit, and evaluates it as the sweep did', async () => {
    const [, run] = runs();
    const { command, onnxHash, privateAccuracy, windows } = run!.result!;
    expect(existsSync(join(out, windows!))).toBe(true);
    const [reduce, evaluate] = command.split(' && ').map((part) => part.split(' ').slice(1));
    const file = join(folder, 'again.onnx');
    expect((await cli([...reduce!.slice(0, -1), file])).code).toBe(0);
    expect(sha256Hex(await readFile(file))).toBe(onnxHash);
    const found = await cliJson<{ private: { accuracy: number } }>(evaluate!);
    // Other shares, other faults: within six standard deviations of 100 images if each answer were a fresh draw.
    expect(Math.abs(found.private.accuracy - privateAccuracy)).toBeLessThan(0.3);
  });

  test('a job that fails or whose process dies stops no other, and is tried again', async () => {
    const args = sweepArgs('deepreduce', '0.4,99999', '--no-measure');
    const nodeOptions = stoppingChild(/job-main/, 1, join(folder, 'jobs-that-die'));
    const sweep = startCli(args, { nodeOptions });
    const ended = finished(sweep);
    await until(() => jobOf(sweep) !== undefined && runs().some(({ state }) => state === 'running'));
    await untilStopped(jobOf(sweep)!);
    process.kill(jobOf(sweep)!, 'SIGKILL');
    const first = await ended;
    expect(first.code).toBe(1);
    expect(first.stdout).toMatch(/^deepreduce 0.4 seed 1: failed: its process ended with SIGKILL/m);
    expect(first.stdout).toMatch(/^failed: deepreduce 99999 seed 1: .*99999/m);
    expect(first.stderr).toContain('2 of 3 jobs');
    const second = await cli(args);
    expect(second.code).toBe(1);
    expect(second.stdout).toMatch(/^deepreduce 0.4 seed 1: 1,881 ReLUs/m);
    expect(second.stderr).toContain('1 of 3 jobs');
  });
});

describe('pareto show', () => {
  test('prints the table, as text, markdown, CSV and JSON', async () => {
    const show = ['pareto', 'show', out, '--profile', 'lan'];
    const [text, markdown, csv] = await Promise.all(
      [[], ['--markdown'], ['--csv']].map(async (format) => (await cli([...show, ...format])).stdout),
    );
    expect(text).toMatch(/deepreduce\+circa +0\.5 +1 +2,352/);
    expect(text).toMatch(/failed: deepreduce 99999 seed 1/);
    expect(markdown).toContain('(100 test images); epochs of fine-tuning: 1.');
    expect(markdown).toMatch(/^\| method \| budget \| seeds \|.*online, lan/m);
    expect(markdown).toMatch(/^\| deepreduce\+circa \| 0\.5 \| 1 \| 2,352 \|/m);
    const lines = csv!.trim().split('\n');
    expect(lines).toHaveLength(4);
    const unquoted = lines.map((line) => line.replaceAll(/"[^"]*"/g, ''));
    expect(new Set(unquoted.map((line) => line.split(',').length)).size).toBe(1);
    expect(lines[0]).toContain('online_seconds_predicted_lan');
    const document = await cliJson<{ points: { method: string; runs: unknown[] }[]; not_done: unknown[] }>(
      show,
    );
    expect(document.points.map(({ method }) => method)).toEqual([
      'original',
      'deepreduce',
      'deepreduce+circa',
    ]);
    expect(document.not_done).toMatchObject([{ budget: '99999', state: 'failed' }]);
  });

  test('--report writes the page again', async () => {
    await rm(join(out, 'report.html'));
    expect((await cli(['pareto', 'show', out, '--report'])).code).toBe(0);
    expect(await readFile(join(out, 'report.html'), 'utf8')).toContain('deepreduce+circa at 0.5');
  });

  test('a folder without a sweep is a usage error', async () => {
    const { code, stderr } = await cli(['pareto', 'show', folder]);
    expect(code).toBe(2);
    expect(stderr).toContain('runs.sqlite');
  });
});

test('a job that fails after its trainings trains nothing again', async () => {
  const own = join(folder, 'full');
  const spec = {
    ...sampleSpec({ data, epochs: 1, searchEpochs: null }),
    networkHash: sha256Hex(await readFile(model)),
    dataHash: hashOfData(await loadDataset(data, 'train'), await loadDataset(data, 'test')),
  };
  const where = { spec, modelFile: model, folder: own, costs: defaultMachine, threads: 1 };
  const trained = async () => {
    const epochs: TrainingProgress[] = [];
    const onProgress = ({ training }: ProgressEvent) => void (training && epochs.push(training));
    const how = { device: 'cpu', engine: 'onnxruntime', say: () => undefined, onProgress } as const;
    const outcome = await runJob({ ...where, ...how }).catch((error: unknown) => error);
    return { outcome, epochs };
  };
  await mkdir(own);
  await writeFile(join(own, 'networks'), 'in the way of the folder');
  const first = await trained();
  expect(first.outcome).toBeInstanceOf(Error);
  expect(first.epochs).not.toEqual([]);
  await rm(join(own, 'networks'));
  const second = await trained();
  expect(second.outcome).toMatchObject({ n: expect.any(Number) as number });
  expect(second.epochs).toEqual([]);
  expect(await readdir(join(own, 'unfinished'))).toEqual([]);
});

describe('before any work', () => {
  test('an unknown method, and data of other sizes, are refused', async () => {
    const unknown = await cli(sweepArgs('snail', '0.5'));
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain("'snail' is not known");
    const other = await cli([
      'pareto',
      'zoo:fashion-resnet8',
      ...sweepArgs('deepreduce', '0.5').slice(2),
      '--data',
      'npz:/none',
    ]);
    expect(other.code).toBe(4);
  });

  test('another network in the folder of a sweep is refused', async () => {
    const { code, stderr } = await cli(
      sweepArgs('deepreduce', '0.5').with(1, await writeUntrained(folder, 1)),
    );
    expect(code).toBe(2);
    expect(stderr).toContain('holds runs of another network');
  });

  test('a job refuses another network, and other data, than those of the sweep', async () => {
    const spec = { ...sampleSpec({ data }), networkHash: sha256Hex(await readFile(model)) };
    const say = () => undefined;
    const work = { modelFile: model, folder, costs: defaultMachine, threads: 1, onProgress: silent, say };
    const how = { device: 'cpu', engine: 'onnxruntime' } as const;
    await expect(runJob({ ...work, ...how, spec: sampleSpec({ data }) })).rejects.toThrow(ModelError);
    await expect(runJob({ ...work, ...how, spec })).rejects.toThrow(DataError);
  });

  test('the command of a point is what a shell takes', () => {
    const spec = sampleSpec({ network: 'my net.onnx', data: "it's", circa: circaSetting, replace: 'affine' });
    const versions = { engine: 'onnxruntime', device: 'cuda', threads: '2' };
    expect(commandOf(spec, 'a/b.onnx', { versions, bits: null })).toBe(
      "reluctant reduce 'my net.onnx' --method deepreduce --budget 0.5 --replace affine --data 'it'\\''s' --epochs 2 --seed 1 " +
        "--device cuda --threads 2 --out a/b.onnx && reluctant evaluate a/b.onnx --data 'it'\\''s' --private --circa a/b.windows.json",
    );
    expect(quoted('$(x)')).toBe("'$(x)'");
  });
});
