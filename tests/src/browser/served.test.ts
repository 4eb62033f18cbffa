import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadDataset, pixels } from '../../../models/data/dataset.ts';
import { loadModel } from '../../../models/files/read.ts';
import { predict } from '../../../models/runtime/run.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { preparedModel } from '../../../src/cli/options/prepared.ts';
import { connect } from '../../../src/client.ts';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browsers/browser.ts';
import { firstLine, quiet, startCli } from '../../helpers/processes/cli.ts';
import { firefoxFile, noFirefox, startFirefox } from '../../helpers/browsers/firefox.ts';

// A real `serve` of the network of the zoo, over TLS and with a token, and browsers that ask it about test images.

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));
const token = 'of-the-browser-0123456789';
const zoo = 'zoo:fashion-resnet8';

/** Images that each browser asks about. */
const asked = { chromium: 6, firefox: 3 };

let folder: string;
let server: ChildProcess;
let url: string;
let images: Float32Array[];
let float: Float32Array[];
let inNode: number[];
let bound: number;

beforeAll(async () => {
  if (browserFile === undefined && firefoxFile === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'reluctant-served-'));
  const tokens = join(folder, 'tokens.txt');
  await writeFile(tokens, `browser: ${token}\n`);
  const tls = ['--tls-cert', fixture('cert'), '--tls-key', fixture('key'), '--tokens', tokens];
  server = startCli(['serve', zoo, '--web', ...tls, '--port', '0', '--json']);
  ({ url } = JSON.parse(await firstLine(server)) as { url: string });
  const test = await loadDataset('fashion-mnist-part', 'test');
  images = Array.from({ length: asked.chromium }, (_, i) => pixels(test, [i]));
  const model = await loadModel(zoo);
  float = await Promise.all(images.map((image) => predict(model, image, 1)));
  bound = logitErrorBound(await preparedModel(zoo, 'fashion-mnist-part', quiet)).likely;
  const session = await connect(url, { token, ca: readFileSync(fixture('cert')) });
  inNode = [];
  for (const image of images) inNode.push((await session.infer(image)).label);
  await session.close();
});
afterAll(async () => {
  server?.kill();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

type Answer = { readonly label: number; readonly logits: readonly number[]; readonly sent: number };

/** Runs in a page of the server: asks about each image. Text, since tests are compiled without a browser's names. */
function asking(count: number): string {
  const input = { url, token, images: images.slice(0, count).map((image) => [...image]) };
  return `(async ({ url, token, images }) => {
    const { connect } = await import('/client.js');
    const session = await connect(url, { token });
    const answers = [];
    for (const image of images) {
      const { label, logits, sent } = await session.infer(Float32Array.from(image));
      answers.push({ label, logits: [...logits], sent: sent.length });
    }
    await session.close();
    return answers;
  })(${JSON.stringify(input)})`;
}

function expectAnswers(answers: readonly Answer[], count: number): void {
  expect(answers).toHaveLength(count);
  expect(answers.map(({ label }) => label)).toEqual(inNode.slice(0, count));
  for (const [i, { logits, sent }] of answers.entries()) {
    const furthest = Math.max(...logits.map((logit, k) => Math.abs(logit - float[i]![k]!)));
    expect(furthest).toBeLessThan(bound);
    expect(sent).toBe(4 * images[i]!.length);
  }
  // The answers belong to their images: the logits of another are further away than the bound.
  expect(Math.abs(answers[0]!.logits[0]! - float[1]![0]!)).toBeGreaterThan(2 * bound);
}

/** A file of the page: it has the page's headers, and opens no session of its own. */
const place = () => `${url.replace('wss', 'https')}/page.css`;

const withoutChromium = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';
test.skipIf(browserFile === undefined)(
  `Chromium gets the labels of the client for Node for ${asked.chromium} test images${withoutChromium}`,
  async () => {
    const browser = await startBrowser({ local: true });
    const page = await browser.newPage();
    await page.goto(place());
    expectAnswers(await page.evaluate<Answer[]>(asking(asked.chromium)), asked.chromium);
    await browser.close();
  },
);

const withoutFirefox = firefoxFile === undefined ? ` (skipped: ${noFirefox})` : '';
test.skipIf(firefoxFile === undefined)(
  `Firefox gets them too, for ${asked.firefox} images${withoutFirefox}`,
  async () => {
    const browser = await startFirefox();
    const page = await browser.newPage();
    await page.goto(place());
    expectAnswers((await page.evaluate(asking(asked.firefox))) as Answer[], asked.firefox);
    await browser.close();
  },
);

test.skipIf(firefoxFile === undefined)(`the page itself answers in Firefox${withoutFirefox}`, async () => {
  const browser = await startFirefox();
  const page = await browser.newPage();
  page.setDefaultTimeout(300_000);
  await page.goto(url.replace('wss', 'https'));
  await page.locator('#token-form:not([hidden]) #token').fill(token);
  await page.locator('#token-form button').click();
  await page.locator('button[aria-label=Trouser]').click();
  await page.locator('#ask').click();
  await page.waitForSelector('.answer .label');
  expect(await page.evaluate(`document.querySelector('.answer .label').textContent`)).toBe('Trouser');
  await browser.close();
});
