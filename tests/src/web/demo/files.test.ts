import { describe, expect, test } from 'vitest';
import { verdictWords } from '../../../../models/fairness/reading.ts';
import * as format from '../../../../src/shared/format.ts';
import { darkInk, ink } from '../../../../src/web/charts.ts';
import { demoFiles } from '../../../../src/web/demo/files.ts';
import { agreements, answerCost } from '../../../../src/web/demo/report.ts';
import { html, raw } from '../../../../src/web/html.ts';
import { sampleReport } from './sample.ts';

const report = sampleReport();
const pictures = report.original.images.map(() => ({
  planes: new Uint8Array(28 * 28).fill(120),
  width: 28,
  height: 28,
  channels: 1,
}));
const files = await demoFiles(report, pictures);
/** What a reader sees: markup and styles away, white space folded, entities back. */
const visible = files.html
  .replaceAll(/<style>.*?<\/style>|<svg.*?<\/svg>|<[^>]+>/gs, ' ')
  .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
  .replaceAll(/\s+/g, ' ');

describe('report.html', () => {
  test('stands alone: no script, no link, no address of anything outside', () => {
    for (const text of [files.html, files.svg]) {
      const addresses = [...text.matchAll(/(?:https?:)?\/\/[^\s"'<)]+/g)].map(([address]) => address);
      expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([]);
      expect(text).not.toMatch(/<script|<link|@import|\burl\((?!#)|<iframe|\son[a-z]+=/);
    }
    const sources = [...files.html.matchAll(/\b(?:src|href)="([^"]*)"/g)].map(([, source]) => source);
    expect(sources).toHaveLength(4);
    for (const source of sources) expect(source).toMatch(/^data:image\/png;base64,[A-Za-z0-9+/=]+$/);
  });

  test("the cost table's figures are the report's", () => {
    for (const model of [report.original, report.reduced]) {
      const { firstSeconds, offline, online } = answerCost(model.images);
      const row = [
        model.name,
        format.count(model.relus),
        format.percent(model.accuracy),
        format.duration(firstSeconds),
        format.duration(offline.seconds),
        format.duration(online.seconds),
        format.bytes(offline.bytes_up + online.bytes_up),
        format.bytes(offline.bytes_down + online.bytes_down),
        online.rounds,
        `${agreements(model)} of 4`,
      ];
      expect(visible).toContain(row.join(' '));
    }
  });

  test('what labels alone cost is said beside what they tell', () => {
    expect(visible).toContain('the label alone: 4 bits in place of 160');
    expect(visible).toContain('11 round trips in place of 9, and 140 ms online in place of 124 ms');
    expect(visible).toContain('4 of 4 labels were those in the clear');
  });

  test("each class's row is the fairness report's", () => {
    for (const { group, n, models } of report.fairness.groups) {
      const [before, after] = models;
      const interval = after!.dropInterval.map(format.plainPoints).join(' to ');
      const row = [
        group,
        n,
        format.percent(before!.accuracy),
        format.percent(after!.accuracy),
        format.plainPoints(after!.drop),
        interval,
        format.points(after!.excessDrop),
        verdictWords[after!.verdict],
      ];
      expect(visible).toContain(row.join(' '));
    }
  });

  test('says in sentences who loses, and how sure that is', () => {
    const { reading } = report.fairness;
    expect(reading.length).toBeGreaterThan(2);
    for (const sentence of reading) expect(visible).toContain(sentence);
  });

  test('each layer has its row with the reason', () => {
    for (const { layer, relus_before, relus_after, reason } of report.reduction.log) {
      expect(visible).toContain(
        [layer, format.count(relus_before), format.count(relus_after), reason].join(' '),
      );
    }
  });

  test('other figures give another page', async () => {
    const other = { ...report, reduced: { ...report.reduced, relus: 6_271 } };
    const page = (await demoFiles(other, pictures)).html;
    expect(files.html).toContain('6,272');
    expect(page).toContain('6,271');
    expect(page).not.toContain('6,272</td>');
  });

  test('text is escaped', () => {
    expect(files.html).toContain('Test &#60;CPU&#62; &#38; co');
    expect(html`<p title="${'"&<\''}">${raw('<b>')}</p>`.markup).toBe(
      '<p title="&#34;&#38;&#60;&#39;"><b></p>',
    );
  });
});

test('the first answer is counted apart: 13.2 + 0.31 s; 3.2 and 0.31 s for the others', () => {
  const cost = answerCost(report.original.images);
  expect(cost.firstSeconds).toBeCloseTo(13.51, 9);
  expect(cost.offline.seconds).toBeCloseTo(3.2, 9);
  expect(cost.online.seconds).toBeCloseTo(0.31, 9);
  expect(cost.online.rounds).toBe(9);
});

describe('pictures', () => {
  test('the cost chart prints the real figures', () => {
    for (const label of ['25,088', '6,272', '310 ms', '124 ms', '2.4 MB']) {
      expect(files.svg).toContain(`>${label}</text>`);
    }
  });

  test('every colour that is drawn has a rule for dark pages', () => {
    const drawn = new Set(
      [...files.svg.matchAll(/(?:fill|stroke)="(#[0-9a-f]+)"/g)].map(([, colour]) => colour),
    );
    expect([...drawn].sort()).toEqual(Object.values(ink).sort());
    for (const colour of Object.values(darkInk)) expect(files.svg).toContain(colour);
  });

  test('the worst hit class stands on top', () => {
    const worst = [...report.fairness.groups].sort((a, b) => b.models[1]!.drop - a.models[1]!.drop)[0]!;
    const best = [...report.fairness.groups].sort((a, b) => a.models[1]!.drop - b.models[1]!.drop)[0]!;
    const height = (group: string) =>
      Number(new RegExp(`translate\\([-\\d.]+,([\\d.]+)\\)"[^>]*>${group}<`).exec(files.svg)![1]);
    expect(height(worst.group)).toBeLessThan(height(best.group));
  });
});
