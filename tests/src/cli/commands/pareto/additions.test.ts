import { readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultMachine } from '../../../../../pipelines/cost/default-machine.ts';
import { jobId } from '../../../../../pipelines/pareto/job.ts';
import { RunStore } from '../../../../../pipelines/pareto/store.ts';
import { commandOf } from '../../../../../src/cli/commands/pareto/command-of.ts';
import { queueId, readQueuedJob } from '../../../../../src/cli/commands/pareto/queue-messages.ts';
import { networkName, sha256Hex } from '../../../../../src/cli/commands/pareto/run-job.ts';
import { ReluctantError } from '../../../../../src/shared/errors.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { circaSetting, sampleSpec } from '../../../../pipelines/pareto/sample.ts';
import { sweepFolder } from './sweep-folder.ts';

const { folder, out, model, data } = await sweepFolder();
/** Anything that a command says of itself, but that this network, which is not trained, is near chance. */
const allButNearChance = /reluctant: (?!warning: .* is near chance)/;

function sweepArgs(methods: string, ...more: readonly string[]): string[] {
  const grid = ['--methods', methods, '--budgets', '0.5', '--epochs', '1', '--no-measure'];
  return ['pareto', model, '--data', data, ...grid, '--out', out, ...more];
}

type Points = { readonly points: readonly { readonly method: string; readonly id: string }[] };

