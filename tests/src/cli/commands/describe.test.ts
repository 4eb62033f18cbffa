import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteImages, loadDataset, subset } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { saveModel, writeModel } from '../../../../models/files/write.ts';
import type { Model, Node } from '../../../../models/graph.ts';
import { normalisations } from '../../../../models/preprocessing.ts';
import { argmax, tensor } from '../../../../models/tensor.ts';
import type { Tensor } from '../../../../models/tensor.ts';
import { fingerprints, originalFile } from '../../../../src/cli/commands/pareto/folder.ts';
import { defined } from '../../../../src/shared/defined.ts';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';
import { rawPng } from '../../../helpers/data/image-files.ts';
import { npzOf } from '../../../helpers/data/npz.ts';
import { runFile, withExternalData } from '../../../helpers/networks/onnx.ts';

type Evaluated = { accuracy: number; per_class: { class: string; accuracy: number | null; n: number }[] };

const n = 100;
let folder: string;
let coloured: Dataset;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-describe-'));
  coloured = inColour(subset(await loadDataset('fashion-mnist-part', 'test'), [...Array(n).keys()]));
  await writeFile(join(folder, 'coloured.npz'), npzOf(coloured, coloured));
  await saveModel(join(folder, 'elsewhere.onnx'), trainedElsewhere(await loadModel('zoo:fashion-resnet8')));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Grey images as three equal planes. */
function inColour(data: Dataset): Dataset {
  const images = new Uint8Array(data.n * 3 * 784);
  byteImages(data).forEach((byte, i) => {
    const [image, place] = [Math.floor(i / 784), i % 784];
    for (const channel of [0, 1, 2]) images[(3 * image + channel) * 784 + place] = byte;
  });
  return { ...data, shape: [3, 28, 28], images };
}

/**
 * A network as PyTorch's users train them: for colour images that ImageNet's numbers have normalised, of which
 * its file says nothing. It undoes them and is fashion-resnet8 from there on.
 */
function trainedElsewhere({ graph, weights }: Model): Model {
  const { mean, std } = normalisations.imagenet;
  const [input] = graph.inputs;
  const own = new Map<string, Tensor>([
    ['std', tensor([3], Float32Array.from(std))],
    ['mean', tensor([3], Float32Array.from(mean))],
    ['zero', tensor([3])],
    ['one', tensor([3], Float32Array.of(1, 1, 1))],
    ['grey', tensor([1, 3, 1, 1], Float32Array.of(1 / 3, 1 / 3, 1 / 3))],
  ]);
  const point = { kernel: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0], dilations: [1, 1], group: 1 } as const;
  const nodes: Node[] = [
    {
      ...{ op: 'BatchNormalization', name: 'undo', outputs: ['pixels'] },
      inputs: ['colour', 'std', 'mean', 'zero', 'one'],
      attributes: { epsilon: 0, momentum: 0.9 },
    },
    { op: 'Conv', name: 'grey', inputs: ['pixels', 'grey'], outputs: [input!.name], attributes: point },
  ];
  const inputs = [{ name: 'colour', shape: [3, 28, 28] }];
  return {
    graph: {
      ...defined({ ...graph, classes: undefined }),
      name: 'elsewhere',
      inputs,
      nodes: [...nodes, ...graph.nodes],
    },
    weights: new Map([...weights, ...own]),
  };
}

/** The accuracy there: torchvision's Normalize, then plain onnxruntime. */
async function accuracyThere(): Promise<number> {
  const { mean, std } = normalisations.imagenet;
  const input = Float32Array.from(byteImages(coloured), (byte, i) => {
    const channel = Math.floor(i / 784) % 3;
    return (byte / 255 - mean[channel]!) / std[channel]!;
  });
  const file = writeModel(await loadModel(join(folder, 'elsewhere.onnx')));
  const { data: logits } = await runFile(file, input, [n, 3, 28, 28]);
  const right = Array.from(coloured.labels).filter(
    (label, i) => argmax(logits.subarray(10 * i, 10 * i + 10)) === label,
  );
  return right.length / n;
}

