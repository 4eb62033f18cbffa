import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { looksOf } from '../../../../src/web/pareto/colours.ts';
import { paretoFiles } from '../../../../src/web/pareto/files.ts';
import { storyOf } from '../../../../src/web/pareto/story.ts';
import {
  browserFile,
  contrasts,
  noBrowser,
  startBrowser,
  widths,
} from '../../../helpers/browsers/browser.ts';
import type { Contrasts } from '../../../helpers/browsers/browser.ts';
import { pointAt, sampleSweep } from './sample.ts';

const folder = mkdtempSync(join(tmpdir(), 'reluctant-page-'));
const file = join(folder, 'report.html');
const report = sampleSweep();
const reportsOf = await paretoFiles(report);
writeFileSync(file, reportsOf.get('report.html')!);
afterAll(() => rmSync(folder, { recursive: true }));

/** In the order of the page: a mark that no other one covers. */
const point = pointAt(report, 'autorep', '0');
const mark = `figure a.point[data-run="${point.id}"]`;

const twoFrames = `new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`;

describe.skipIf(browserFile === undefined)(`report.html in a browser (${browserFile ?? noBrowser})`, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  const looks = [
    { name: 'light', colorScheme: 'light', viewport: { width: 1200, height: 900 } },
    { name: 'dark', colorScheme: 'dark', viewport: { width: 1200, height: 900 } },
    { name: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  ] as const;

  describe.each(looks)('$name', ({ name, ...setting }) => {
    const complaints: string[] = [];
    let page: Page;
    beforeAll(async () => {
      page = await browser.newPage(setting);
      page.on('console', (message) => complaints.push(message.text()));
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('request', (request) => {
        if (!request.url().startsWith('file:')) complaints.push(request.url());
      });
      await page.goto(pathToFileURL(file).href);
    });
    afterAll(() => page.close());

    test('nothing has to be scrolled sideways', async () => {
      const [content, window] = await page.evaluate<[number, number]>(widths);
      expect(content).toBeLessThanOrEqual(window);
    });

    test('a mark that is pointed at shows its story, whole and within the window', async () => {
      const tip = page.locator('#tip');
      expect(await tip.isVisible()).toBe(false);
      await page.locator(mark).first().scrollIntoViewIfNeeded();
      await page.evaluate(twoFrames); // The scroll is told in the next one, and hides what is shown.
      await page.locator(mark).first().hover();
      expect(await tip.isVisible()).toBe(true);
      const text = (await tip.innerText()).replaceAll(/\s+/g, ' ');
      for (const sentence of storyOf(point, report.profiles, report.points[0]))
        expect(text).toContain(sentence);
      expect(text).toMatch(/Lost most: a \(\d+\.\d points\)\./);
      const box = (await tip.boundingBox())!;
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(setting.viewport.width);
      await page.mouse.move(1, 1);
      expect(await tip.isVisible()).toBe(false);
    });

    test('one that has the keyboard too; Escape hides it, Enter goes to its section', async () => {
      await page.locator(mark).first().focus();
      expect(await page.locator('#tip').isVisible()).toBe(true);
      await page.keyboard.press('Escape');
      expect(await page.locator('#tip').isVisible()).toBe(false);
      const section = page.locator(`#run-${point.id}`);
      expect(await section.isVisible()).toBe(false);
      await page.keyboard.press('Enter');
      expect(await section.isVisible()).toBe(true);
      expect(await section.innerText()).toContain(`a folder/${point.runs[0]!.result.onnx}`);
      expect(await section.innerText()).toContain(point.runs[0]!.result.command);
    });

    test('text stands out from its ground by 4.5 to 1, marks and lines of a series by 3 to 1', async () => {
      const { text, marks } = await page.evaluate<Contrasts>(contrasts);
      expect(text.length).toBeGreaterThan(100);
      expect(Math.min(...text)).toBeGreaterThanOrEqual(4.5);
      expect(marks.length).toBeGreaterThan(20);
      expect(Math.min(...marks)).toBeGreaterThanOrEqual(3);
    });

    test(`it looks as it should: a picture is made${name === 'light' ? ', and a print' : ''}`, async () => {
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path, fullPage: true });
      expect(readFileSync(path).subarray(1, 4).toString()).toBe('PNG');
      if (name !== 'light') return;
      expect((await page.pdf({ format: 'A4' })).subarray(0, 5).toString()).toBe('%PDF-');
      await page.emulateMedia({ media: 'print' });
      // On paper nothing can be pressed: every command stands there.
      expect(await page.locator('.run pre:visible').count()).toBe(
        report.points.reduce((sum, { runs }) => sum + runs.length, 0),
      );
      await page.emulateMedia({ media: 'screen' });
    });

    test('the browser has nothing to complain of', () => expect(complaints).toEqual([]));
  });

  test('a page with a mistake in its script is told from a good one', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.setContent(reportsOf.get('report.html')!.replace('<script>', '<script>absent();'));
    expect(complaints.join()).toContain('absent');
    await page.close();
  });
});

