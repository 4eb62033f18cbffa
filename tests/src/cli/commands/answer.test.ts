import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDataset, pixels } from '../../../../models/data/dataset.ts';
import { argmax } from '../../../../models/tensor.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { cli, cliJson, cliServer } from '../../../helpers/processes/cli.ts';
import type { CliServer } from '../../../helpers/processes/cli.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

type Bytes = { bytes_up: number; bytes_down: number };
type Cost = { answer: string; answer_bits: number; rounds: number; offline: Bytes; online: Bytes };
type Plan = { hash: string; rounds: number; answer: string; answers: Cost[]; online: Bytes };
type Inferred = {
  label: number;
  class: string;
  answer: string;
  answer_bits: number;
  logits: number[] | null;
  online: Bytes & { rounds: number };
};

const data = ['--data', 'fashion-mnist-part'];
const image = [...data, '--index', '7'];
let folder: string;
let model: string;
let server: CliServer;
let told: { url: string; plan_hash: string; models: { answer: string; answer_bits: number }[] };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-answer-'));
  model = await writeTiny(folder);
  server = await cliServer([
    'serve',
    model,
    ...data,
    '--answer',
    'label',
    '--port',
    '0',
    '--threads',
    '1',
    '--json',
  ]);
  told = JSON.parse(server.said) as typeof told;
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

test('a server that tells the label alone: infer gets the label and its name, and no logits', async () => {
  expect(told.models).toMatchObject([{ answer: 'label', answer_bits: 4 }]);
  const dataset = await loadDataset('fashion-mnist-part', 'test');
  const label = argmax(await predict(await loadModel(model), pixels(dataset, [7]), 1));
  const found = await cliJson<Inferred>(['infer', told.url, ...image, '--plan-hash', told.plan_hash]);
  expect(found).toMatchObject({ label, class: dataset.classes[label]!, answer: 'label', logits: null });
  const { stdout } = await cli(['infer', told.url, ...image]);
  expect(stdout).toMatch(new RegExp(`^${dataset.classes[label]!} \\(class ${label}\\)`));
  expect(stdout).toContain('the label alone: the logits stay hidden from both');
});

test('plan shows both answers, and its hash and costs are those of the one that is asked for', async () => {
  const label = await cliJson<Plan>(['plan', model, ...data, '--answer', 'label']);
  const logits = await cliJson<Plan>(['plan', model, ...data]);
  expect(label.answers).toEqual(logits.answers);
  expect([label.answer, logits.answer]).toEqual(['label', 'logits']);
  expect([label.hash === told.plan_hash, logits.hash === told.plan_hash]).toEqual([true, false]);
  const [first, second] = label.answers;
  expect(first).toMatchObject({ answer: 'logits', rounds: logits.rounds, online: logits.online });
  expect(second).toMatchObject({
    answer: 'label',
    answer_bits: 4,
    rounds: label.rounds,
    online: label.online,
  });
  expect(label.rounds).toBe(logits.rounds + 2);
  const found = await cliJson<Inferred>(['infer', told.url, ...image]);
  expect(found.online).toMatchObject({ rounds: label.rounds, ...label.online });
  const { stdout } = await cli(['plan', model, ...data, '--answer', 'label']);
  expect(stdout).toMatch(/logits: --answer logits +\d+ +\d+ /);
  expect(stdout).toMatch(/label: this plan +4 +\d+ /);
});

test('evaluate --private and infer --debug-local take the answer too', async () => {
  const evaluated = ['evaluate', model, ...data, '--limit', '60', '--private'];
  type Evaluated = { private: { answer: string; accuracy: number; agree: number } };
  const { private: found } = await cliJson<Evaluated>([...evaluated, '--answer', 'label']);
  expect(found.answer).toBe('label');
  expect(found.agree).toBeGreaterThan(54);
  type Local = Inferred & { wires: { node: string; wrong_elements: number; largest_error: number | null }[] };
  const local = ['infer', model, '--debug-local', ...image, '--answer', 'label'];
  const { wires, logits, answer } = await cliJson<Local>(local);
  expect([answer, logits]).toEqual(['label', null]);
  const compared = wires.filter(({ node }) => node.startsWith('label/'));
  expect(compared.length).toBeGreaterThan(5);
  expect(compared.every(({ largest_error }) => largest_error === null)).toBe(true);
  expect(wires.every(({ wrong_elements }) => wrong_elements === 0)).toBe(true);
});

test('a client cannot choose what a server tells, and there are two answers', async () => {
  const chosen = await cli(['infer', told.url, ...image, '--answer', 'logits']);
  expect(chosen.code).toBe(2);
  expect(chosen.stderr).toContain('--answer needs --debug-local');
  const other = await cli(['plan', model, ...data, '--answer', 'top3']);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(/logits, label/);
});
