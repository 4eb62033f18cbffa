import { leftOutSentence, verdictWords } from '../../../models/fairness/reading.ts';
import type { FairnessReport, GapRow } from '../../../models/fairness/report.ts';
import * as format from '../../shared/format.ts';
import { html } from '../html.ts';
import type { Html } from '../html.ts';

/**
 * The section on classes: sentences on who loses, how much, and how sure that is, then a table with a row per
 * class.
 */
export function classSection(fairness: FairnessReport): Html {
  const [, gap] = fairness.gap.models;
  return html`<section>
    <h2>Who pays: accuracy of each class</h2>
    <ul>
      ${fairness.reading.map((sentence) => html`<li>${sentence}</li>`)}
    </ul>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>class</th>
            <th>images</th>
            <th>original</th>
            <th>reduced</th>
            <th>drop, points</th>
            <th>interval</th>
            <th>beyond the average</th>
            <th>loses more than the rest?</th>
          </tr>
        </thead>
        <tbody>
          ${fairness.groups.map(({ group, n, models: [before, after] }) => {
            const [low, high] = after!.dropInterval;
            return html`<tr>
              <th>${group}</th>
              <td>${n}</td>
              <td>${format.percent(before!.accuracy)}</td>
              <td>${format.percent(after!.accuracy)}</td>
              <td>${format.plainPoints(after!.drop)}</td>
              <td>${format.plainPoints(low)} to ${format.plainPoints(high)}</td>
              <td>${format.points(after!.excessDrop)}</td>
              <td>${verdictWords[after!.verdict]}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    <p class="note">
      A drop is the original's accuracy minus the reduced model's. Intervals are of
      ${100 * fairness.bootstrap.confidence} %, from ${format.count(fairness.bootstrap.resamples)} paired
      resamples. The last column is a test at a level of ${format.percent(fairness.test.level)}
      (${fairness.test.correction}). ${fairness.test.assumes} ${gapWords(fairness, gap!)}
    </p>
  </section>`;
}

function gapWords({ gap }: FairnessReport, { worstGroup, widening, wideningInterval }: GapRow): string {
  const leftOut = leftOutSentence(gap);
  if (worstGroup === null) return leftOut;
  const [low, high] = wideningInterval.map(format.points);
  return (
    `The gap between the best and the worst class changed by ${format.points(widening)} points ` +
    `(${low} to ${high}). ${leftOut}`
  );
}
