import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apart } from '../../../../src/web/fairness/charts.ts';
import { seriesOf } from '../../../../src/web/fairness/data.ts';
import { fairnessFiles } from '../../../../src/web/fairness/files.ts';
import { losersOf, outOfHundred, overallWords, unknowns } from '../../../../src/web/fairness/words.ts';
import {
  browserFile,
  contrasts,
  noBrowser,
  startBrowser,
  widths,
} from '../../../helpers/browsers/browser.ts';
import type { Contrasts } from '../../../helpers/browsers/browser.ts';
import { sampleFairness } from './sample.ts';

const data = sampleFairness();
const files = await fairnessFiles(data);
const page = files.get('report.html')!;
const visible = page
  .replaceAll(/<style>.*?<\/style>|<svg.*?<\/svg>|<[^>]+>/gs, ' ')
  .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
  .replaceAll(/\s+/g, ' ');

test('models are drawn by method, the original first, then from most ReLUs to fewest', () => {
  expect(seriesOf(data)).toEqual([
    { name: 'deepreduce', models: [0, 1, 2, 3] },
    { name: 'snl & co', models: [0, 4, 5, 6] },
  ]);
  const plain = ['before', 'few', 'many'].map((model, i) => ({ model, relus: [9, 1, 5][i]!, files: [] }));
  expect(seriesOf({ models: plain })).toEqual([{ name: '', models: [0, 2, 1] }]);
});

describe('in plain words', () => {
  test('out of 100 images, with the range; gains are told as gains', () => {
    expect(outOfHundred({ drop: 0.061, dropInterval: [0.02, 0.1] })).toBe(
      'of 100 images 6 fewer are answered rightly (probably between 2 and 10 fewer)',
    );
    expect(outOfHundred({ drop: -0.05, dropInterval: [-0.08, -0.031] })).toBe(
      'of 100 images 5 more are answered rightly (probably between 3 and 8 more)',
    );
    expect(outOfHundred({ drop: 0.012, dropInterval: [-0.01, 0.03] })).toBe(
      'of 100 images 1 fewer are answered rightly (probably between 1 more and 3 fewer)',
    );
  });

  test('who loses, how much, how sure: the groups of the verdicts, the worst first', () => {
    for (const m of [1, 3, 6]) {
      const shown = data.report.groups.filter(({ models }) => models[m]!.verdict === 'loses more');
      const losers = losersOf(data.report, m);
      expect(new Set(losers.map(({ group }) => group))).toEqual(new Set(shown.map(({ group }) => group)));
    }
    const [first] = losersOf(data.report, 3);
    expect(first!.group).toBe('Ankle boot');
    expect(first!.howSure).toMatch(/chance alone would show this .*\. It is so in 3 of the 3 networks\./);
    expect(unknowns(data.report, 3).join(' ')).toMatch(
      /For the other \d groups nothing is shown\. That does not prove/,
    );
    expect(overallWords(data.report, 3)).toMatch(/the distance has grown \(before: [\d.]+\)\.$/);
  });

  test('binary labels: how far the groups are apart in being called positive', () => {
    const { gap } = data.report;
    const models = gap.models.map((row) => ({ ...row, demographicParity: 0.123, equalisedOdds: 0.04 }));
    expect(overallWords({ ...data.report, gap: { ...gap, models } }, 3)).toMatch(
      /Between groups the share called positive differs by up to 12\.3 points, rates .* by up to 4\.0 points\.$/,
    );
  });
});

