import type { Verdict } from '../../../models/fairness/loss-tests.ts';
import { leftOutSentence, ratesSentence } from '../../../models/fairness/reading.ts';
import type { FairnessReport, GroupRow } from '../../../models/fairness/report.ts';
import * as format from '../../shared/format.ts';

/** What a reader who knows no statistics is told about one group. */
export type GroupWords = { readonly group: string; readonly howMuch: string; readonly howSure: string };

/** The groups that are shown to lose more than the rest, the worst loss first. */
export function losersOf(report: FairnessReport, m: number): GroupWords[] {
  return report.groups
    .filter(({ models }) => models[m]!.verdict === 'loses more')
    .sort((a, b) => b.models[m]!.drop - a.models[m]!.drop)
    .map(({ group, models }) => wordsOf(report, group, models[m]!, m));
}

function wordsOf(report: FairnessReport, group: string, row: GroupRow, m: number): GroupWords {
  const { networks } = report.overall[m]!;
  const seeds = networks === 1 ? '' : ` It is so in ${row.losingNetworks} of the ${networks} networks.`;
  return { group, howMuch: outOfHundred(row), howSure: `${sureness(row.pAdjusted)}.${seeds}` };
}

/** 'of 100 images 6 fewer are answered rightly; the true number is probably between 2 and 10' */
export function outOfHundred({ drop, dropInterval }: Pick<GroupRow, 'drop' | 'dropInterval'>): string {
  return `of 100 images ${change(drop)} are answered rightly (probably between ${rangeOf(dropInterval)})`;
}

function rangeOf([low, high]: readonly [number, number]): string {
  if (low >= 0) return `${whole(low)} and ${whole(high)} fewer`;
  if (high <= 0) return `${whole(-high)} and ${whole(-low)} more`;
  return `${change(low)} and ${change(high)}`;
}

/** '6 fewer' */
function change(drop: number): string {
  return `${whole(Math.abs(drop))} ${drop < 0 ? 'more' : 'fewer'}`;
}

/** A fraction as a count of 100, rounded to a half when it is small. */
function whole(fraction: number): string {
  const count = 100 * fraction;
  const rounded = Math.abs(count) < 3 ? Math.round(2 * count) / 2 : Math.round(count);
  return String(rounded === 0 ? 0 : rounded);
}

function sureness(p: number): string {
  if (p < 0.001) return 'Practically certain: chance alone would show this less than once in 1,000 times';
  const once = Math.round(1 / p);
  const likely = p < 0.01 ? 'Very likely' : 'Likely';
  return `${likely} no accident: chance alone would show this at most once in ${format.count(once)} times`;
}

/** The answers to 'does it lose more than the others?' in a table. */
export const sureWords: Readonly<Record<Verdict, string>> = {
  'loses more': 'yes',
  'no evidence': 'not shown',
  'too small': 'too few images to tell',
  'not tested': '',
};

/** Sentences on what is not known: how large a loss could be missed, and which groups are too small. */
export function unknowns(report: FairnessReport, m: number): string[] {
  const rows = report.groups.map(({ group, n, models }) => ({ group, n, row: models[m]! }));
  const open = rows.filter(({ row }) => row.verdict === 'no evidence');
  const blind = open.toSorted((a, b) => b.row.detectableLoss - a.row.detectableLoss)[0];
  const small = rows.filter(({ row }) => row.verdict === 'too small');
  const tooSmall = small.map(({ group, n }) => `${group} (${n})`);
  const shown = rows.some(({ row }) => row.verdict === 'loses more');
  const others = shown ? `For the other ${open.length} groups nothing is shown. That` : 'That';
  return [
    ...(blind === undefined
      ? []
      : [
          `${others} does not prove that none of them loses more. In ${blind.group}, for example, with ` +
            `${format.count(blind.n)} images, a loss of ${whole(blind.row.detectableLoss)} of 100 ` +
            `more than that of the others could stay unseen.`,
        ]),
    ...(small.length === 0
      ? []
      : [`These groups have too few images to say anything: ${tooSmall.join(', ')}.`]),
  ];
}

/** Sentences on a model as a whole. */
export function overallWords(report: FairnessReport, m: number): string {
  const [before, after] = [report.overall[0]!, report.overall[m]!];
  const gap = report.gap.models[m]!;
  const [low, high] = gap.wideningInterval;
  const rates = ratesSentence(gap);
  const answers =
    `Before, ${format.percent(before.accuracy)} of all images were answered rightly, and now ` +
    `${format.percent(after.accuracy)} are.`;
  const rest = [leftOutSentence(report.gap), rates].filter((sentence) => sentence !== '').map((s) => ` ${s}`);
  if (gap.worstGroup === null) return `${answers}${rest.join('')}`;
  const change =
    low > 0
      ? 'has grown'
      : high < 0
        ? 'has shrunk'
        : gap.widening === 0
          ? 'is as before'
          : 'may be as before';
  return (
    `${answers} The group with the most right answers and the one with the ` +
    `fewest (${gap.worstGroup}) are ${format.plainPoints(gap.gap)} points apart; the distance ${change} ` +
    `(before: ${format.plainPoints(gap.gap - gap.widening)}).${rest.join('')}`
  );
}