describe('pixels', () => {
  const args = () =>
    [join(folder, 'elsewhere.onnx'), '--data', `npz:${join(folder, 'coloured.npz')}`] as const;

  test('a model trained with ImageNet normalisation has the same accuracy here, with one flag', async () => {
    const there = await accuracyThere();
    expect(there).toBeGreaterThan(0.85);
    const { accuracy } = await cliJson<Evaluated>(['evaluate', ...args(), '--normalise', 'imagenet']);
    expect(accuracy).toBe(there);
    const byHand = ['--mean', '123.675,116.28,103.53', '--std', '58.395,57.12,57.375', '--scale', '1'];
    expect((await cliJson<Evaluated>(['evaluate', ...args(), ...byHand])).accuracy).toBe(there);
    const integers = ['--normalise', 'imagenet', '--private', '--limit', '20'];
    const { private: simulated } = await cliJson<{ private: { agree: number } }>([
      'evaluate',
      ...args(),
      ...integers,
    ]);
    expect(simulated.agree).toBeGreaterThanOrEqual(19);
  });

  test('near chance, evaluate tells the normalisation that gives most', async () => {
    const { stderr } = await cli(['evaluate', ...args(), '--normalise', '255']);
    expect(stderr).toMatch(
      /warning: an accuracy of [\d.]+ % is near chance: .* with (--normalise (imagenet|cifar10)|--mean [\d.,]+ --std [\d.,]+) it has 9\d/,
    );
    const fine = await cli(['evaluate', ...args(), '--normalise', 'imagenet']);
    expect(fine.stderr).not.toMatch(/warning/);
  });

  test('the plan says what the client does', async () => {
    const plan = async (...more: string[]) =>
      (await cliJson<{ hash: string }>(['plan', ...args(), ...more])).hash;
    const [plain, imagenet] = [await plan(), await plan('--normalise', 'imagenet')];
    expect(imagenet).not.toBe(plain);
    expect(await plan('--mean', '0.485,0.456,0.406', '--std', '0.229,0.224,0.225')).toBe(imagenet);
    const bench = ['bench', 'model', ...args(), '--normalise', 'imagenet'];
    expect((await cliJson<{ plan_hash: string }>(bench)).plan_hash).toBe(imagenet);
  });

  test.each([
    [['--normalise', 'imagenet', '--mean', '0'], 2, /--normalise sets mean, std and scale/],
    [['--mean', '0,0'], 2, /--std: mean: expected 3 numbers/],
    [['--std', '0'], 2, /--std: std: expected numbers above 0, got 0/],
    [['--mean', 'grey'], 2, /Expected a number, or numbers/],
    [['--scale', '0'], 2, /Expected a number above zero/],
    [['--normalise', 'coco'], 2, /imagenet, cifar10, unit, symmetric, 255/],
    [['--resize', '20'], 2, /--resize.*at least 28/],
  ])('%j is a usage error', async (more, code, message) => {
    const result = await cli(['evaluate', ...args(), ...more]);
    expect([result.code, result.stdout]).toEqual([code, '']);
    expect(result.stderr).toMatch(message);
  });

  test('a sweep is of a copy that keeps what the flags say', async () => {
    const [file, , spec] = args();
    const out = join(folder, 'sweep');
    const plain = await fingerprints(out, file, spec);
    expect(plain.network).toBe(file);
    expect((await loadModel(originalFile(out, plain.networkHash))).graph.preprocessing).toBeUndefined();
    const described = await fingerprints(out, file, spec, { normalise: 'imagenet' });
    expect(described.networkHash).not.toBe(plain.networkHash);
    expect(described.network).toBe(originalFile(out, described.networkHash));
    const { mean, std } = normalisations.imagenet;
    expect((await loadModel(described.network)).graph.preprocessing).toEqual({ mean, std });
  });

  test('a sweep is of one file that has what lies beside the network', async () => {
    const [file, , spec] = args();
    const { model, data } = withExternalData(await readFile(file), 'weights.bin');
    const apart = join(folder, 'apart.onnx');
    await writeFile(apart, model);
    await writeFile(join(folder, 'weights.bin'), data);
    const out = join(folder, 'sweep-apart');
    const { network, networkHash } = await fingerprints(out, apart, spec);
    expect(network).toBe(apart);
    const copy = await loadModel(originalFile(out, networkHash));
    expect(copy.weights).toEqual((await loadModel(file)).weights);
  });

  test('bench model has no pixels to say for random weights', async () => {
    const refused = await cli(['bench', 'model', '--arch', 'resnet18', '--mean', '0.5']);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/--mean, --std, --scale and --resize need a model/);
  });

  test('infer takes none of it from the client: the plan says it', async () => {
    const result = await cli(['infer', 'ws://localhost:1', '--image', 'a.png', '--normalise', 'imagenet']);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/--normalise is for --debug-local/);
  });
});