describe('report.html', () => {
  test('stands alone: no script, nothing fetched, what the user gave is escaped', () => {
    for (const text of files.values()) {
      const addresses = [...text.matchAll(/(?:https?:)?\/\/[^\s"'<)]+/g)].map(([address]) => address);
      expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([]);
      expect(text).not.toMatch(/<script|<link|@import|<iframe|<data>|snl & co@/);
    }
    expect(visible).toContain('images of invented <data>.');
  });

  test('says of every model who loses, and every figure of its groups', () => {
    data.models.slice(1).forEach(({ model }, i) => {
      for (const { group, howMuch } of losersOf(data.report, i + 1)) {
        expect(visible).toContain(`${group} loses more than the others`);
        expect(visible).toContain(howMuch.slice(1));
      }
      expect(visible).toContain(`${model}: `);
    });
    const { group, n, models } = data.report.groups[9]!;
    const accuracy = (100 * models[3]!.accuracy).toFixed(1);
    expect(visible).toMatch(new RegExp(`${group} ${n} \\d+\\.\\d % ${accuracy} %`));
    expect(visible).toMatch(/the rarer a group is, the more it tends to lose \(rank correlation -0\.\d+\)/);
  });

  test('charts are files too; without training sizes, or with equal ones, there is no chart against size', async () => {
    expect([...files.keys()].sort()).toEqual([
      'accuracy-deepreduce.svg',
      'accuracy-snl-co.svg',
      'loss-deepreduce.svg',
      'loss-snl-co.svg',
      'report.html',
      'size-deepreduce.svg',
      'size-snl-co.svg',
    ]);
    const { trainSizes, ...rest } = data;
    const equal = { ...data, trainSizes: trainSizes!.map(() => 7) };
    for (const other of [rest, equal])
      expect([...(await fairnessFiles(other)).keys()].filter((name) => name.startsWith('size'))).toEqual([]);
    expect(files.get('loss-deepreduce.svg')).toMatch(/prefers-color-scheme: dark/);
  });
});

describe('labels of a chart', () => {
  const labels = (values: number[]) => apart(values.map((value) => ({ value })), [0, 100], 140).map((l) => l.label); // prettier-ignore

  test('far apart they stay, close ones move up, those over the top move down', () => {
    expect(labels([10, 50, 90])).toEqual([10, 50, 90]);
    expect(labels([10, 12, 14])).toEqual([10, 20, 30]);
    expect(labels([90, 95, 99])).toEqual([80, 90, 100]);
    expect(labels([])).toEqual([]);
  });

  test('too many for the room share it evenly', () => {
    const all = labels(Array.from({ length: 21 }, () => 50));
    expect(all[0]).toBeCloseTo(0, 9);
    expect(all[20]).toBeCloseTo(100, 9);
  });
});

describe.skipIf(browserFile === undefined)(`in a browser (${noBrowser})`, () => {
  let browser: Browser;
  const file = join(mkdtempSync(join(tmpdir(), 'reluctant-page-')), 'report.html');
  beforeAll(async () => {
    writeFileSync(file, page);
    browser = await startBrowser();
  });
  afterAll(() => browser.close());

  test.each([
    ['desktop', 1100, 'light'],
    ['dark desktop', 1100, 'dark'],
    ['phone', 360, 'light'],
  ] as const)(
    '%s: nothing sticks out, charts are drawn, every text stands off its ground',
    async (_, width, scheme) => {
      const view = await browser.newPage({ viewport: { width, height: 800 }, colorScheme: scheme });
      await view.goto(`file://${file}`);
      const [content, window] = await view.evaluate<[number, number]>(widths);
      expect(content).toBeLessThanOrEqual(window);
      const heights = await view.evaluate<number[]>(chartHeights);
      expect(heights).toHaveLength(6);
      expect(Math.min(...heights)).toBeGreaterThan(150);
      const { text } = await view.evaluate<Contrasts>(contrasts);
      expect(text.length).toBeGreaterThan(100);
      expect(Math.min(...text)).toBeGreaterThanOrEqual(4.5);
      await view.close();
    },
  );

  test('on paper what is folded on the screen is there', async () => {
    const view = await browser.newPage();
    await view.goto(`file://${file}`);
    expect(Math.min(...(await view.evaluate<number[]>(tableHeights)))).toBe(0);
    await view.emulateMedia({ media: 'print' });
    // The page unfolds when the browser tells it of the other medium.
    const heights = () => view.evaluate<number[]>(tableHeights);
    await expect.poll(async () => Math.min(...(await heights()))).toBeGreaterThan(100);
    await view.close();
  });
});

const chartHeights =
  "[...document.querySelectorAll('figure svg')].map((svg) => svg.getBoundingClientRect().height)";
const tableHeights =
  "[...document.querySelectorAll('table')].map((table) => table.checkVisibility({ contentVisibilityAuto: true }) ? table.getBoundingClientRect().height : 0)";
