import type { Measure, Point } from '../../../pipelines/pareto/points.ts';
import { isOriginal } from '../../../pipelines/pareto/series.ts';
import * as format from '../../shared/format.ts';
import { html, raw } from '../html.ts';
import type { Html } from '../html.ts';
import { htmlPage } from '../page.ts';
import { cellsOf, legendOf } from './cells.ts';
import type { SeriesLook } from './colours.ts';
import { paretoScript, paretoStyle, symbolOf } from './page-parts.ts';
import { accuracyText, storyOf, titleOf } from './story.ts';

/** What `reluctant pareto` found. `points` come from pipelines/pareto/points.ts. */
export type ParetoReport = {
  readonly points: readonly Point[];
  readonly profiles: readonly string[];
  readonly folder: string;
  /** ISO 8601. */
  readonly date: string;
};

/** A measure's picture, with links, for the page. */
export type Front = { readonly measure: Measure; readonly svg: string };

export type SweepPictures = {
  readonly fronts: readonly Front[];
  /** The layer charts, by point id. */
  readonly layers: ReadonlyMap<string, string>;
  readonly looks: readonly SeriesLook[];
};

/**
 * The text of report.html: one file that fetches nothing. Its script only shows a point's story beside it.
 */
export function paretoPage(report: ParetoReport, { fronts, layers, looks }: SweepPictures): string {
  const { points, profiles } = report;
  const body = html`<main>
      <header>
        <p class="kicker">reluctant pareto · ${report.date.slice(0, 10)}</p>
        <h1>What each ReLU, second and byte buys in accuracy</h1>
        <p class="lead">${leadOf(points)}</p>
      </header>
      <section aria-labelledby="fronts">
        <h2 id="fronts">The fronts</h2>
        ${legendList(looks)}
        <p class="note">
          Filled marks are measured, hollow ones predicted. The grey staircase is the front: for every point
          below it or to its right there is one that is as accurate for less. Bars are 95 % intervals over
          seeds. Point at a mark for its story; press it for its command and its file.
        </p>
        <div class="pictures">${fronts.map(figureOf)}</div>
      </section>
      <div id="runs">${points.map((point) => runSection(point, report, layers.get(point.id)!))}</div>
      ${layersSection(points, layers, profiles)} ${tableSection(points, profiles)} ${machinesSection(points)}
    </main>
    <div id="tip" role="tooltip" hidden></div>`;
  return htmlPage({ title: 'reluctant pareto report', style: paretoStyle, body, script: paretoScript });
}

function leadOf(points: readonly Point[]): string {
  const original = points.find(({ series }) => isOriginal(series));
  const runs = points.reduce((sum, point) => sum + point.runs.length, 0);
  const onFront = points.filter((point) => point.onFront.length > 0);
  const measured = points.filter(({ isMeasured }) => isMeasured).length;
  const from =
    original === undefined
      ? ''
      : `The network has ${format.count(original.relus.mean)} ReLUs and is right on ` +
        `${accuracyText(original.accuracy)} of the ${format.count(original.runs[0]!.result.n)} test images. `;
  return (
    `${from}${format.count(runs)} networks were made and tested, which gives ${points.length} points. For ` +
    `${onFront.length} of them no other point is as accurate for less, by at least one measure. ` +
    `${measured} were measured with private inferences.`
  );
}

function legendList(looks: readonly SeriesLook[]): Html {
  return html`<ul class="legend">
    ${looks.map((look) => html`<li>${symbolOf(look)}${look.series}</li>`)}
  </ul>`;
}

function figureOf({ measure, svg }: Front): Html {
  return html`<figure>
    <figcaption>Accuracy by ${measure.title}</figcaption>
    ${raw(svg)}
  </figure>`;
}

/**
 * The section of one point. On a screen it is hidden until its mark is pressed; on paper all sections are
 * shown.
 */
