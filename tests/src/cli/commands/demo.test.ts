import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspect } from '../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { logitErrorBound } from '../../../../pipelines/simulate/error-bound.ts';
import { preparedModel } from '../../../../src/cli/options/prepared.ts';
import { browserFile, noBrowser, startBrowser } from '../../../helpers/browsers/browser.ts';
import {
  cli,
  finished,
  firstLine,
  startCli,
  stoppingAfter,
  untilStopped,
  quiet,
} from '../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../helpers/data/data.ts';
import { writeTiny } from '../../../helpers/networks/networks.ts';

let folder: string;
let args: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-demo-'));
  const [model, data] = [await writeTiny(folder), await writeSmallData(folder, 200)];
  args = ['demo', '--model', model, '--data', data, '--epochs', '1'];
});

afterAll(() => rm(folder, { recursive: true, force: true }));

type Image = {
  private: string;
  plaintext: string;
  max_difference: number | null;
  online: { rounds: number };
};
type Model = { relus: number; logit_spread: number; answer_bits: number; images: Image[] };
type Report = {
  original: Model;
  reduced: Model;
  labels_alone: Omit<Model, 'relus' | 'logit_spread'>;
  reduction: { budget: number };
  fairness: { n: number };
};

/** Process ids of the children of a process (Linux). */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}

/** A process that has ended may wait a while as a zombie, 'Z', for its parent (Linux). */
function isRunning(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  return existsSync(file) && !/\) Z /.test(readFileSync(file, 'utf8'));
}

/**
 * Four answers within six standard deviations of the roundings, and within a tenth of what the logits spread
 * over. (The first alone is too kind to a network of polynomials: it takes every square for its steepest, 12
 * logits here, where 0.06 are seen.)
 */
async function expectPrivateAnswers({ images, logit_spread }: Model, file: string): Promise<void> {
  const { likely } = logitErrorBound(await preparedModel(file, args[4]!, quiet));
  expect(images).toHaveLength(4);
  for (const image of images) {
    expect(image.max_difference).toBeLessThan(Math.min(likely, logit_spread / 10));
  }
}

test('the whole demo on a tiny network of normalised pixels: its files, and private answers as in the clear', async () => {
  const out = join(folder, 'out');
  const pixels = ['--mean', '73', '--std', '90', '--scale', '1'];
  const { code, stdout, stderr } = await cli([...args, ...pixels, '--out', out]);
  expect(stderr).not.toContain('reluctant:');
  expect(code).toBe(0);
  expect(readdirSync(out).sort()).toEqual([
    'original.onnx',
    ...['reduced.onnx', 'report.html', 'report.json', 'report.svg'],
  ]);
  const report = JSON.parse(await readFile(join(out, 'report.json'), 'utf8')) as Report;
  const { original, reduced, reduction, fairness } = report;
  expect(reduction.budget).toBe(Math.floor(original.relus / 4));
  expect(reduced.relus).toBeLessThanOrEqual(reduction.budget);
  expect(inspect(await loadModel(join(out, 'reduced.onnx'))).relus).toBe(reduced.relus);
  for (const file of ['original.onnx', 'reduced.onnx']) {
    const { mean, std } = (await loadModel(join(out, file))).graph.preprocessing!;
    expect([mean[0], std[0]]).toEqual([expect.closeTo(73 / 255, 6), expect.closeTo(90 / 255, 6)]);
  }
  expect(fairness.n).toBe(200);
  await expectPrivateAnswers(original, join(out, 'original.onnx'));
  await expectPrivateAnswers(reduced, join(out, 'reduced.onnx'));
  const { labels_alone: labels } = report;
  expect([labels.answer_bits, labels.images.length]).toEqual([4, 4]);
  expect(reduced.answer_bits).toBeGreaterThan(100);
  for (const image of labels.images) {
    expect(image).toMatchObject({ private: image.plaintext, max_difference: null });
    expect(image.online.rounds).toBe(reduced.images[0]!.online.rounds + 2);
  }
  expect(stdout).toContain('An answer of the label alone tells 4 bits in place of');
  expect(stdout).toContain(`${join(out, 'report.html')}`);
  expect(stdout).toContain(reduced.relus.toLocaleString('en-US'));
});

test('a preset of three channels is refused for a network of one, and nothing is written', async () => {
  const out = join(folder, 'refused');
  const { code, stderr } = await cli([...args, '--normalise', 'imagenet', '--out', out]);
  expect(code).toBe(2);
  expect(stderr).toMatch(
    /--normalise, .*expected one number for the only channel, got \[0.485, 0.456, 0.406\]/,
  );
  expect(existsSync(join(out, 'original.onnx'))).toBe(false);
});

test('Ctrl-C while a server runs: 130, and the server process is gone', async () => {
  const out = join(folder, 'stopped');
  // It stops itself at its first private answer: the server runs and has a session.
  const child = startCli([...args, '--out', out], { nodeOptions: stoppingAfter(/test image \d/) });
  const result = finished(child);
  await untilStopped(child.pid!);
  const servers = childrenOf(child.pid!);
  expect(servers).toHaveLength(1);
  child.kill('SIGINT');
  child.kill('SIGCONT');
  expect((await result).code).toBe(130);
  await expect.poll(() => servers.filter(isRunning)).toEqual([]);
  expect(readdirSync(out)).toEqual(['reduced.onnx']);
});

const skipped = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';
test.skipIf(browserFile === undefined)(
  `demo --web: a stranger gets a private answer, and both networks' when the reduced one is there${skipped}`,
  async () => {
    const child = startCli([...args, '--out', join(folder, 'web'), '--web', '--port', '0', '--json']);
    const result = finished(child);
    const { url } = JSON.parse(await firstLine(child)) as { url: string };
    const browser = await startBrowser({ local: true });
    const page = await browser.newPage();
    await page.goto(url);
    await page.getByRole('button', { name: 'Ask privately' }).click();
    await page.locator('.answer .label').first().waitFor();
    expect(await page.locator('#saw-note').innerText()).toMatch(
      /^784 numbers: each is a value of your picture plus/,
    );
    expect(await page.getByText('That you ask, when, how often').isVisible()).toBe(true);
    await expect.poll(() => page.locator('#pending').innerText(), { timeout: 200_000 }).toBe('');
    await page.getByText('Ready.').waitFor();
    await page.getByRole('button', { name: 'Ask privately' }).click();
    const rows = () => page.locator('#costs tr').allInnerTexts();
    await expect.poll(async () => (await rows())[0]).toMatch(/original\s+reduced/);
    expect(await page.locator('.answer h3').allInnerTexts()).toEqual(['original', 'reduced']);
    const numbers = (row: string) =>
      (row.match(/[\d,.]+/g) ?? []).map((text) => Number(text.replaceAll(',', '')));
    const relus = numbers((await rows()).find((row) => row.startsWith('Private comparisons'))!);
    expect(relus).toEqual([4704, 1176]);
    const received = numbers((await rows()).find((row) => row.startsWith('Received for it'))!);
    expect(received[1]).toBeLessThan(received[0]!);
    expect((await rows())[1]).toMatch(/^Right, of 200 test pictures\s+\d+\.\d %\s+\d+\.\d %$/);
    await browser.close();
    child.kill('SIGINT');
    // A server that is stopped has done what it was asked for.
    expect((await result).code).toBe(0);
  },
);
