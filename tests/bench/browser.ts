import type { Page } from 'playwright-core';
import { connect } from '../../src/client.ts';
import { loadDataset, pixels } from '../../models/data/dataset.ts';
import { browserFile, noBrowser, startBrowser } from '../helpers/browsers/browser.ts';
import { firstLine, startCli } from '../helpers/processes/cli.ts';

// `npm run bench:browser -- 6`: the client in Chromium against that in Node, in turn, with one server on this
// machine. It prints medians, their ratios, and the longest time in which the page drew no frame. The first
// answer of each session is left out.

type Seconds = { readonly offline: number; readonly online: number };

const runs = Number(process.argv[2] ?? 6);
if (browserFile === undefined) throw new Error(noBrowser);
const { images } = await inputs();
const server = startCli(['serve', 'zoo:fashion-resnet8', '--web', '--port', '0', '--json']);
try {
  const { url } = JSON.parse(await firstLine(server)) as { url: string };
  const browser = await startBrowser({ local: true });
  console.log(`longest time without a frame, ms: ${await frameGaps(await browser.newPage(), url)}`);
  // A file of the page has its headers, and no session of its own.
  const page = await browser.newPage();
  await page.goto(`${url.replace('ws', 'http')}/page.css`);
  const inBrowser: Seconds[] = [];
  const inNode: Seconds[] = [];
  for (let round = 0; round < 2; round++) {
    inNode.push(...(await askInNode(url)));
    inBrowser.push(...(await askInBrowser(page, url)));
  }
  await browser.close();
  for (const phase of ['offline', 'online'] as const) {
    const [node, chromium] = [inNode, inBrowser].map((all) => median(all.map((one) => one[phase])));
    const ratio = (chromium! / node!).toFixed(2);
    console.log(`${phase}: Node ${ms(node!)}, Chromium ${ms(chromium!)}, ratio ${ratio}`);
  }
} finally {
  server.kill();
}

async function inputs() {
  const test = await loadDataset('fashion-mnist-part', 'test');
  return { images: Array.from({ length: runs + 1 }, (_, i) => pixels(test, [i])) };
}

async function askInNode(url: string): Promise<Seconds[]> {
  const session = await connect(url);
  const all: Seconds[] = [];
  for (const image of images) {
    const { offline, online } = await session.infer(image);
    all.push({ offline: offline.seconds, online: online.seconds });
  }
  await session.close();
  return all.slice(1);
}

async function askInBrowser(page: Page, url: string): Promise<Seconds[]> {
  const asked = { url, images: images.map((image) => [...image]) };
  const all = await page.evaluate<Seconds[]>(`(async ({ url, images }) => {
    const { connect } = await import('/client.js');
    const session = await connect(url);
    const all = [];
    for (const image of images) {
      const { offline, online } = await session.infer(Float32Array.from(image));
      all.push({ offline: offline.seconds, online: online.seconds });
    }
    await session.close();
    return all;
  })(${JSON.stringify(asked)})`);
  return all.slice(1);
}

/** Of the page itself: until it is ready, and while it answers and prepares the next answer. */
async function frameGaps(page: Page, url: string): Promise<string> {
  await page.addInitScript(`(() => {
    globalThis.longest = 0;
    let last = performance.now();
    const frame = (now) => {
      globalThis.longest = Math.max(globalThis.longest, now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame((now) => {
      last = now;
      requestAnimationFrame(frame);
    });
  })()`);
  await page.goto(url.replace('ws', 'http'));
  const longest = async () => (await page.evaluate<number>('globalThis.longest')).toFixed(0);
  await page.getByText('Ready.').waitFor({ timeout: 300_000 });
  const opening = await longest();
  await page.evaluate('globalThis.longest = 0');
  await page.getByRole('button', { name: 'Ask privately' }).click();
  await page.locator('.answer .label').waitFor({ timeout: 300_000 });
  await page.getByText('Ready.').waitFor({ timeout: 300_000 });
  const answering = await longest();
  await page.close();
  return `${opening} while keys are made, ${answering} while it answers`;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function ms(seconds: number): string {
  return `${(1000 * seconds).toFixed(0)} ms`;
}
