import { rankCorrelation } from '../../../models/fairness/curvature.ts';
import * as format from '../../shared/format.ts';
import type { FairnessPageData, ModelSeries } from './data.ts';
import { losersOf, overallWords, sureWords, unknowns } from './words.ts';
import { html, raw } from '../html.ts';
import type { Html } from '../html.ts';
import { htmlPage } from '../page.ts';

/** The charts of one series, as SVG text. */
export type SeriesPictures = {
  readonly series: ModelSeries;
  readonly slope: string;
  /** The losses under the last model of the series. */
  readonly loss: string;
  /** Undefined when all groups have equally many training images. */
  readonly size?: string;
};

/** The text of report.html: who loses, how much, and how sure that is. One file without a script. */
export function fairnessPage(data: FairnessPageData, pictures: readonly SeriesPictures[]): string {
  const body = html`<main>
    <header>
      <p class="kicker">reluctant ${data.version} · ${data.date.slice(0, 10)}</p>
      <h1>Who pays for the missing ReLUs?</h1>
      <p class="lead">
        ReLUs make a private answer slow. A network that keeps fewer of them answers sooner and is wrong more
        often. This page says on whose images. ${origin(data)}
      </p>
    </header>
    ${pictures.map((own) => seriesSection(data, own))} ${figuresSection(data)} ${methodSection(data)}
  </main>`;
  return htmlPage({ title: 'reluctant fairness report', style, body });
}

function origin({ data, split, groupedBy, report, models }: FairnessPageData): string {
  const groups = groupedBy === 'label' ? 'the classes' : `the values of ${groupedBy}`;
  return (
    `Groups are ${groups}; every figure is for the same ${format.count(report.n)} ${split} images ` +
    `of ${data}. ` +
    `"Before" is ${models[0]!.model} with all its ${format.count(models[0]!.relus)} ReLUs.`
  );
}

function seriesSection(data: FairnessPageData, { series, slope, loss, size }: SeriesPictures): Html {
  const last = series.models.at(-1)!;
  const others = series.models.slice(1, -1);
  return html`<section>
    ${series.name === '' ? [] : html`<h2 class="series">${series.name}</h2>`} ${modelStory(data, last)}
    <div class="pictures">
      <figure>
        <figcaption><b>Right answers by group</b>, from all ReLUs (left) to the fewest (right).</figcaption>
        ${raw(slope)}
      </figure>
      <figure>
        <figcaption>
          <b>What each group lost</b> with ${format.count(data.models[last]!.relus)} ReLUs. A dot is the loss
          that was counted, and the line through it is where the true loss probably lies. The dashed line is
          the loss over all images.
        </figcaption>
        ${raw(loss)}
      </figure>
      ${size === undefined ? [] : sizeFigure(data, last, size)}
    </div>
    <p class="note">
      Groups in strong colour are shown to lose more than the rest. For the groups in grey nothing is shown.
    </p>
    ${others.map(
      (m) =>
        html`<details>
          <summary>${titleOf(data, m)}</summary>
          ${modelStory(data, m)}
        </details>`,
    )}
  </section>`;
}

function titleOf({ models }: FairnessPageData, m: number): string {
  const [all, own] = [models[0]!.relus, models[m]!.relus];
  const share = format.percent(own / all);
  return `${models[m]!.model}: ${format.count(own)} of ${format.count(all)} ReLUs (${share})`;
}

