import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { argmax } from '../../../models/tensor.ts';
import { predict } from '../../../models/runtime/run.ts';
import { openSite } from '../../../src/page/site.ts';
import { startServer } from '../../../src/server.ts';
import type { RunningServer } from '../../../src/server.ts';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browsers/browser.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { seededRng } from '../../helpers/rng.ts';
import { servedNet } from '../fixtures/served-net.ts';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));
const token = 'of-the-browser-0123456789';
const tls = { cert: fixture('cert'), key: fixture('key') };

let server: RunningServer;
let browser: Browser;
let page: Page;
let image: number[];
let label: number;

beforeAll(async () => {
  if (browserFile === undefined) return;
  const { model, prepared } = await servedNet();
  const n = 200;
  const images = randomImages(model, n, seededRng('browser images'));
  const logits = await predict(model, images, n);
  const row = clearest(logits, n);
  image = [...images.subarray((row * images.length) / n, ((row + 1) * images.length) / n)];
  label = argmax(logits.subarray((row * logits.length) / n, ((row + 1) * logits.length) / n));
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

/** The image whose label is least a matter of rounding: its two largest logits differ most. */
function clearest(logits: Float32Array, n: number): number {
  const classes = logits.length / n;
  const leads = Array.from({ length: n }, (_, i) => {
    const [first, second] = [...logits.subarray(i * classes, (i + 1) * classes)].sort((a, b) => b - a);
    return first! - second!;
  });
  return leads.indexOf(Math.max(...leads));
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
      })(${JSON.stringify({ url: server.url, token, transfers, image })})`);
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
    expect(await failure(server.url, 't'.repeat(501))).toEqual({
      name: 'UsageError',
      message: 'token and model: expected at most 512 bytes together, in a name 100 characters',
    });
  },
);

test.skipIf(browserFile === undefined)(
  `a session that is closed answers no call, and none waits for ever${skipped}`,
  async () => {
    const said = await page.evaluate<string[]>(`(async ({ url, token, image }) => {
      const { connect } = await import('/client.js');
      const session = await connect(url, { token, threads: 1 });
      const ended = (call) => call.then(() => 'done', ({ name, message }) => name + ': ' + message);
      const underWay = ended(session.infer(Float32Array.from(image)));
      const closed = [ended(session.close()), ended(session.close())];
      await Promise.all(closed);
      const after = [session.infer(Float32Array.from(image)), session.prepare(), session.close()];
      return Promise.all([underWay, ...closed, ...after.map(ended)]);
    })(${JSON.stringify({ url: server.url, token, image })})`);
    const over = 'ProtocolError: the session is closed';
    expect(said).toEqual([over, 'done', 'done', over, over, 'done']);
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