describe('the files', () => {
  const html = reportsOf.get('report.html')!;

  test('stand alone: nothing is fetched', () => {
    for (const text of reportsOf.values()) {
      const addresses = [...text.matchAll(/(?:https?:)?\/\/[^\s"'<)]+/g)].map(([address]) => address);
      expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([]);
      expect(text).not.toMatch(/<link|@import|\burl\((?!#)|<iframe|<img|\ssrc=/);
    }
  });

  test('are the page, a front for each measure, and the layers of each point on a front', () => {
    const fronts = ['online-lan', 'total-lan', 'online-wan', 'total-wan', 'bytes', 'relus'];
    expect([...reportsOf.keys()].filter((name) => name.startsWith('front-'))).toEqual(
      fronts.map((name) => `front-${name}.svg`),
    );
    const onFront = report.points.filter(({ onFront }) => onFront.length > 0).length;
    expect([...reportsOf.keys()].filter((name) => name.startsWith('layers-'))).toHaveLength(onFront);
  });

  test('every point is a mark in every front, with its story; filled where it is measured', () => {
    for (const { id, isMeasured } of report.points) {
      const marks = [
        ...html.matchAll(new RegExp(`<a\\s+class="point"\\s+href="#run-${id}".*?</a\\s*>`, 'gs')),
      ];
      expect(marks).toHaveLength(6);
      for (const [text] of marks) {
        expect(text).toMatch(/aria-label="[^"]{100,}"/);
        expect(/<path [^>]*fill="#/.test(text)).toBe(isMeasured);
      }
    }
    expect(reportsOf.get('front-relus.svg')!.match(/<title>/g)).toHaveLength(report.points.length);
  });

  test('every series has its name, whole, in the legends of the page and of the files', () => {
    const names = [...new Set(report.points.map(({ series }) => series))];
    expect(names).toHaveLength(10);
    expect(names).toContain('snl+channel+quadratic+circa');
    for (const name of names) {
      expect(reportsOf.get('front-bytes.svg')!).toContain(`>${name}</text>`);
      expect(html).toContain(`</svg>${name}</li>`);
    }
  });

  test('series of one method share a colour; no two of any share colour and shape', () => {
    const additions = ['', '+none', '+identity', '+affine', '+quadratic', '+channel', '+circa', '+pixel'];
    const few = looksOf(['original', 'snl', 'snl+none', 'autorep', 'autorep+channel']);
    const colours = few.map(({ colour }) => colour);
    expect([colours[1] === colours[2], colours[3] === colours[4], colours[1] === colours[3]]).toEqual([
      ...[true, true, false],
    ]);
    const many = ['a', 'b', 'c', 'd', 'e'].flatMap((method) =>
      additions.map((addition) => method + addition),
    );
    const looks = looksOf(['original', ...many]);
    expect(new Set(looks.map(({ colour, shape }) => colour + shape)).size).toBe(41);
  });

  test('text of others is escaped', () => {
    expect(html).toContain('Test &#60;CPU&#62; &#38; co');
  });
});