describe('classes', () => {
  const names = ['top', 'trousers', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot'];

  /** Writes pictures in folders named by class, and a CSV that lists them with these names. */
  async function pictures(folderOf: (label: number) => string, labels: readonly number[], rows = 40) {
    const data = await loadDataset('fashion-mnist-part', 'train');
    const root = await mkdtemp(join(folder, 'pictures-'));
    const lines = ['path,label,split'];
    for (let i = 0, taken = 0; taken < rows; i++) {
      const label = data.labels[i]!;
      if (!labels.includes(label)) continue;
      const split = taken++ % 2 === 0 ? 'train' : 'test';
      const path = join(split, folderOf(label), `${i}.png`);
      await mkdir(join(root, split, folderOf(label)), { recursive: true });
      const pixels = byteImages(data).subarray(784 * i, 784 * (i + 1));
      await writeFile(join(root, path), await rawPng(pixels, 28, 28, 1));
      lines.push(`${path},${folderOf(label)},${split}`);
    }
    await writeFile(join(root, 'list.csv'), lines.join('\n'));
    return root;
  }

  const all = names.map((_, label) => label);

  test('names of a CSV are matched with those of the model, or refused', async () => {
    const root = await pictures((label) => names[label]!, all, 60);
    const file = join(root, 'names.txt');
    await writeFile(file, `${names.join('\n')}\n`);
    const args = ['evaluate', 'zoo:fashion-resnet8', '--data', `csv:${root}/list.csv@1x28x28`];
    const refused = await cli(args);
    expect([refused.code, refused.stdout]).toEqual([4, '']);
    expect(refused.stderr).toMatch(/class 'boot' is none of those of resnet8: T-shirt\/top, .*--classes/);
    const { accuracy, per_class } = await cliJson<Evaluated>([...args, '--classes', file]);
    expect(accuracy).toBeGreaterThan(0.8);
    expect(per_class.map((row) => row.class)).toEqual(names);
    const { stdout } = await cli([...args, '--classes', file]);
    expect(stdout).toMatch(/its classes are matched by their names/);
  });

  test('one folder, named by the number of its class', async () => {
    const root = await pictures((label) => String(label), [3], 16);
    const args = ['evaluate', 'zoo:fashion-resnet8', '--data', `folder:${root}@1x28x28`];
    const { accuracy, per_class } = await cliJson<Evaluated>(args);
    expect(accuracy).toBeGreaterThan(0.7);
    expect(per_class.filter((row) => row.n > 0).map((row) => row.class)).toEqual(['Dress']);
    expect((await cli(args)).stdout).toMatch(/the names of its classes are taken for numbers/);
  });

  test('one folder of ten, named by its class, would be a guess for a model without names', async () => {
    const root = await pictures((label) => names[label]!, [3], 16);
    const { graph, weights } = await loadModel('zoo:fashion-resnet8');
    const file = join(folder, 'unnamed.onnx');
    await saveModel(file, { graph: defined({ ...graph, classes: undefined }), weights });
    const args = ['evaluate', file, '--data', `folder:${root}@1x28x28`];
    const refused = await cli(args);
    expect(refused.code).toBe(4);
    expect(refused.stderr).toMatch(/which of them are dress would be a guess/);
    const list = join(root, 'names.txt');
    await writeFile(list, names.join('\n'));
    expect((await cliJson<Evaluated>([...args, '--classes', list])).accuracy).toBeGreaterThan(0.7);
  });

  test.each([
    ['too few', 'a\nb\n', 2, /expected 10 names, one for each logit, got 2/],
    ['one twice', names.with(1, 'top').join('\n'), 2, /'top' is empty or there twice/],
  ])('%s names', async (_title, text, code, message) => {
    const file = join(folder, 'names.txt');
    await writeFile(file, text);
    const result = await cli([
      ...['evaluate', 'zoo:fashion-resnet8', '--data', 'fashion-mnist-part'],
      ...['--classes', file],
    ]);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(message);
  });
});
