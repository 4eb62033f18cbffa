import type { Point, PointCost } from '../../../pipelines/pareto/points.ts';
import * as format from '../../shared/format.ts';
import { accuracyText, costAt } from './story.ts';

export type Cell = { readonly title: string; readonly align: 'left' | 'right'; readonly text: string };

/** The cells of one point's row, for people: in a terminal, in a document, on a page. */
export function cellsOf(point: Point, profiles: readonly string[]): Cell[] {
  const left = (title: string, text: string): Cell => ({ title, align: 'left', text });
  const right = (title: string, text: string): Cell => ({ title, align: 'right', text });
  const measured = point.costs.filter(({ source }) => source === 'measured');
  const { offlineBytes, onlineBytes } = point.costs[0]!;
  return [
    left('method', point.series),
    right('budget', point.budget),
    right('seeds', String(point.runs.length)),
    right('ReLUs', format.count(Math.round(point.relus.mean))),
    right('accuracy', accuracyText(point.accuracy)),
    right('in the clear', accuracyText(point.clearAccuracy)),
    ...profiles.flatMap((profile) => {
      const cost = costAt(point, 'predicted', profile)!;
      return [
        right(`online, ${profile}`, format.duration(cost.onlineSeconds)),
        right(`total, ${profile}`, format.duration(cost.offlineSeconds + cost.onlineSeconds)),
      ];
    }),
    right('traffic', format.bytes(offlineBytes + onlineBytes)),
    right('measured online, total', measured.map(measuredCell).join('; ')),
    left('front', point.onFront.join(' ')),
  ];
}

function measuredCell({ profile, offlineSeconds, onlineSeconds }: PointCost): string {
  return `${profile} ${format.duration(onlineSeconds)}, ${format.duration(offlineSeconds + onlineSeconds)}`;
}

/** A text on what the columns mean. */
export function legendOf(profiles: readonly string[]): string {
  return (
    `'accuracy' is the simulated private accuracy on the test images, with the errors of the sign tests: the ` +
    `mean over the seeds, ± half of its 95 % interval (Student's t) for two or more seeds. Latency ` +
    `(${profiles.join(', ')}) and traffic of one inference are predicted from the plan; 'measured' is the time ` +
    `of a private inference between two processes. 'front' lists the measures in which no other point is as ` +
    `accurate at a lower cost.`
  );
}