function runSection(point: Point, { points, profiles, folder }: ParetoReport, layers: string): Html {
  const original = points.find(({ series }) => isOriginal(series));
  return html`<article class="run" id="run-${point.id}" aria-label="${titleOf(point)}" tabindex="-1">
    <div class="story">
      <h3>${titleOf(point)}</h3>
      <ul>
        ${storyOf(point, profiles, original).map((sentence) => html`<li>${sentence}</li>`)}
      </ul>
    </div>
    ${point.runs.map(
      ({ spec, result }) => html`
        <p class="note">
          Seed ${spec.seed}: ${format.percent(result.privateAccuracy)} right,
          ${format.duration(result.seconds)} on ${result.machine.host} (${result.finishedAt.slice(0, 10)})
        </p>
        <p class="path">${folder}/${result.onnx}</p>
        <pre tabindex="0"><code>${result.command}</code></pre>
      `,
    )}
    <figure class="layers">
      <figcaption>What is left of each layer (grey: the ReLUs before), and the time it takes</figcaption>
      ${raw(layers)}
    </figure>
    <p><a href="#fronts">Back to the fronts</a></p>
  </article>`;
}

/**
 * Shows the original and a few points of the front by online latency. Every point's own picture is in its
 * section.
 */
function layersSection(
  points: readonly Point[],
  layers: ReadonlyMap<string, string>,
  profiles: readonly string[],
): Html {
  const fronts = points.filter(
    ({ series, onFront }) => !isOriginal(series) && onFront.includes(`online-${profiles[0]!}`),
  );
  const byRelus = fronts.toSorted((a, b) => b.relus.mean - a.relus.mean);
  const chosen = [
    ...points.filter(({ series }) => isOriginal(series)),
    ...new Set([byRelus[0], byRelus[Math.floor(byRelus.length / 2)], byRelus.at(-1)]),
  ].filter((point) => point !== undefined);
  return html`<section>
    <h2>Where ReLUs and time remain</h2>
    <div class="pictures">
      ${chosen.map(
        (point) =>
          html`<figure class="layers">
            <figcaption>${titleOf(point)}: ${format.count(Math.round(point.relus.mean))} ReLUs</figcaption>
            ${raw(layers.get(point.id)!)}
          </figure>`,
      )}
    </div>
    <p class="note">
      The grey bars show how many ReLUs there were. Time is predicted for ${profiles[0]!}. Shown are the
      original and points of the front by online latency; press the mark of any point for its own picture.
    </p>
  </section>`;
}

function tableSection(points: readonly Point[], profiles: readonly string[]): Html {
  const rows = points.map((point) => ({ point, cells: cellsOf(point, profiles) }));
  const headCells = (rows[0]?.cells ?? []).map(
    ({ title, align }) => html`<th scope="col" class="${align}">${title}</th>`,
  );
  return html`<section>
    <h2>All points</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="Table of all points">
      <table>
        <thead>
          <tr>
            ${headCells}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ point, cells: [first, ...rest] }) =>
              html`<tr>
                <th scope="row"><a href="#run-${point.id}">${first!.text}</a></th>
                ${rest.map(({ text, align }) => html`<td class="${align}">${text}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="note">${legendOf(profiles)}</p>
  </section>`;
}

function machinesSection(points: readonly Point[]): Html {
  const runs = points.flatMap((point) => point.runs);
  const machines = new Set(
    runs.map(({ result: { machine, versions } }) => {
      const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
      const { host, cpu, cores, platform } = machine;
      return `${host}: ${cpu}, ${cores} cores, ${platform}; ${list.join(', ')}`;
    }),
  );
  return html`<section>
    <h2>Where it was made</h2>
    <ul>
      ${[...machines].map((line) => html`<li>${line}</li>`)}
    </ul>
    <p class="note">Every figure is in runs.sqlite; <code>reluctant pareto show</code> prints them.</p>
  </section>`;
}