/** The sentences on one model: who loses, how much, and how sure that is. */
function modelStory(data: FairnessPageData, m: number): Html {
  const losers = losersOf(data.report, m);
  return html`<div class="story">
    <h3>${titleOf(data, m)}</h3>
    <p>${overallWords(data.report, m)}</p>
    ${
      losers.length === 0
        ? html`<p><b>No group is shown to lose more than the others.</b></p>`
        : html`<ul class="losers">
            ${losers.map(
              ({ group, howMuch, howSure }) =>
                html`<li>
                  <p class="who"><b>${group}</b> loses more than the others</p>
                  <p><span>How much?</span> ${capital(howMuch)}.</p>
                  <p><span>How sure?</span> ${howSure}</p>
                </li>`,
            )}
          </ul>`
    }
    ${unknowns(data.report, m).map((sentence) => html`<p class="note">${sentence}</p>`)}
  </div>`;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function sizeFigure(data: FairnessPageData, m: number, size: string): Html {
  return html`<figure>
    <figcaption>
      <b>Do rare groups lose more?</b> What each group lost, against how many of its images the network was
      trained with. ${sizeWords(data, m)}
    </figcaption>
    ${raw(size)}
  </figure>`;
}

/** A rank correlation of at least this size is called a tendency. */
const tendency = 0.5;

function sizeWords({ report, trainSizes }: FairnessPageData, m: number): string {
  const drops = report.groups.map(({ models }) => models[m]!.drop);
  const found = rankCorrelation([...trainSizes!], drops);
  if (Number.isNaN(found)) return '';
  const figure = `(rank correlation ${found.toFixed(2)})`;
  if (found <= -tendency) return `Here, the rarer a group is, the more it tends to lose ${figure}.`;
  if (found >= tendency) return `Here it is the other way round: common groups tend to lose more ${figure}.`;
  return `Here there is no clear relation ${figure}.`;
}

function figuresSection(data: FairnessPageData): Html {
  return html`<section>
    <h2>All figures</h2>
    ${data.models.slice(1).map((_, i) => figuresOf(data, i + 1))}
    ${(data.marginals ?? []).map(
      (marginal) =>
        html`<h3>By ${marginal.groupedBy.replaceAll(',', ' and ')}</h3>
          ${data.models.slice(1).map((_, i) => figuresOf({ ...data, report: marginal }, i + 1))}`,
    )}
  </section>`;
}

function figuresOf(data: FairnessPageData, m: number): Html {
  return html`<details>
    <summary>${titleOf(data, m)}</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>group</th>
            <th>images</th>
            <th>before</th>
            <th>after</th>
            <th>loss, of 100</th>
            <th>probably between</th>
            <th>beyond the average</th>
            <th>loses more than the rest?</th>
          </tr>
        </thead>
        <tbody>
          ${data.report.groups.map(({ group, n, models }) => {
            const [before, after] = [models[0]!, models[m]!];
            return html`<tr>
              <th>${group}${n < data.report.gap.minGroup ? ' *' : ''}</th>
              <td>${format.count(n)}</td>
              <td>${format.percent(before.accuracy)}</td>
              <td>${format.percent(after.accuracy)}</td>
              <td>${format.plainPoints(after.drop)}</td>
              <td>${after.dropInterval.map(format.plainPoints).join(' to ')}</td>
              <td>${format.points(after.excessDrop)}</td>
              <td>${sureWords[after.verdict]}</td>
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    ${starNote(data.report)}
  </details>`;
}

/** What the star in a table means. */
function starNote({ gap: { leftOut, minGroup, maxWidth } }: FairnessPageData['report']): Html | [] {
  if (leftOut.length === 0) return [];
  return html`<p class="note">
    * fewer than ${minGroup} images: too few to know how many of 100 are answered rightly within
    ${format.plainPoints(maxWidth)}, so the group is left out where the best and the worst group are compared.
  </p>`;
}

function methodSection({ report, models }: FairnessPageData): Html {
  const { resamples, confidence } = report.bootstrap;
  const several = report.overall.some(({ networks }) => networks > 1);
  return html`<section>
    <h2>How this was measured</h2>
    <p>
      Both networks answered the same images. "Probably between" is a range: if the images were drawn again
      many times${several ? ' and the networks made again with other seeds' : ''}, about
      ${Math.round(100 * confidence)} of 100 such ranges would hold the true value (paired bootstrap with
      ${format.count(resamples)}
      resamples${
        several
          ? ' over images and seeds; figures are means over the networks of a line, tests use these networks'
          : ''
      }).
      "How sure" deals the lost images to the groups at random and counts how often a group does as badly as
      it did (permutation test). It also draws the lost images of each group anew from a group that loses no
      more than the rest but changes its answers as often as it did, and believes the more careful of the two.
      Because there are many groups, each must pass a stricter test (Holm). Both assume that the images are
      independent. Groups with fewer than ${report.minGroup} images are not tested.
    </p>
    <p class="note">
      ${models.map(
        ({ model, files }) => html`${model}: ${files.map((file) => html`<code>${file}</code> `)}<br />`,
      )}
      Every figure is in report.json beside this page.
    </p>
  </section>`;
}

const style = `
.pictures{display:grid;gap:28px 24px;grid-template-columns:repeat(auto-fit,minmax(min(350px,100%),1fr));
  align-items:start;margin:20px 0}
figcaption{margin-bottom:8px;font-size:.92rem}
figcaption b{color:var(--text)}
figure svg{max-width:480px}
h3{font-size:1.05rem;margin:0 0 .4em}
h2.series{text-transform:none;border-bottom:2px solid var(--accent);padding-bottom:4px}
.story p{margin:.4em 0;max-width:75ch}
.losers{list-style:none;margin:14px 0;padding:0;display:grid;gap:12px;
  grid-template-columns:repeat(auto-fit,minmax(min(290px,100%),1fr))}
.losers li{background:var(--tile);border-left:4px solid var(--accent);border-radius:6px;padding:10px 14px}
.losers .who{font-size:1.05rem}
.losers span{color:var(--soft)}
details{border-top:1px solid var(--line);padding:8px 0}
summary{cursor:pointer;font-weight:600}
details h3{display:none}
details[open] summary{margin-bottom:8px}
@media print{.losers li{border:1px solid var(--line);break-inside:avoid}details{break-inside:auto}
  details::details-content{content-visibility:visible;height:auto}.pictures{grid-template-columns:1fr 1fr}
  .scroll{overflow:visible}table{font-size:8pt}th,td{padding:3px 5px}}
`;
