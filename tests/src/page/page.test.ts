import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteImages, loadDataset, pixels } from '../../../models/data/dataset.ts';
import { argmax } from '../../../models/tensor.ts';
import { loadModel } from '../../../models/files/read.ts';
import { predict } from '../../../models/runtime/run.ts';
import { packageRoot } from '../../../src/shared/files.ts';
import { browserFile, contrasts, noBrowser, startBrowser, widths } from '../../helpers/browsers/browser.ts';
import type { Contrasts } from '../../helpers/browsers/browser.ts';
import { firstLine, startCli } from '../../helpers/processes/cli.ts';

const skipped = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';

describe.skipIf(browserFile === undefined)(`the page of serve --web${skipped}`, () => {
  let server: ReturnType<typeof startCli>;
  let url: string;
  let browser: Browser;
  let page: Page;
  const requests: Request[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    server = startCli(['serve', 'zoo:fashion-resnet8', '--web', '--port', '0', '--threads', '2', '--json']);
    const { url: address } = JSON.parse(await firstLine(server)) as { url: string };
    url = address.replace('ws', 'http');
    browser = await startBrowser({ local: true });
    page = await browser.newPage();
    page.on('request', (request) => requests.push(request));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(url);
  });
  afterAll(async () => {
    await browser?.close();
    server?.kill();
  });

  const ready = () => page.getByText('Ready.').waitFor();
  const answers = () => page.locator('.answer .label');

  test('a sample picture is answered as the network answers it, by keyboard alone', async () => {
    await ready();
    await page.getByRole('button', { name: 'Trouser' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Ask privately' }).focus();
    await page.keyboard.press('Enter');
    await answers().waitFor();
    expect(await answers().allInnerTexts()).toEqual(['Trouser']);
    expect(await page.locator('#announcement').innerText()).toMatch(/^The answer: Trouser, \d+\.\d %$/);
    // The focus is where it was.
    expect(await page.evaluate('document.activeElement.id')).toBe('ask');
    const test = await loadDataset('fashion-mnist-part', 'test');
    const index = test.labels.findIndex((label) => test.classes[label] === 'Trouser');
    const logits = await predict(await loadModel('zoo:fashion-resnet8'), pixels(test, [index]), 1);
    expect(test.classes[argmax(logits)]).toBe('Trouser');
    const bars = await page.locator('.bars li').allInnerTexts();
    expect(bars).toHaveLength(5);
    expect(bars[0]).toMatch(/^Trouser\s+\d+\.\d %$/);
  });

  test('what the server saw is what was sent: as many numbers as pixels, and no picture', async () => {
    const spread = async (id: string) =>
      page.evaluate<number[]>(`(() => {
        const canvas = document.getElementById('${id}');
        const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        return [...data].filter((_, i) => i % 4 === 0);
      })()`);
    const [picture, sent] = [await spread('picture'), await spread('saw-sent')];
    expect(sent).toHaveLength(784);
    const test = await loadDataset('fashion-mnist-part', 'test');
    const index = test.labels.findIndex((label) => test.classes[label] === 'Trouser');
    expect(picture).toEqual([...byteImages(test).subarray(784 * index, 784 * (index + 1))]);
    expect(new Set(sent).size).toBeGreaterThan(200);
    expect(await page.locator('#saw-numbers').innerText()).toMatch(/^([0-9a-f]{8} ){6}…$/);
  });

  test('a file, a camera and a drawing become pictures of the network’s size', async () => {
    const note = page.locator('#picture-note');
    await page.locator('#file').setInputFiles({
      ...{ name: 'white.png', mimeType: 'image/png' },
      buffer: await whitePicture(page),
    });
    await expect
      .poll(() => note.innerText())
      .toMatch(/^white\.png\. The network takes 28 x 28 pixels in grey/);
    // The samples have a black ground, so a white one is swapped.
    expect(await page.getByLabel('Swap light and dark').isChecked()).toBe(true);
    // The page has scrolled to an answer, so that the buttons are all that is in view.
    const topOf = async (id: string) => (await page.locator(id).boundingBox())!.y;
    // At once: the page may still scroll smoothly to where it was sent before.
    const scroll = `document.querySelector('#draw').scrollIntoView({ block: 'start', behavior: 'instant' })`;
    const toButtons = () =>
      expect
        .poll(async () => {
          await page.evaluate(scroll);
          return topOf('#stage');
        })
        .toBeLessThan(0);
    await toButtons();
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await page.locator('#video').waitFor();
    await expect
      .poll(() => topOf('#video'), { message: 'it scrolls to the camera' })
      .toBeGreaterThanOrEqual(0);
    await page.getByRole('button', { name: 'Take this picture' }).click();
    await expect.poll(() => note.innerText()).toMatch(/^A picture from the camera\./);
    await toButtons();
    await page.getByRole('button', { name: 'Draw', exact: true }).click();
    await expect.poll(() => topOf('#pad'), { message: 'it scrolls to the pad' }).toBeGreaterThanOrEqual(0);
    const pad = page.locator('#pad');
    await pad.hover({ position: { x: 60, y: 60 } });
    await page.mouse.down();
    await pad.hover({ position: { x: 180, y: 180 } });
    await page.mouse.up();
    await expect.poll(() => note.innerText()).toMatch(/^Your drawing\./);
    await page
      .locator('#file')
      .setInputFiles({ name: 'no.png', mimeType: 'image/png', buffer: Buffer.from('x') });
    await expect.poll(() => note.innerText()).toBe('no.png: this browser cannot read it as a picture.');
  });

  test('it loads nothing from elsewhere, complains of nothing, and is small until its first answer', async () => {
    expect(new Set(requests.map((request) => new URL(request.url()).origin))).toEqual(new Set([url]));
    expect(complaints).toEqual([]);
    const bytes = new Map<string, number>();
    for (const request of requests) {
      const { pathname } = new URL(request.url());
      const sizes = await request.sizes();
      bytes.set(pathname, sizes.responseBodySize);
    }
    const all = [...bytes.values()].reduce((a, b) => a + b, 0);
    expect(bytes.get('/client.js')).toBeGreaterThan(0);
    expect(bytes.get('/seal_throws.wasm')).toBeGreaterThan(0);
    expect(all).toBeLessThan(700_000);
    // Not counting what each module of others has in the bundles; size.test.ts measures our own.
    expect(all).toBeGreaterThan(60_000);
  });

  test('the first paint comes before the client is loaded', async () => {
    const [paint, client] = await page.evaluate<[number, number]>(`[
      performance.getEntriesByName('first-paint')[0].startTime,
      performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/client.js')).startTime,
    ]`);
    expect(paint).toBeLessThan(client);
  });

  test.each([
    [390, 'dark'],
    [390, 'light'],
    [1200, 'dark'],
  ] as const)('at %i pixels, %s: nothing is cut off and all text can be read', async (width, colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const [content, view] = await page.evaluate<[number, number]>(widths);
    expect(content).toBeLessThanOrEqual(view);
    const { text } = await page.evaluate<Contrasts>(contrasts);
    expect(text.length).toBeGreaterThan(20);
    expect(Math.min(...text)).toBeGreaterThan(4.5);
  });

  test('every control has a name, and what happens is announced', async () => {
    // The next answer may still be prepared.
    await ready();
    const names = await page.evaluate<
      string[]
    >(`[...document.querySelectorAll('button, input, canvas:not([aria-hidden]), progress')]
      .filter((node) => node.checkVisibility())
      .map((node) => node.ariaLabel || node.innerText || node.labels?.[0]?.innerText || node.getAttribute('aria-labelledby') || '')`);
    expect(names.length).toBeGreaterThan(12);
    expect(names.filter((name) => name.trim() === '')).toEqual([]);
    expect(await page.locator('#status').getAttribute('role')).toBe('status');
    expect(await page.locator('#status').innerText()).toMatch(/^Ready\./);
    // What is done has a tick, what is going on is marked.
    expect(await page.locator('#steps .done').count()).toBeGreaterThan(2);
    expect(await page.locator('#steps [aria-current=step]').innerText()).toBe('Your question');
  });

  test('without a mouse the focus goes from the pictures to the question in the order of the page', async () => {
    await page.locator('.skip').focus();
    const names: string[] = [];
    while (names.at(-1) !== 'Ask privately' && names.length < 25) {
      await page.keyboard.press('Tab');
      names.push(await page.evaluate('document.activeElement.ariaLabel || document.activeElement.innerText'));
    }
    expect(names.slice(0, 3)).toEqual(['Choose a file', 'Use the camera', 'Draw']);
    expect(names.at(-1)).toBe('Ask privately');
    expect(names).toContain('Trouser');
    const outline = await page.evaluate<string>('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
  });

  test('who wants less motion gets none', async () => {
    const moving = `[...document.querySelectorAll('*')].filter((node) => {
      const { transitionDuration, animationName } = getComputedStyle(node);
      return transitionDuration !== '0s' || animationName !== 'none';
    }).length`;
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    expect(await page.evaluate<number>(moving)).toBeGreaterThan(0);
    await page.emulateMedia({ reducedMotion: 'reduce' });
    expect(await page.evaluate<number>(moving)).toBe(0);
  });

  test('its headers isolate it and let it load and run nothing of others', async () => {
    for (const path of ['/', '/client.js', '/page.css', '/seal_throws.wasm']) {
      const { headers } = await fetch(url + path);
      expect(headers.get('cross-origin-opener-policy'), path).toBe('same-origin');
      expect(headers.get('cross-origin-embedder-policy'), path).toBe('require-corp');
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
      const policy = headers.get('content-security-policy')!.split('; ');
      expect(policy, path).toContain("default-src 'none'");
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(
        policy.find((part) => part.startsWith('connect-src')),
        path,
      ).toBe(`connect-src 'self' ${['ws', 'wss'].map((kind) => url.replace('http', kind)).join(' ')}`);
    }
    expect(await page.evaluate('crossOriginIsolated')).toBe(true);
    const ran = await page.evaluate<boolean>(`(() => {
      const script = document.createElement('script');
      script.textContent = 'globalThis.ran = true';
      document.body.append(script);
      return globalThis.ran === true;
    })()`);
    expect(ran).toBe(false);
    const fetched = `fetch('http://127.0.0.1:1/').then(() => 'yes', ({ message }) => message)`;
    const broken = page.waitForEvent('console', (message) => /Content Security Policy/.test(message.text()));
    expect(await page.evaluate(fetched)).toBe('Failed to fetch');
    await broken;
  });

  test('each visitor gets the smallest form of a file that their browser takes', async () => {
    const form = async (accepted: string) => {
      const response = await fetch(`${url}/session.js`, { headers: { 'accept-encoding': accepted } });
      const text = await response.text();
      return [response.headers.get('content-encoding'), Number(response.headers.get('content-length')), text];
    };
    const [none, zipped, packed] = [
      await form('identity'),
      await form('gzip'),
      await form('gzip, deflate, br'),
    ];
    expect([none[0], zipped[0], packed[0]]).toEqual([null, 'gzip', 'br']);
    expect(packed[1]).toBeLessThan(zipped[1] as number);
    expect(zipped[1]).toBeLessThan(none[1] as number);
    expect([zipped[2], packed[2]]).toEqual([none[2], none[2]]);
  });

  test('other paths, methods and files that are not the page’s are refused', async () => {
    const status = async (path: string, method = 'GET') => (await fetch(url + path, { method })).status;
    expect(await status('/')).toBe(200);
    expect(await status('/', 'HEAD')).toBe(200);
    expect(await status('/', 'POST')).toBe(405);
    for (const path of ['/package.json', '/../package.json', '/%2e%2e/%2e%2e/package.json', '/about'])
      expect(await status(path), path).toBe(404);
    const first = await fetch(`${url}/page.css`);
    const tag = first.headers.get('etag')!;
    expect((await fetch(`${url}/page.css`, { headers: { 'if-none-match': tag } })).status).toBe(304);
    expect(await first.text()).toBe(await readFile(join(packageRoot, 'src/page/client/page.css'), 'utf8'));
  });
});

/** A white PNG of 40 x 30 pixels, made by the browser. */
async function whitePicture(page: Page): Promise<Buffer> {
  const base64 = await page.evaluate<string>(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 40, height: 30 });
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, 40, 30);
    return canvas.toDataURL('image/png').split(',')[1];
  })()`);
  return Buffer.from(base64, 'base64');
}
