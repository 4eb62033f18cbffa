import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeModel } from '../../../../models/files/write.ts';
import { basesIn } from '../../../../pipelines/reduce/deepreshape/base-files.ts';
import { basesInMemory } from '../../../../pipelines/reduce/deepreshape/bases.ts';
import { deepreshape } from '../../../../pipelines/reduce/deepreshape/deepreshape.ts';
import type { ReductionOptions } from '../../../../pipelines/reduce/reduction.ts';
import { UsageError } from '../../../../src/shared/errors.ts';
import type { Phase, ProgressEvent } from '../../../../src/shared/progress.ts';
import { firstLine } from '../../../helpers/processes/cli.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const given = tinyResnet();
const short = {
  ...{ train: tinyDataset(96, 'train'), validation: tinyDataset(30, 'validation') },
  ...{ batch: 32, seed: 3, threads: 1, augment: false, epochs: 1, searchEpochs: 1 },
  deepreshape: { pretrainEpochs: 2, removal: 'fine' },
} as const;

/** The network, and the epochs of training its base, as they began. */
async function reduced(options: Partial<ReductionOptions> & Pick<ReductionOptions, 'budget'>) {
  const epochs = new Set<number>();
  const phases = new Set<Phase>();
  const onProgress = ({ phase, training }: ProgressEvent) => {
    phases.add(phase);
    if (phase === 'base-training') epochs.add(training!.epoch);
  };
  const { model, base } = await deepreshape(given, { ...short, onProgress, ...options });
  return { bytes: writeModel(model), base: writeModel(base), epochs: epochs.size, phases };
}

let folder: string;
/** Of each budget, without bases. */
let plain: Awaited<ReturnType<typeof reduced>>[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-bases-'));
  plain = [await reduced({ budget: 500 }), await reduced({ budget: 200 })];
});
afterAll(() => rm(folder, { recursive: true }));

describe('one trained network for several budgets', () => {
  test('in memory: trained once, and every network as it is without', async () => {
    expect(plain.map(({ epochs }) => epochs)).toEqual([2, 2]);
    const bases = basesInMemory();
    const found = [await reduced({ budget: 500, bases }), await reduced({ budget: 200, bases })];
    expect(found.map(({ epochs }) => epochs)).toEqual([2, 0]);
    found.forEach(({ bytes, base }, i) => {
      expect(bytes).toEqual(plain[i]!.bytes);
      expect(base).toEqual(plain[i]!.base);
    });
  });

  test('is another for another seed, more epochs, other data, another batch and other threads', async () => {
    const bases = basesInMemory();
    const epochsOf = async (options: Partial<ReductionOptions>) =>
      (await reduced({ budget: 500, bases, ...options })).epochs;
    expect(await epochsOf({})).toBe(2);
    expect(await epochsOf({ seed: 4 })).toBe(2);
    expect(await epochsOf({ deepreshape: { ...short.deepreshape, pretrainEpochs: 3 } })).toBe(3);
    const images = short.train.images.with(0, 255 - short.train.images[0]!);
    expect(await epochsOf({ train: { ...short.train, images } })).toBe(2);
    expect(await epochsOf({ validation: tinyDataset(30, 'other') })).toBe(2);
    expect(await epochsOf({ batch: 24 })).toBe(2);
    expect(await epochsOf({ threads: 2 })).toBe(2);
    expect(await epochsOf({ epochs: 2, replace: 'quadratic' })).toBe(0); // of what follows
  });

  test('that cannot be trained is not kept', async () => {
    const bases = basesInMemory();
    const onProgress = () => undefined;
    const fails = () => Promise.reject(new UsageError('diverged'));
    await expect(bases.obtain({ key: 'k', train: fails, onProgress })).rejects.toThrow('diverged');
    expect(await bases.obtain({ key: 'k', train: () => Promise.resolve(given), onProgress })).toBe(given);
  });
});

describe('in a folder', () => {
  const warnings: string[] = [];
  const basesOf = (name: string) => basesIn(join(folder, name), (line) => void warnings.push(line));
  const fileOf = async (name: string) => {
    const files = (await readdir(join(folder, name))).filter((file) => file.endsWith('.checkpoint'));
    expect(files).toHaveLength(1);
    return join(folder, name, files[0]!);
  };

  test('two jobs at once: one trains, the other waits for it', async () => {
    const bases = basesOf('both');
    const found = await Promise.all([reduced({ budget: 500, bases }), reduced({ budget: 200, bases })]);
    expect(found.map(({ epochs }) => epochs).toSorted()).toEqual([0, 2]);
    found.forEach(({ bytes }, i) => expect(bytes).toEqual(plain[i]!.bytes));
    const waiting = found.map(({ phases }) => phases.has('wait-for-base'));
    expect(waiting.toSorted()).toEqual([false, true]);
    expect(warnings).toEqual([]);
  });

  test('one that stopped in mid-training goes on after its last whole epoch', async () => {
    const bases = basesOf('stopped');
    const stop = ({ of, training }: ProgressEvent) => {
      if (of === 'HRN-2x' && training!.epoch === 2) throw new UsageError('stopped');
    };
    await expect(reduced({ budget: 500, bases, onProgress: stop })).rejects.toThrow('stopped');
    const { bytes, epochs } = await reduced({ budget: 500, bases });
    expect(epochs).toBe(1);
    expect(bytes).toEqual(plain[0]!.bytes);
  });

  test.each([
    [
      'truncated',
      (file: string, size: number) => truncate(file, size - 5),
      /expected \d+ bytes of weights, got/,
    ],
    ['empty', (file: string) => truncate(file, 0), /it is not a checkpoint of a training/],
    [
      'of another training',
      async (file: string) => {
        const text = await readFile(file, 'latin1');
        await writeFile(file, text.replace(/"fingerprint":"[0-9a-f]{4}/, '"fingerprint":"0000'), 'latin1');
      },
      /it is the checkpoint of a training with another/,
    ],
  ])('a file that is %s is not used but made again, and that is said', async (name, damage, why) => {
    const bases = basesOf(name);
    await reduced({ budget: 500, bases });
    const file = await fileOf(name);
    await damage(file, (await stat(file)).size);
    warnings.length = 0;
    const { bytes, epochs } = await reduced({ budget: 500, bases });
    expect(epochs).toBe(2);
    expect(bytes).toEqual(plain[0]!.bytes);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(why);
    expect(warnings[0]).toMatch(/\.checkpoint: .*: the file is not used, its network is trained again$/);
    expect((await reduced({ budget: 500, bases })).epochs).toBe(0);
    expect(warnings).toHaveLength(1);
  });

  test('a process killed with -9 in mid-training keeps nobody waiting', async () => {
    const entry = join(import.meta.dirname, 'base-holder.ts');
    const args = [entry, join(folder, 'killed'), 'k'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    expect(await firstLine(child)).toBe('training');
    const heard: Phase[] = [];
    const onProgress = ({ phase }: ProgressEvent) => {
      heard.push(phase);
      if (heard.length === 2) child.kill('SIGKILL');
    };
    const train = () => Promise.resolve(given);
    const found = await basesOf('killed').obtain({ key: 'k', train, onProgress });
    child.kill('SIGKILL');
    expect(found).toBe(given);
    expect(heard.length).toBeGreaterThanOrEqual(2);
  });
});
