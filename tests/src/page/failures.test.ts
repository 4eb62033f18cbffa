import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resnet } from '../../../models/architectures/resnet.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { aboutModel } from '../../../src/cli/options/page.ts';
import { openSite } from '../../../src/page/site.ts';
import { startServer } from '../../../src/server.ts';
import type { RunningServer, ServerOptions } from '../../../src/server.ts';
import { browserFile, noBrowser, startBrowser } from '../../helpers/browsers/browser.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { plainPng } from '../../helpers/data/image-files.ts';
import { freePort } from '../../helpers/processes/free-port.ts';
import { seededRng } from '../../helpers/rng.ts';

const skipped = browserFile === undefined ? ` (skipped: ${noBrowser})` : '';

/** The page on a small network for colour pictures, and what it says when something fails. */
describe.skipIf(browserFile === undefined)(`a page in trouble${skipped}`, () => {
  let prepared: Prepared;
  let browser: Browser;
  const servers: RunningServer[] = [];

  beforeAll(async () => {
    const sizes = { inChannels: 3, size: 8, classes: 3, widths: [4, 6], blocks: [1, 1], stemRelu: true };
    const model = resnet({ name: 'tiny', ...sizes }, seededRng('colours'));
    const images = randomImages(model, 8, seededRng('in trouble'));
    prepared = await prepare(model, { calibration: { images, n: 8 } });
    browser = await startBrowser({ local: true });
  });
  afterAll(async () => {
    await browser?.close();
    await Promise.all(servers.map((server) => server.close()));
  });

  async function open(options: Partial<ServerOptions> = {}): Promise<{ page: Page; server: RunningServer }> {
    const about = { models: [aboutModel(prepared.plan, prepared.plan.name, 'tiny')], samples: [] };
    const answerHttp = await openSite(() => about);
    const server = await startServer({ ...prepared, threads: 1, answerHttp, ...options });
    servers.push(server);
    const page = await browser.newPage();
    await page.goto(server.url.replace('ws', 'http'));
    return { page, server };
  }

  const ready = (page: Page) => page.getByText('Ready.').waitFor();
  const problem = (page: Page) => page.getByRole('alert');
  const ask = (page: Page) => page.getByRole('button', { name: 'Ask privately' }).click();
  const note = (page: Page) => page.locator('#picture-note');

  async function giveFile(page: Page, name = 'red.png'): Promise<void> {
    const buffer = Buffer.from(await plainPng([200, 30, 90], { width: 20, height: 12 }));
    await page.locator('#file').setInputFiles({ name, mimeType: 'image/png', buffer });
  }

  async function choosePicture(page: Page, name = 'red.png'): Promise<void> {
    await giveFile(page, name);
    await expect.poll(() => note(page).innerText()).toContain(`${name}. The network takes 8 x 8 pixels;`);
  }

  /** From now on the browser waits with the next picture that it is to read, until `release` is called. */
  const holdNextPicture = (page: Page) =>
    page.evaluate(`(() => {
      const read = createImageBitmap;
      globalThis.createImageBitmap = (source) => {
        globalThis.createImageBitmap = read;
        return new Promise((resolve) => (globalThis.release = () => resolve(read(source))));
      };
    })()`);

  test('a click before the page knows its networks waits for them', async () => {
    const { page } = await open();
    await ready(page);
    let answerAbout = () => {};
    const allowed = new Promise<void>((resolve) => (answerAbout = resolve));
    await page.route('**/about.json', async (route) => allowed.then(() => route.continue()));
    const loaded = page.waitForRequest('**/about.json');
    await page.reload({ waitUntil: 'domcontentloaded' });
    await loaded;
    const clicked = ask(page);
    await new Promise((resolve) => setTimeout(resolve, 300));
    answerAbout();
    await clicked;
    expect(await note(page).innerText()).toBe('Choose a picture first.');
    await page.close();
  });

  test('a page that cannot learn of the networks says so, and nothing can be pressed', async () => {
    const { page } = await open();
    await page.route('**/about.json', (route) => route.fulfill({ status: 503 }));
    await page.reload();
    await problem(page).waitFor();
    expect(await problem(page).innerText()).toBe('about.json: HTTP 503. Reload the page to try again.');
    expect(await page.evaluate(`document.querySelector('#choose').closest('[inert]') !== null`)).toBe(true);
    await page.close();
  });

  test('a wrong token is said, and the right one then opens the session', async () => {
    const token = 'of-a-visitor-0123456789';
    const { page } = await open({ tokens: [token] });
    await problem(page).waitFor();
    expect(await problem(page).innerText()).toBe('The server says: a token is needed');
    await page.keyboard.type('another-token-0123456789');
    await page.keyboard.press('Enter');
    await expect
      .poll(() => problem(page).innerText())
      .toBe('The server says: this server does not know this token');
    await page.getByLabel('This server asks for a token').fill(token);
    await page.getByRole('button', { name: 'Use it' }).click();
    await ready(page);
    expect(await problem(page).isVisible()).toBe(false);
    // Nothing keeps the token where the next visitor finds it.
    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(
      0,
    );
    await page.close();
  });

  test('a colour picture is scaled and answered; without a picture nothing is asked', async () => {
    const { page } = await open();
    await ready(page);
    await ask(page);
    expect(await note(page).innerText()).toBe('Choose a picture first.');
    expect(await page.getByRole('button', { name: 'Draw', exact: true }).isVisible()).toBe(false);
    await choosePicture(page);
    const colours = await page.evaluate<number[]>(`(() => {
      const canvas = document.getElementById('picture');
      return [...canvas.getContext('2d').getImageData(0, 0, 1, 1).data];
    })()`);
    expect(colours).toEqual([200, 30, 90, 255]);
    await ask(page);
    await page.locator('.answer .label').waitFor();
    expect(await page.locator('#announcement').innerText()).toMatch(/^The answer: .+, \d+\.\d %$/);
    // Another picture: what is shown belongs to the one before.
    await choosePicture(page);
    expect(await page.locator('.answer').count()).toBe(0);
    expect(await page.locator('#saw-note').innerText()).toMatch(/^Nothing of your picture yet/);
    await page.close();
  });

  test('an answer is not shown beside another picture, which was chosen while it was asked for', async () => {
    const { page } = await open();
    await choosePicture(page);
    // The question waits for the session to open, and is asked about the picture that it was put with.
    await ask(page);
    await choosePicture(page, 'other.png');
    await page.getByRole('button', { name: 'Asking' }).waitFor();
    await page.getByRole('button', { name: 'Ask privately' }).waitFor();
    expect(await page.locator('.answer').count()).toBe(0);
    expect(await page.locator('#saw-note').innerText()).toMatch(/^Nothing of your picture yet/);
    await ask(page);
    await page.locator('.answer .label').waitFor();
    await page.close();
  });

  test('a question that is put while a picture is read waits for it', async () => {
    const { page } = await open();
    await ready(page);
    await holdNextPicture(page);
    await giveFile(page);
    await ask(page);
    await page.evaluate('release()');
    await page.locator('.answer .label').waitFor();
    expect(await note(page).innerText()).toMatch(/^red\.png\. The network takes/);
    await page.close();
  });

  test('a picture that is read late does not replace one that was chosen after it', async () => {
    const { page } = await open();
    await holdNextPicture(page);
    await giveFile(page, 'late.png');
    await choosePicture(page, 'later.png');
    await page.evaluate('release()');
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await note(page).innerText()).toMatch(/^later\.png\. /);
    await page.close();
  });

  test('a camera that opens late is closed again: nobody waits for it any more', async () => {
    const { page } = await open();
    await page.evaluate(`(() => {
      const { mediaDevices } = navigator;
      const open = mediaDevices.getUserMedia.bind(mediaDevices);
      const wanted = new Promise((resolve) => (globalThis.release = resolve));
      globalThis.streams = [];
      mediaDevices.getUserMedia = async (what) => {
        await wanted;
        const stream = await open(what);
        streams.push(stream);
        return stream;
      };
    })()`);
    const live =
      'streams.flatMap((each) => each.getTracks()).filter((each) => each.readyState === "live").length';
    const camera = page.getByRole('button', { name: 'Use the camera' });
    await camera.click();
    await camera.click();
    await page.evaluate('release()');
    await page.locator('#video').waitFor();
    await expect.poll(() => page.evaluate('streams.length')).toBe(2);
    expect(await page.evaluate(live)).toBe(1);
    await camera.click();
    await choosePicture(page);
    await expect.poll(() => page.evaluate('streams.length')).toBe(3);
    await expect.poll(() => page.evaluate(live)).toBe(0);
    expect(await page.locator('#video').isVisible()).toBe(false);
    await page.close();
  });

  test('at a limit the page says which, and asks again when told to', async () => {
    const { page } = await open({ perMinute: 1 });
    await ready(page);
    await choosePicture(page);
    await ask(page);
    await page.locator('.answer .label').waitFor();
    // The next answer cannot be prepared.
    await expect
      .poll(() => problem(page).innerText())
      .toMatch(/a minute.*Press “Ask privately” to try again\.$/);
    expect(await page.locator('.answer .label').isVisible()).toBe(true);
    await page.close();
  });

  test('a server that is gone is missed, and found when it is back', async () => {
    const port = await freePort();
    const { page, server } = await open({ port });
    await ready(page);
    await choosePicture(page);
    await server.close();
    await ask(page);
    await expect
      .poll(() => problem(page).innerText(), { timeout: 60_000 })
      .toMatch(/shutting down|no connection/);
    const about = { models: [aboutModel(prepared.plan, prepared.plan.name, 'tiny')], samples: [] };
    const answerHttp = await openSite(() => about);
    servers.push(await startServer({ ...prepared, threads: 1, answerHttp, port }));
    await ask(page);
    await page.locator('.answer .label').waitFor();
    expect(await problem(page).isVisible()).toBe(false);
    await page.close();
  });

  test.each([
    ['NotAllowedError', 'This page may not use the camera: the browser or you did not allow it.'],
    ['NotFoundError', 'There is no camera. Choose a file instead.'],
  ])('a camera with %s', async (name, text) => {
    const { page } = await open();
    await page.evaluate(
      `navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', '${name}'))`,
    );
    await page.getByRole('button', { name: 'Use the camera' }).click();
    await expect.poll(() => note(page).innerText()).toBe(text);
    await page.close();
  });
});
