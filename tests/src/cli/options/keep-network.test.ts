import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadModel } from '../../../../models/files/read.ts';
import { keepNetwork } from '../../../../src/cli/options/keep-network.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const folder = mkdtempSync(join(tmpdir(), 'reluctant-keep-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** No folder: what should lie in it cannot be written, as on a full disk. */
const blocked = join(folder, 'blocked');
const out = join(blocked, 'net.onnx');
const model = tinyResnet();
const silent = () => undefined;

test('a network that can be written is where it should be', async () => {
  await keepNetwork(join(folder, 'net.onnx'), model, { warn: silent });
  expect((await loadModel(join(folder, 'net.onnx'))).graph.nodes.length).toBeGreaterThan(5);
});

test('else it is elsewhere, and the error says where', async () => {
  writeFileSync(blocked, '');
  const elsewhere = mkdtempSync(join(folder, 'elsewhere-'));
  const kept = keepNetwork(out, model, { warn: silent, folders: [blocked, elsewhere] });
  await expect(kept).rejects.toThrow(
    /^--out .*net\.onnx: .*; the network is in .*elsewhere-.*net\.onnx instead$/,
  );
  const [file] = readdirSync(elsewhere);
  expect((await loadModel(join(elsewhere, file!))).weights.size).toBe(model.weights.size);
});

test('with room nowhere it waits, and says so', async () => {
  writeFileSync(blocked, '');
  const said: string[] = [];
  const warn = (line: string) => {
    said.push(line);
    setTimeout(() => rmSync(blocked), 60);
  };
  await keepNetwork(out, model, { warn, folders: [blocked], pause: 30 });
  expect(said).toHaveLength(1);
  expect(said[0]).toMatch(/trying again every 0\.03 s: make room/);
  expect(existsSync(out)).toBe(true);
});
