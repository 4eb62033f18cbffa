import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { argmax } from '../../../models/tensor.ts';
import { predict } from '../../../models/runtime/run.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { connect } from '../../../src/client.ts';
import { openSite } from '../../../src/page/site.ts';
import { startServer } from '../../../src/server.ts';
import type { RunningServer } from '../../../src/server.ts';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browser.ts';
import { randomImages } from '../../helpers/data.ts';
import { seededRng } from '../../helpers/rng.ts';
import { servedNet } from '../fixtures/served-net.ts';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));
const token = 'of-the-browser-0123456789';
const tls = { cert: fixture('cert'), key: fixture('key') };

let server: RunningServer;
let browser: Browser;
let page: Page;
let images: number[][];
let float: Float32Array[];
/** How far logits may be from the network's, proved; and how far rounding takes them in this one (measured: 0.12). */
const noise = 0.25;
let bound: number;

/**
 * 20 images whose label is no matter of rounding: the two largest logits differ by four times the largest
 * difference that is taken for noise.
 */
beforeAll(async () => {
  if (browserFile === undefined) return;
  const { model, prepared } = await servedNet();
  bound = logitErrorBound(prepared).likely;
  const n = 200;
  const all = randomImages(model, n, seededRng('browser images'));
  const logits = await predict(model, all, n);
  const rows = Array.from({ length: n }, (_, i) => ({
    image: [...all.subarray((i * all.length) / n, ((i + 1) * all.length) / n)],
    logits: logits.slice((i * logits.length) / n, ((i + 1) * logits.length) / n),
  })).filter(({ logits }) => {
    const [first, second] = [...logits].sort((a, b) => b - a);
    return first! - second! > 4 * noise;
  });
  images = rows.slice(0, 20).map(({ image }) => image);
  float = rows.slice(0, 20).map(({ logits }) => logits);
  const answerHttp = await openSite(() => ({ models: [], samples: [] }));
  server = await startServer({ ...prepared, threads: 1, tokens: [token], tls, answerHttp, maxPrepared: 8 });
  browser = await startBrowser({ local: true });
  page = await browser.newPage();
  await page.goto(server.url.replace('wss', 'https'));
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

type Answers = { readonly labels: number[]; readonly logits: number[][]; readonly sent: number[] };
type Asked = { readonly url: string; readonly token: string; readonly images: readonly number[][] };

/** Asks from within the page. As text, because these tests are compiled without the names of a browser. */
function askAll(page: Page, asked: Asked): Promise<Answers> {
  return page.evaluate<Answers>(`(async ({ url, token, images }) => {
    const { connect } = await import('/client.js');
    const session = await connect(url, { token, threads: 2 });
    const answers = { labels: [], logits: [], sent: [] };
    for (const image of images) {
      const { label, logits, sent } = await session.infer(Float32Array.from(image));
      answers.labels.push(label);
      answers.logits.push([...logits]);
      answers.sent.push(sent.length);
    }
    await session.close();
    return answers;
  })(${JSON.stringify(asked)})`);
}

/** Why a page cannot connect. */
function failureOf(page: Page, url: string, token: string): Promise<{ name: string; message: string }> {
  return page.evaluate(`(async ({ url, token }) => {
    const { connect } = await import('/client.js');
    const error = await connect(url, { token, threads: 1 }).catch((error) => error);
    return { name: error.name, message: error.message };
  })(${JSON.stringify({ url, token })})`);
}

const skipped = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';
test.skipIf(browserFile === undefined)(
  `over TLS and with a token, 20 images get the labels of the client for Node, within the bound${skipped}`,
  async () => {
    const inPage = await askAll(page, { url: server.url, token, images });
    const session = await connect(server.url, { token, ca: readFileSync(tls.cert), threads: 1 });
    const inNode: { label: number; logits?: Float32Array }[] = [];
    for (const image of images) inNode.push(await session.infer(Float32Array.from(image)));
    await session.close();

    expect(images).toHaveLength(20);
    expect(inPage.labels).toEqual(inNode.map(({ label }) => label));
    expect(inPage.labels).toEqual(float.map((logits) => argmax(logits)));
    const first = float.map((logits) => logits[0]!);
    // The answers belong to their images: another image's are further away than the noise.
    expect(Math.max(...first) - Math.min(...first)).toBeGreaterThan(2 * noise);
    for (const [i, logits] of float.entries()) {
      const furthest = Math.max(...logits.map((logit, k) => Math.abs(logit - inPage.logits[i]![k]!)));
      expect(furthest).toBeLessThan(Math.min(bound, noise));
    }
    expect(new Set(inPage.sent)).toEqual(new Set([4 * images[0]!.length]));
  },
);

test.skipIf(browserFile === undefined)(
  `silent transfers and SoftSpokenOT give the same label; another kind is refused${skipped}`,
  async () => {
    const ask = (transfers: string) =>
      page.evaluate<{ label?: number; error?: string }>(`(async ({ url, token, transfers, image }) => {
        const { connect } = await import('/client.js');
        try {
          const session = await connect(url, { token, transfers, threads: 1 });
          const { label } = await session.infer(Float32Array.from(image));
          await session.close();
          return { label };
        } catch ({ name, message }) {
          return { error: name + ': ' + message };
        }
      })(${JSON.stringify({ url: server.url, token, transfers, image: images[0] })})`);
    const label = argmax(float[0]!);
    expect(await ask('silent')).toMatchObject({ label });
    expect(await ask('softspoken')).toMatchObject({ label });
    expect((await ask('loud')).error).toBe(
      'UsageError: transfers: expected auto, silent, softspoken, got loud',
    );
  },
);

test.skipIf(browserFile === undefined)(
  `refusals and wrong addresses can be told apart${skipped}`,
  async () => {
    const failure = (url: string, shown: string) => failureOf(page, url, shown);
    expect(await failure(server.url, 'another-token-0123456789')).toEqual({
      name: 'ProtocolError',
      message: 'the peer ended the session: this server does not know this token',
    });
    expect(await failure(server.url.replace(/\d+$/, '9'), token)).toMatchObject({ name: 'ConnectionError' });
    expect(await failure('https://127.0.0.1', token)).toMatchObject({ name: 'UsageError' });
  },
);

test.skipIf(browserFile === undefined)(
  `without isolation the page is told which headers it needs${skipped}`,
  async () => {
    const other = await browser.newPage({ ignoreHTTPSErrors: true });
    await other.route('**/*', async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), 'cross-origin-embedder-policy': 'unsafe-none' };
      await route.fulfill({ response, headers });
    });
    await other.goto(server.url.replace('wss', 'https'));
    const { name, message } = await failureOf(other, server.url, token);
    expect(name).toBe('UsageError');
    expect(message).toMatch(/not cross-origin isolated.*Cross-Origin-Embedder-Policy: require-corp/);
    await other.close();
  },
);
