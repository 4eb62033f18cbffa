import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { saveModel } from '../../../../models/files/write.ts';
import { cli, cliJson, cliServer } from '../../../helpers/processes/cli.ts';
import { rawPng } from '../../../helpers/data/image-files.ts';
import { borderNet } from '../../../helpers/networks/networks.ts';
import { npzOf } from '../../../helpers/data/npz.ts';
import { seededRng } from '../../../helpers/rng.ts';

let folder: string;
let model: string;
let data: { readonly lit: string; readonly dark: string; readonly large: string };

/** Pixels below 50, and those of the border up to `border`. */
function pictures(size: number, border: number): Dataset {
  const n = 12;
  const isBorder = (at: number) => at === 0 || at === size - 1;
  const images = seededRng('pictures')
    .bytes(n * size * size)
    .map((byte, i) => {
      const [row, column] = [Math.floor(i / size) % size, i % size];
      return ((isBorder(row) || isBorder(column) ? border : 50) * byte) / 255;
    });
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  return { name: 'pictures', classes: ['0', '1', '2'], shape: [1, size, size], images, labels, n };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-calibration-'));
  model = join(folder, 'border.onnx');
  await saveModel(model, borderNet());
  const written = async (name: string, set: Dataset) => {
    await writeFile(join(folder, name), npzOf(set, set));
    return `npz:${join(folder, name)}`;
  };
  data = {
    lit: await written('lit.npz', pictures(8, 50)),
    dark: await written('dark.npz', pictures(8, 5)),
    large: await written('large.npz', pictures(9, 50)),
  };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('what calibrates', () => {
  test('a model of nobody knows no data: each command asks for --data', async () => {
    const png = join(folder, 'black.png');
    await writeFile(png, await rawPng(new Uint8Array(64), 8, 8, 1));
    for (const args of [
      ['plan', model],
      ['serve', model, '--port', '0'],
      ['bench', 'model', model],
      ['infer', model, '--debug-local', '--image', png],
      ['demo', '--model', model, '--out', join(folder, 'demo')],
    ]) {
      const { code, stdout, stderr } = await cli(args);
      expect([args[0], code, stdout]).toEqual([args[0], 2, '']);
      expect(stderr).toMatch(/^reluctant: [^\n]*border\.onnx: give --data with images like those [^\n]*\n$/);
    }
  });

  test('a model of the zoo has its data, as if they were given', async () => {
    type Planned = { hash: string; calibration: object };
    const own = await cliJson<Planned>(['plan', 'zoo:fashion-resnet8']);
    expect(own.calibration).toEqual({ data: 'fashion-mnist-part', images: 256, warnings: [] });
    const given = await cliJson<Planned>(['plan', 'zoo:fashion-resnet8', '--data', 'fashion-mnist-part']);
    expect(given.hash).toBe(own.hash);
  });

  test('plan and serve say which data, and how many images', async () => {
    const said = `calibrated on +12 training images of ${data.lit}`;
    expect((await cli(['plan', model, '--data', data.lit])).stdout).toMatch(new RegExp(`^${said}$`, 'm'));
    const server = await cliServer(['serve', model, '--data', data.lit, '--port', '0', '--threads', '1']);
    expect((await server.stop()).stdout).toMatch(new RegExp(`^ *${said}$`, 'm'));
  });
});

test('images of another shape are refused with both shapes', async () => {
  const { code, stderr } = await cli(['plan', model, '--data', data.large]);
  expect(code).toBe(4);
  expect(stderr).toMatch(/large\.npz \(train\): its images are \[1, 9, 9\], but border takes .*\[1, 8, 8\]/);
});

test('images on which the model reads nothing are warned of, on stderr and in --json', async () => {
  const { code, stdout, stderr } = await cli(['plan', model, '--data', data.dark, '--json']);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^reluctant: warning: [^\n]*border\.onnx, calibrated on [^\n]*dark\.npz: node border: /,
  );
  const { calibration } = JSON.parse(stdout) as { calibration: { warnings: string[] } };
  expect(calibration.warnings).toEqual([expect.stringMatching(/^node border: /)]);
});

test('a client hears of its own values outside the calibrated range', async () => {
  const ask = async (grey: number) => {
    const file = join(folder, `${grey}.png`);
    await writeFile(file, await rawPng(new Uint8Array(64).fill(grey), 8, 8, 1));
    return cli(['infer', model, '--debug-local', '--data', data.lit, '--image', file, '--json']);
  };
  const outside = ({ stdout }: { stdout: string }) =>
    (JSON.parse(stdout) as { outside_range: unknown }).outside_range;
  // Pixels of lit.npz are below 50 / 255, and below 0.5 with the guard bit, in powers of two.
  const bright = await ask(255);
  expect(bright.stderr).toMatch(
    /^reluctant: warning: image: 64 values are outside the range .* 1\.00.* 0\.500/,
  );
  expect(outside(bright)).toEqual({ values: 64, largest: 1, limit: 0.5 });
  const dim = await ask(40);
  expect(dim.stderr).toBe('');
  expect(outside(dim)).toBeNull();
});
