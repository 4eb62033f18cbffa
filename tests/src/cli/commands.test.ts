import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadDataset } from '../../../models/data/dataset.ts';
import { inspect } from '../../../models/analysis/inspect.ts';
import { loadModel } from '../../../models/files/read.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { packageRoot } from '../../../src/shared/files.ts';
import { cli, cliJson, cliProcess, finished, startCli } from '../../helpers/processes/cli.ts';
import { writeSmallData } from '../../helpers/data/data.ts';
import { rawModel } from '../../helpers/networks/onnx.ts';
import { writeUnsupported, writeUntrained } from '../../helpers/networks/networks.ts';

let folder: string;
let model: string;
let other: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-cli-'));
  [model, other] = await Promise.all([writeUntrained(folder, 1), writeUntrained(folder, 2)]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** One line on stderr that begins with the program's name, nothing on stdout. */
function expectFailure(
  result: { code: number | null; stdout: string; stderr: string },
  code: number,
  says: RegExp,
): void {
  expect(result.stderr).toMatch(/^reluctant: [^\n]+\n$/);
  expect(result.stderr).toMatch(says);
  expect(result.stdout).toBe('');
  expect(result.code).toBe(code);
}

type Inspected = {
  relus: number;
  macs: number;
  params: number;
  layers: { name: string; op: string; output_shape: number[]; relus: number; macs: number }[];
  unsupported: { name: string; op: string; reason: string }[];
  not_private: { name: string; op: string; reason: string }[];
  uses: { read: boolean; train: boolean; private: boolean };
};

describe('inspect', () => {
  test('counts ReLUs as by hand: 16 x 28 x 28 three times, 32 x 14 x 14 and 64 x 7 x 7 twice', async () => {
    const found = await cliJson<Inspected>(['inspect', model]);
    expect(found.relus).toBe(3 * 16 * 784 + 2 * 32 * 196 + 2 * 64 * 49);
    expect(found.layers.reduce((sum, layer) => sum + layer.relus, 0)).toBe(found.relus);
    expect(found.layers.reduce((sum, layer) => sum + layer.macs, 0)).toBe(found.macs);
    expect(found.unsupported).toEqual([]);
    expect(found).toMatchObject(JSON.parse(JSON.stringify(inspect(await loadModel(model)))) as object);
    expect(found.uses).toEqual({ read: true, train: true, private: true });
  });

  test('names every unsupported node with its reason', async () => {
    const { stdout, stderr, code } = await cli(['inspect', await writeUnsupported(folder), '--json']);
    expect(code).toBe(3);
    expect(stderr).toMatch(/cannot be used: 2 nodes are not supported/);
    const found = JSON.parse(stdout) as Inspected;
    expect(found.uses).toEqual({ read: false, train: false, private: false });
    expect(found.unsupported.map(({ name, op }) => [name, op])).toEqual([
      ['squash', 'Softsign'],
      ['wave', 'Sin'],
    ]);
    for (const { reason } of found.unsupported) expect(reason).not.toBe('');
  });

  test('says which nodes keep a network from running privately', async () => {
    const file = join(packageRoot, 'tests/fixtures/torchvision/efficientnet.onnx');
    const found = await cliJson<Inspected>(['inspect', file]);
    expect(found.uses).toEqual({ read: true, train: true, private: false });
    const swishes = found.layers.filter(({ op }) => op === 'Swish').map(({ name }) => name);
    expect(swishes.length).toBeGreaterThan(2);
    const named = found.not_private.filter(({ op }) => op === 'Swish').map(({ name }) => name);
    expect(named).toEqual(swishes);
    const { stdout, code } = await cli(['inspect', file]);
    expect(stdout).toMatch(/can be read: yes, trained: yes, run privately: no/);
    expect(code).toBe(0); // it can be trained, with other activations too
  });

  test('a network whose output is no vector of logits is shown, and cannot be used: code 3', async () => {
    const file = join(folder, 'map.onnx');
    await writeFile(file, rawModel(['N', 1, 4, 4], [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }], []));
    const { stdout, stderr, code } = await cli(['inspect', file]);
    expect(stdout).toMatch(/can be read: yes, trained: no, run privately: no/);
    expect(stderr).toMatch(
      /map\.onnx: it cannot be used: expected one vector of logits, .* is \[1, 4, 4\]\n$/,
    );
    expect(code).toBe(3);
    expect((await cli(['inspect', '--help'])).stdout).toMatch(
      /3 +it can neither be trained nor run privately/,
    );
  });

  test('people get a table and a total', async () => {
    const { stdout, code } = await cli(['inspect', model]);
    expect(code).toBe(0);
    expect(stdout).toContain('56,448 ReLUs');
  });

  test('says how max pooling is counted, where there is one', async () => {
    const vgg = join(packageRoot, 'tests/fixtures/torchvision/vgg-bn.onnx');
    expect((await cli(['inspect', vgg])).stdout).toMatch(/max pooling counts k\*k - 1/);
    expect((await cli(['inspect', model])).stdout).not.toMatch(/max pooling/);
  });
});

