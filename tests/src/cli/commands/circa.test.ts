import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

let folder: string;
let model: string;
const data = ['--data', 'fashion-mnist-part'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-circa-'));
  model = await writeTiny(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Result = {
  mode: string;
  agree: number;
  differ: number;
  catastrophic: number;
  layers: { node: string; k: number; free: number }[];
};
type Windowed = { window: { k: number; mode: string } | null; node: string }[];

test('circa chooses windows, and plan takes them from its file', async () => {
  const found = await cliJson<{ n: number; modes: Result[]; best: Result }>([
    ...['circa', model, ...data, '--search-images', '60', '--limit', '60', '--tolerance', '5pt'],
  ]);
  expect(found.modes.map(({ mode }) => mode)).toEqual(['posZero', 'negPass']);
  for (const { agree, differ, catastrophic, layers } of found.modes) {
    expect(agree + differ).toBe(found.n);
    expect(catastrophic).toBeLessThanOrEqual(differ);
    for (const { k, free } of layers) expect(k).toBeGreaterThanOrEqual(free);
  }
  const file = join(folder, 'windows.json');
  await writeFile(file, JSON.stringify(found));
  const { steps } = await cliJson<{ steps: Windowed }>(['plan', model, ...data, '--circa', file]);
  const windows = steps.flatMap(({ node, window }) => (window ? [{ node, ...window }] : []));
  expect(windows.map(({ node, k, mode }) => ({ node, k, mode }))).toEqual(
    found.best.layers.map(({ node, k }) => ({ node, k, mode: found.best.mode })),
  );
  for (const [wrong, says] of [
    [['--circa', file, '--k', '3'], /leave --k and --mode out/],
    [['--circa', join(folder, 'none.json')], /--circa .*none\.json: no such file\n$/],
    [['--circa', model], /\.onnx: expected the output of 'reluctant circa --json'/],
    [['--k', 'some'], /free/],
  ] as const) {
    const { code, stderr } = await cli(['plan', model, ...data, ...wrong]);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
  }
  const misspelt = await cli(['plan', model, ...data, '--left-out', 'nosuch=3']);
  expect(misspelt.stderr).toMatch(/names nosuch; the layers with sign tests are \w/);
  const spelt = await cli(['plan', model, ...data, '--left-out', `${windows[0]!.node}=3`]);
  expect(spelt.stderr).not.toMatch(/sign tests are/);
}, 120_000);

test('evaluate --private: the simulated protocol agrees with the float model but for a few', async () => {
  type Evaluated = { accuracy: number; n: number; private?: { accuracy: number; n: number; agree: number } };
  const run = (...more: string[]) =>
    cliJson<Evaluated>(['evaluate', model, ...data, '--limit', '400', ...more]);
  const [plain, fine, coarse] = [await run(), await run('--private'), await run('--private', '--k', '26')];
  expect(plain.private).toBeUndefined();
  expect(fine.accuracy).toBe(plain.accuracy);
  expect(fine.private!.n).toBe(400);
  expect(fine.private!.agree).toBeGreaterThan(360);
  // Shares are random: 5.5 % of the labels differ on average, and none of 400 once in e^22 runs at most.
  expect(coarse.private!.agree).toBeLessThan(fine.private!.agree);
}, 120_000);

test('infer --debug-local opens every wire to the protocol’s integers', async () => {
  type Wire = { node: string; wrong_elements: number; largest_error: number | null; largest_value: number };
  const args = ['infer', model, '--debug-local', ...data, '--index', '3'];
  const { wires, logits } = await cliJson<{ wires: Wire[]; logits: number[] }>(args);
  expect(logits).toHaveLength(10);
  expect(wires.every(({ wrong_elements }) => wrong_elements === 0)).toBe(true);
  const known = wires.filter(({ largest_error }) => largest_error !== null);
  expect(known.length).toBeGreaterThan(3);
  for (const { largest_error, largest_value } of known) {
    expect(largest_error).toBeLessThan(0.05 * Math.max(1, largest_value));
  }
  const { code, stderr } = await cli(['infer', 'ws://localhost:1', '--debug-local', ...data, '--index', '3']);
  expect(code).toBe(2);
  expect(stderr).toMatch(/a model in place of an address/);
}, 120_000);
