import { plainPoints as points } from '../../src/shared/format.ts';
import type { Verdict } from './loss-tests.ts';
import type { FairnessReport, GapRow } from './rows.ts';

/** The answers to "does this group lose more than the rest?". */
export const verdictWords: Readonly<Record<Verdict, string>> = {
  'loses more': 'yes',
  'no evidence': 'not shown',
  'too small': 'too small to tell',
  'not tested': '',
};

type Figures = Omit<FairnessReport, 'reading'>;

/** Says what the figures mean, in some sentences per reduced model, for a reader who knows no statistics. */
export function readingOf(report: Figures): string[] {
  return report.gap.models.flatMap((gap, m) => (m === 0 ? [] : readingOfModel(report, gap, m)));
}

function readingOfModel(report: Figures, gap: GapRow, m: number): string[] {
  const { drop, dropInterval, networks } = report.overall[m]!;
  const many = networks === 1 ? '' : `, over images and ${networks} networks that differ in their seed`;
  const confidence = Math.round(100 * report.bootstrap.confidence);
  return [
    `${gap.model}: ${changeOf(drop)} overall ` +
      `(${confidence} % interval of the loss: ${rangeOf(dropInterval)} points${many}).`,
    ...losers(report, m),
    smallOnes(report, m),
    gapSentence(gap),
    leftOutSentence(report.gap),
    ratesSentence(gap),
  ].filter((sentence) => sentence !== '');
}

function losers({ groups, overall }: Figures, m: number): string[] {
  const { networks } = overall[m]!;
  const rows = groups.map(({ group, models }) => ({ group, row: models[m]! }));
  const losing = rows.filter(({ row }) => row.verdict === 'loses more');
  if (losing.length > 0)
    return losing.map(
      ({ group, row }) =>
        `${group} loses more than the rest: ${points(row.drop)} points, ` +
        `${points(row.excessDrop)} beyond the average; ` +
        `chance alone would show as much ${chanceOf(row.pAdjusted)}` +
        `${networks === 1 ? '' : `; so it is in ${row.losingNetworks} of ${networks} networks`}.`,
    );
  const tested = rows.filter(({ row }) => row.verdict === 'no evidence');
  if (tested.length === 0) return [];
  const blind = tested.reduce((worst, one) =>
    one.row.detectableLoss > worst.row.detectableLoss ? one : worst,
  );
  return [
    `No group is shown to lose more than the rest, ` +
      `but losses below about ${points(blind.row.detectableLoss)} points ` +
      `beyond the rest's (in ${blind.group}) could hide in so few images.`,
  ];
}

function smallOnes({ groups, minGroup }: Figures, m: number): string {
  const small = groups.filter(({ models }) => models[m]!.verdict === 'too small');
  if (small.length === 0) return '';
  const names = small.map(({ group, n }) => `${group} (${n})`).join(', ');
  return `Too small to tell, with fewer than ${minGroup} images: ${names}.`;
}

function gapSentence({ gap, widening, wideningInterval, worstGroup }: GapRow): string {
  if (worstGroup === null) return '';
  const [low, high] = wideningInterval;
  const now = `The best and the worst group (${worstGroup}) are ${points(gap)} points apart`;
  if (widening === 0 && low === 0 && high === 0) return `${now}, as before.`;
  const change = `${points(Math.abs(widening))} ${widening < 0 ? 'fewer' : 'more'} than before`;
  const sure = low > 0 || high < 0;
  return `${now}, ${change}${sure ? '' : ', which may be chance'}.`;
}

/** Which groups are in no gap, and why; empty if there are none. */
export function leftOutSentence({ leftOut, minGroup, maxWidth, models }: FairnessReport['gap']): string {
  if (leftOut.length === 0) return '';
  const names = leftOut.map(({ group, n }) => `${group} (${n})`).join(', ');
  const none = models[0]?.worstGroup === null ? ' Fewer than two groups are left, so no gap is told.' : '';
  return (
    `Not in the gap, because ${minGroup} images are needed to know an accuracy within ${points(maxWidth)} points: ` +
    `${names}.${none}`
  );
}

/** Demographic parity and equalised odds in words; empty if the labels are not binary. */
export function ratesSentence({
  demographicParity,
  disparateImpact,
  equalisedOdds,
  predictiveParity,
}: Pick<GapRow, 'demographicParity' | 'disparateImpact' | 'equalisedOdds' | 'predictiveParity'>): string {
  const parts = [
    [
      demographicParity,
      `between groups the share called positive differs by up to ${points(demographicParity)} points` +
        (Number.isNaN(disparateImpact) ? '' : ` (ratio ${disparateImpact.toFixed(2)})`),
    ],
    [equalisedOdds, `rates of right and false positives by up to ${points(equalisedOdds)} points`],
    [
      predictiveParity,
      `the share of right ones among those called positive by up to ${points(predictiveParity)} points`,
    ],
  ] as const;
  const known = parts.filter(([value]) => !Number.isNaN(value)).map(([, words]) => words);
  const text = known.join(', ');
  return text === '' ? '' : `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`;
}

function changeOf(drop: number): string {
  if (drop === 0) return 'no accuracy is lost';
  return `${points(Math.abs(drop))} points of accuracy are ${drop > 0 ? 'lost' : 'gained'}`;
}

function chanceOf(p: number): string {
  return p < 0.001
    ? 'less than once in 1,000 times'
    : `about ${Math.max(1, Math.round(1000 * p))} times in 1,000`;
}

function rangeOf([low, high]: readonly [number, number]): string {
  return `${points(low)} to ${points(high)}`;
}