describe('evaluate and fairness', () => {
  test('evaluate says what the library says, on as many images as asked for', async () => {
    const found = await cliJson(['evaluate', model, '--data', 'fashion-mnist-part', '--limit', '300']);
    const dataset = await loadDataset('fashion-mnist-part', 'test');
    const expected = await evaluate(await loadModel(model), dataset, { limit: 300 });
    expect(found).toEqual(JSON.parse(JSON.stringify(expected)));
  });

  type Fairness = {
    groups: {
      group: string;
      n: number;
      models: { model: string; accuracy: number; drop: number; excess_drop: number; interval: number[] }[];
    }[];
    gap: { models: { gap: number; widening: number; interval: number[] }[] };
  };

  test.each([
    ['evaluate', ['--k', '3']],
    ['evaluate', ['--answer', 'label']],
    ['evaluate', ['--agreement', '0.9']],
    ['fairness', ['--k', '3']],
  ])('%s %j without --private, which alone has a plan, is refused', async (command, options) => {
    const models = command === 'fairness' ? [model, other] : [model];
    const result = await cli([command, ...models, '--data', 'fashion-mnist-part', ...options]);
    expectFailure(result, 2, new RegExp(`${options[0]} is for --private: give that too`));
  });

  test('a model against itself drops by exactly 0 in every group, another does not', async () => {
    const args = ['--data', 'fashion-mnist-part', '--resamples', '100'];
    const found = await cliJson<Fairness>(['fairness', model, model, other, ...args]);
    expect(found.groups).toHaveLength(10);
    expect(found.groups.reduce((sum, { n }) => sum + n, 0)).toBe(1500);
    for (const { models } of found.groups) {
      expect([models[1]!.drop, models[1]!.excess_drop]).toEqual([0, 0]);
      expect(models[1]!.accuracy).toBe(models[0]!.accuracy);
    }
    expect(found.gap.models[1]!.widening).toBe(0);
    expect(found.groups.some(({ models }) => models[2]!.drop !== 0)).toBe(true);
  });

  test('groups are a column of the data set where one is named', async () => {
    const dataset = await loadDataset('fashion-mnist-part', 'test');
    const rows = ['path,label,split,side'];
    for (let i = 0; i < 30; i++) {
      const raw = { width: 28, height: 28, channels: 1 as const };
      const pixels = dataset.images.subarray(i * 784, (i + 1) * 784);
      await sharp(pixels, { raw })
        .png()
        .toFile(join(folder, `${i}.png`));
      rows.push(`${i}.png,${dataset.labels[i]!},test,${i < 10 ? 'left' : 'right'}`);
    }
    const csv = join(folder, 'sides.csv');
    await writeFile(csv, `${rows.join('\n')}\n`);
    const args = [model, other, '--data', `csv:${csv}@1x28x28`, '--resamples', '100'];
    const found = await cliJson<Fairness>(['fairness', ...args, '--groups', 'side']);
    expect(found.groups.map(({ group, n }) => [group, n])).toEqual([
      ['left', 10],
      ['right', 20],
    ]);
    expectFailure(await cli(['fairness', ...args, '--groups', 'race']), 2, /race.*side/);
  });
});