describe('a sweep of methods with additions', () => {
  test('has a series for each, in tables, pictures and names of files', async () => {
    const methods = 'snl,snl+channel+affine,deepreduce+none+range-loss=0.001';
    const { points } = await cliJson<Points>(sweepArgs(methods, '--search-epochs', '1'));
    expect(points.map(({ method }) => method)).toEqual([
      'original',
      'deepreduce+none+range-loss=0.001',
      'snl',
      'snl+channel+affine',
    ]);
    const page = await readFile(join(out, 'report.html'), 'utf8');
    const front = await readFile(join(out, 'front-relus.svg'), 'utf8');
    for (const { method } of points) {
      expect(page).toContain(`</svg>${method}</li>`);
      expect(front).toContain(`>${method}</text>`);
    }
    using store = new RunStore(join(out, 'runs.sqlite'));
    const files = store.runs().map(({ result }) => result!.onnx.replace(/-[0-9a-f]{8}\.onnx$/, ''));
    expect(files).toContain('networks/snl-channel-affine-0.5-seed1');
  });

  test('has commands that make the same networks again, bit for bit', async () => {
    using store = new RunStore(join(out, 'runs.sqlite'));
    const runs = store.runs().filter(({ spec }) => spec.replace !== null);
    expect(runs).toHaveLength(2);
    for (const { result } of runs) {
      const [reduce] = result!.command.split(' && ').map((part) => part.split(' ').slice(1));
      const file = join(folder, 'again.onnx');
      expect((await cli([...reduce!.slice(0, -1), file])).stderr).not.toMatch(allButNearChance);
      expect(sha256Hex(readFileSync(file))).toBe(result!.onnxHash);
    }
  });

  test('goes on without doing again what --replace asked for in other words', async () => {
    const again = sweepArgs('snl+channel', '--search-epochs', '1', '--replace', 'affine');
    const { points } = await cliJson<Points>(again);
    expect(points.map(({ method }) => method)).toEqual(['original', 'snl+channel+affine']);
    using store = new RunStore(join(out, 'runs.sqlite'));
    expect(store.runs().map(({ attempts }) => attempts)).toEqual([1, 1, 1, 1]);
  });

  test("trains deepreshape's network once for all budgets, and each as its command does alone", async () => {
    const own = join(folder, 'reshaped');
    const args = sweepArgs('deepreshape', '--pretrain-epochs', '1', '--jobs', '2');
    const grid = [...args.with(args.indexOf('0.5'), '800,400'), '--out', own];
    expect((await cli(grid)).stderr).not.toMatch(allButNearChance);
    const bases = readdirSync(join(own, 'bases')).filter((name) => name.endsWith('.checkpoint'));
    expect(bases).toHaveLength(1);
    using store = new RunStore(join(own, 'runs.sqlite'));
    for (const { result } of store.runs().slice(1)) {
      expect(result!.command).toContain('--epochs 1 --pretrain-epochs 1 --seed 1');
      const [reduce] = result!.command.split(' && ').map((part) => part.split(' ').slice(1));
      const file = join(folder, 'alone.onnx');
      await cli([...reduce!.slice(0, -1), file]);
      expect(sha256Hex(readFileSync(file))).toBe(result!.onnxHash);
    }
  }, 300_000);

  test.each([
    ['snl+cubic', /'\+cubic' is not known/],
    ['snl+none+affine', /expected at most one of \+none/],
    [
      'deepreduce+channel',
      /option granularity: deepreduce does not take it; snl, autorep, taylor and deepreshape do/,
    ],
  ])("'%s' is a usage error", async (methods, message) => {
    const { code, stderr } = await cli(sweepArgs(methods));
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('epochs of deepreshape without it are a usage error', async () => {
    const { code, stderr } = await cli(sweepArgs('snl', '--pretrain-epochs', '3'));
    expect(code).toBe(2);
    expect(stderr).toContain('option pretrain-epochs: snl does not take it; deepreshape does');
  });
});

test('a command names what was asked for, and nothing that its method does not take', () => {
  const outcome = { versions: {}, bits: null };
  const all = sampleSpec({
    ...{ method: 'deepreshape', granularity: 'channel', replace: 'quadratic' },
    ...{ searchEpochs: 3, pretrainEpochs: 7 },
  });
  expect(commandOf(all, 'a.onnx', outcome)).toContain(
    '--budget 0.5 --replace quadratic --granularity channel --data bars --epochs 2 --search-epochs 3 --pretrain-epochs 7 --seed 1',
  );
  const weights = { featureLoss: 1000, rangeLoss: 0.001 };
  const ranked = sampleSpec({ method: 'autorep', ranking: 'taylor', ...weights });
  expect(commandOf(ranked, 'a.onnx', outcome)).toContain(
    '--budget 0.5 --ranking taylor --feature-loss 1000 --range-loss 0.001 --data bars',
  );
  expect(commandOf(sampleSpec({ searchEpochs: 3 }), 'a.onnx', outcome)).not.toContain('--search-epochs');
});

describe('a job on the queue', () => {
  const spec = sampleSpec({
    method: 'autorep',
    granularity: 'channel',
    replace: 'none',
    agreement: 0.99,
    circa: circaSetting,
  });
  const message = { spec, costs: defaultMachine, version: '1.2.3' };
  const id = queueId(jobId(spec));
  const sent = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

  test('arrives as it was sent, additions included, and makes the file that the sweep waits for', () => {
    const arrived = readQueuedJob(id, sent(message), '1.2.3');
    expect(arrived).toEqual(message);
    expect(networkName(arrived.spec)).toMatch(
      /^networks\/autorep-channel-none-agreement-0.99-circa-0.5-seed1-/,
    );
  });

  test.each([
    [
      'of another version',
      { ...message, version: '1.2.4' },
      /runs reluctant 1\.2\.4, but this worker runs 1\.2\.3/,
    ],
    ['that is none', 'run', /reluctant of an unknown version/],
    ['with a setting that is not known', { ...message, spec: { ...spec, depth: 3 } }, /depth/],
    ['with a weight that is none', { ...message, spec: { ...spec, rangeLoss: -1 } }, /rangeLoss/],
    ['with an agreement that is none', { ...message, spec: { ...spec, agreement: 1 } }, /agreement/],
    ['with a ranking that is none', { ...message, spec: { ...spec, ranking: 'size' } }, /ranking/],
    ['without a setting', { ...message, spec: { ...spec, granularity: undefined } }, /granularity/],
    ['with a replacement that is none', { ...message, spec: { ...spec, replace: 'cubic' } }, /replace/],
    [
      'whose settings are not those of its id',
      { ...message, spec: { ...spec, replace: null } },
      /its id differs/,
    ],
  ])('%s is refused', (_, value, error) => {
    const reading = () => readQueuedJob(id, sent(value), '1.2.3');
    expect(reading).toThrow(ReluctantError);
    expect(reading).toThrow(error);
  });
});