describe('train', () => {
  test('writes a model that inspect reads', async () => {
    const out = join(folder, 'trained.onnx');
    const args = [
      '--arch',
      'resnet8',
      '--data',
      await writeSmallData(folder, 100),
      '--batch',
      '20',
      '--epochs',
      '1',
    ];
    const trained = await cliJson<{ relus: number; n: number }>(['train', ...args, '--out', out]);
    expect(trained.n).toBe(100);
    expect((await cliJson<Inspected>(['inspect', out])).relus).toBe(trained.relus);
  });

  test('Ctrl-C leaves no file, whole or half, and exits with 130', async () => {
    const out = join(folder, 'stopped', 'trained.onnx');
    const args = [
      '--arch',
      'resnet8',
      '--data',
      await writeSmallData(folder, 100),
      '--batch',
      '20',
      '--out',
      out,
    ];
    const child = startCli(['train', ...args, '--epochs', '5000']);
    const result = finished(child);
    await new Promise((resolve) => child.stdout!.once('data', resolve)); // the first epoch's line
    child.kill('SIGINT');
    expect((await result).code).toBe(130);
    expect((await result).stderr).toContain('reluctant: stopped');
    expect(existsSync(join(folder, 'stopped')) ? readdirSync(join(folder, 'stopped')) : []).toEqual([]);
  });
});

describe('train --checkpoint', () => {
  test('after Ctrl-C, training goes on to the same numbers', async () => {
    type Trained = {
      accuracy: number;
      history: { seconds: number; imagesPerSecond: number; loss: number }[];
    };
    const data = await writeSmallData(folder, 100);
    const args = ['train', '--arch', 'resnet8', '--data', data, '--batch', '20', '--epochs', '3'];
    const checkpoint = ['--checkpoint', join(folder, 'kept', 'checkpoint')];
    const child = startCli([...args, ...checkpoint, '--out', join(folder, 'stopped.onnx')]);
    const result = finished(child);
    await new Promise((resolve) => child.stdout!.once('data', resolve)); // the first epoch's line
    child.kill('SIGINT');
    expect((await result).code).toBe(130);
    const resumed = await cliJson<Trained>([...args, ...checkpoint, '--out', join(folder, 'resumed.onnx')]);
    const straight = await cliJson<Trained>([...args, '--out', join(folder, 'straight.onnx')]);
    const losses = ({ history }: Trained) => history.map(({ loss }) => loss);
    expect(losses(resumed)).toHaveLength(3);
    expect(losses(resumed)).toEqual(losses(straight));
    expect(await readFile(join(folder, 'resumed.onnx'))).toEqual(
      await readFile(join(folder, 'straight.onnx')),
    );
  });
});

describe('failures', () => {
  test('a file that is not there', async () => {
    expectFailure(await cli(['inspect', 'nowhere.onnx']), 3, /nowhere\.onnx/);
    expectFailure(
      await cli(['evaluate', 'nowhere.onnx', '--data', 'fashion-mnist-part']),
      3,
      /nowhere\.onnx/,
    );
  });

  test('a folder in place of a file', async () => {
    expectFailure(await cli(['inspect', folder]), 3, /reluctant-cli-.*: is a folder; give an \.onnx file/);
  });

  test('a truncated .onnx', async () => {
    const bytes = await readFile(model);
    const cut = join(folder, 'cut.onnx');
    await writeFile(cut, bytes.subarray(0, bytes.length >> 1));
    expectFailure(await cli(['inspect', cut]), 3, /cut\.onnx/);
  });

  test('an unsupported op, named with its reason', async () => {
    const file = await writeUnsupported(folder);
    const result = await cli(['evaluate', file, '--data', 'fashion-mnist-part']);
    expectFailure(result, 3, /squash \(Softsign\).*wave \(Sin\)/);
  });

  test('an unknown data set', async () => {
    expectFailure(await cli(['evaluate', model, '--data', 'imagenet']), 4, /imagenet.*fashion-mnist/);
  });

  test('a wrong command line', async () => {
    expectFailure(await cli(['evaluate', model]), 2, /--data.*\(see reluctant evaluate --help\)/);
    expectFailure(
      await cli(['inspct', model]),
      2,
      /'inspct' \(Did you mean inspect\?\) \(see reluctant --help\)/,
    );
    expectFailure(await cli(['evaluate', model, '--data', 'x', '--limit', '-3']), 2, /--limit.*whole number/);
    expectFailure(await cli(['bench', 'relu', '--k', '20', '--bits', '10']), 2, /--k 20/);
  });

  test('an output that cannot be written, before any work', async () => {
    const data = ['--arch', 'resnet8', '--data', 'fashion-mnist-part'];
    expectFailure(await cli(['train', ...data, '--out', join(model, 'x.onnx')]), 2, /--out .*x\.onnx/);
    expectFailure(await cli(['train', ...data, '--out', folder]), 2, /--out .*is a folder/);
    const reduced = [
      '--method',
      'snl',
      '--budget',
      '9',
      '--data',
      'fashion-mnist-part',
      '--out',
      join(folder, 'r.onnx'),
    ];
    const kept = await cli(['reduce', model, ...reduced, '--checkpoint', join(model, 'run')]);
    expectFailure(kept, 2, /--checkpoint .*run: E/);
  });

  test('--verbose adds the stack', async () => {
    const { stderr } = await cli(['inspect', 'nowhere.onnx', '--verbose']);
    expect(stderr).toMatch(/^reluctant: .*\n.*\n\s+at /);
  });

  test('a Node that is too old is told so before anything is loaded', async () => {
    const disguise = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.20.2'})`;
    const child = startCli(['inspect', model], { nodeOptions: ['--import', disguise] });
    const result = await finished(child);
    const manifest = JSON.parse(await readFile(join(packageRoot, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    expectFailure(
      result,
      1,
      new RegExp(`needs Node ${manifest.engines.node.slice(2)} or newer, this is 20\\.20\\.2`),
    );
  });
});

test.each([
  ['an answer', () => ['inspect', model, '--json'], 0, /^{"relus":56448/],
  ['a table for people', () => ['inspect', model], 0, /56,448 ReLUs/],
  ['the help of a command', () => ['inspect', '--help'], 0, /^Usage: reluctant inspect/],
  ['a failure', () => ['inspect', 'nowhere.onnx'], 3, /^reluctant: .*nowhere\.onnx/],
  [
    'a warning',
    () => ['evaluate', model, '--data', 'fashion-mnist-part', '--limit', '50'],
    0,
    /^reluctant: w/m,
  ],
])('a process of its own gives %s as the same command does here', async (_, args, code, says) => {
  const here = await cli(args());
  expect(here.code).toBe(code);
  expect(here.stdout + here.stderr).toMatch(says);
  expect(await cliProcess(args())).toEqual(here);
});

describe('help', () => {
  const known = new Map<string, ReturnType<typeof cli>>();
  function helpOf(path: readonly string[]): ReturnType<typeof cli> {
    const key = path.join(' ');
    if (!known.has(key)) known.set(key, cli([...path, '--help']));
    return known.get(key)!;
  }

  /** The commands below a command. */
  async function commandsOf(above: readonly string[]): Promise<string[][]> {
    const { stdout } = await helpOf(above);
    const [, listed = ''] = stdout.split('Commands:\n');
    const [section = ''] = listed.split('\n\n');
    const names = [...section.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name!);
    return names.filter((name) => name !== 'help').map((name) => [...above, name]);
  }

  test('every command is listed, and shows examples', async () => {
    const commands = await commandsOf([]);
    expect(commands).toEqual(
      expect.arrayContaining(['inspect', 'evaluate', 'train', 'fairness', 'bench', 'data'].map((c) => [c])),
    );
    const leaves = await Promise.all(
      commands.map(async (command) => {
        const inner = await commandsOf(command);
        return (inner.length > 0 ? inner : [command]).map((leaf) => ({ command, leaf }));
      }),
    );
    const checks = leaves.flat().map(async ({ command, leaf }) => {
      const [own, help] = await Promise.all([helpOf(command), helpOf(leaf)]);
      expect(own.code).toBe(0);
      expect(help.stdout, leaf.join(' ')).toMatch(/--json/);
      const words = leaf.join(' ').replace(/ run$/, '( run)?');
      const first = help.stdout.includes('Examples:') ? help.stdout : own.stdout;
      const example = new RegExp(`Examples:\\n(.*\\n)*? {2}\\$ reluctant ${words}(.*\\n)*?Options:`);
      expect(first).toMatch(example);
    });
    await Promise.all(checks);
  });
});
