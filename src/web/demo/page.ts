import * as format from '../../shared/format.ts';
import { agreements, answerCost } from './report.ts';
import type { DemoModel, DemoReport } from './report.ts';
import { classSection } from '../fairness/section.ts';
import { html, raw } from '../html.ts';
import type { Html } from '../html.ts';
import { htmlPage } from '../page.ts';

export type Pictures = {
  /** `cost` and `groups` are SVG texts of `costChart` and `groupChart`. */
  readonly cost: string;
  readonly groups: string;
  /** The PNG bytes of each test image, in the order of the models' images. */
  readonly images: readonly Uint8Array[];
};

/**
 * The text of report.html: one file without a script that fetches nothing and suits light and dark screens,
 * phones and paper.
 */
export function demoPage(report: DemoReport, pictures: Pictures): string {
  const { original, reduced } = report;
  const body = html`<main>
    <header>
      <p class="kicker">reluctant ${report.version} · ${report.date.slice(0, 10)}</p>
      <h1>${format.percent(reduced.relus / original.relus)} of the ReLUs: what it saves, and who pays</h1>
      <p class="lead">${leadOf(report)}</p>
    </header>
    ${tiles(report)}
    <div class="pictures">
      <figure>
        ${raw(pictures.cost)}
        <figcaption>The cost of one private answer; the full bar is the original.</figcaption>
      </figure>
      <figure>
        ${raw(pictures.groups)}
        <figcaption>Accuracy of each class before and after. The class that lost most is on top.</figcaption>
      </figure>
    </div>
    ${costSection(report)} ${labelsSection(report)} ${imagesSection(report, pictures.images)}
    ${classSection(report.fairness)} ${methodSection(report)}
  </main>`;
  return htmlPage({ title: 'reluctant demo report', style, body });
}

function leadOf({ original, reduced, fairness, data }: DemoReport): string {
  const [before, after] = [answerCost(original.images), answerCost(reduced.images)];
  const told = fairness.groups.filter(({ n }) => n >= fairness.gap.minGroup);
  const worst = told.sort((a, b) => b.models[1]!.drop - a.models[1]!.drop)[0];
  const lost = original.accuracy - reduced.accuracy;
  return (
    `A server holds a network, a client holds an image, and neither shows it to the other. Keeping ` +
    `${format.count(reduced.relus)} of ${format.count(original.relus)} ReLUs, the private answer took ` +
    `${format.duration(after.online.seconds)} online instead of ${format.duration(before.online.seconds)} ` +
    `(and ${format.duration(after.offline.seconds)} instead of ${format.duration(before.offline.seconds)} ` +
    `beforehand). The accuracy on ${format.count(data.testImages)} test images went from ` +
    `${format.percent(original.accuracy)} to ${format.percent(reduced.accuracy)} ` +
    `(${format.points(-lost)} points). ` +
    (worst !== undefined && worst.models[1]!.drop > 0
      ? `The class that lost most is ${worst.group}: ${format.points(-worst.models[1]!.drop)} points.`
      : 'No class is seen to lose accuracy.')
  );
}

function tiles({ original, reduced, fairness }: DemoReport): Html {
  const [before, after] = [answerCost(original.images), answerCost(reduced.images)];
  const bytes = (cost: typeof before) =>
    cost.offline.bytes_up + cost.offline.bytes_down + cost.online.bytes_up + cost.online.bytes_down;
  const [gapBefore, gapAfter] = fairness.gap.models;
  const rows: [string, string, string][] = [
    ['ReLUs', format.count(original.relus), format.count(reduced.relus)],
    ['online time', format.duration(before.online.seconds), format.duration(after.online.seconds)],
    ['traffic, both phases', format.bytes(bytes(before)), format.bytes(bytes(after))],
    ['accuracy', format.percent(original.accuracy), format.percent(reduced.accuracy)],
    [
      'gap between classes',
      `${format.pointsIfKnown(gapBefore!.gap)} points`,
      `${format.pointsIfKnown(gapAfter!.gap)} points`,
    ],
  ];
  return html`<ul class="tiles">
    ${rows.map(
      ([name, from, to]) =>
        html`<li>
          <span class="name">${name}</span><span class="to">${to}</span><span class="from">was ${from}</span>
        </li>`,
    )}
  </ul>`;
}

function costSection({ original, reduced }: DemoReport): Html {
  return html`<section>
    <h2>Cost of one private inference</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th>model</th>
            <th>ReLUs</th>
            <th>accuracy</th>
            <th>first answer</th>
            <th>offline</th>
            <th>online</th>
            <th>up</th>
            <th>down</th>
            <th>round trips</th>
            <th>agrees</th>
          </tr>
        </thead>
        <tbody>
          ${[original, reduced].map(costRow)}
        </tbody>
      </table>
    </div>
    <p class="note">
      Server and client are two processes on one machine. The offline phase can run before the image is known;
      the online phase starts when it is. Both columns are means over the ${original.images.length - 1}
      answers after the first; the first answer also pays, once, for transforming the weights and for warming
      up. "Up" and "down" are the client's bytes in both phases. "Agrees" counts the private answers that
      equal the answer of the same file in the clear.
    </p>
  </section>`;
}

function labelsSection({ reduced, labelsAlone }: DemoReport): Html {
  const { answerBits, images } = labelsAlone;
  const [logits, labels] = [answerCost(reduced.images), answerCost(images)];
  return html`<section>
    <h2>Telling less</h2>
    <p>
      An answer may be the label alone: ${answerBits} bits in place of ${reduced.answerBits}. A client cannot
      learn more bits of the weights than its answers have, so clients whom a server does not know should get
      labels (<code>serve --answer label</code>). With the reduced network this took ${labels.online.rounds}
      round trips in place of ${logits.online.rounds}, and ${format.duration(labels.online.seconds)} online in
      place of ${format.duration(logits.online.seconds)}. ${agreements({ images })} of ${images.length} labels
      were those in the clear.
    </p>
  </section>`;
}

function costRow(model: DemoModel): Html {
  const { firstSeconds, offline, online } = answerCost(model.images);
  return html`<tr>
    <th>${model.name}</th>
    <td>${format.count(model.relus)}</td>
    <td>${format.percent(model.accuracy)}</td>
    <td>${format.duration(firstSeconds)}</td>
    <td>${format.duration(offline.seconds)}</td>
    <td>${format.duration(online.seconds)}</td>
    <td>${format.bytes(offline.bytes_up + online.bytes_up)}</td>
    <td>${format.bytes(offline.bytes_down + online.bytes_down)}</td>
    <td>${online.rounds}</td>
    <td>${agreements(model)} of ${model.images.length}</td>
  </tr>`;
}

function imagesSection({ original, reduced }: DemoReport, images: readonly Uint8Array[]): Html {
  return html`<section>
    <h2>The images, answered privately</h2>
    <ul class="images">
      ${original.images.map((image, i) => {
        const png = Buffer.from(images[i]!).toString('base64');
        return html`<li>
          <img src="data:image/png;base64,${png}" alt="test image ${image.index}, ${image.label}" />
          <span><b>${image.label}</b> (test image ${image.index})</span>
          <span>original: ${answer(image)}</span>
          <span>reduced: ${answer(reduced.images[i]!)}</span>
        </li>`;
      })}
    </ul>
    <p class="note">
      The server saw none of them. The largest difference between a private and a plaintext logit was
      ${largestDifference(original)} (original) and ${largestDifference(reduced)} (reduced). The largest and
      the smallest logit of one image differ by ${original.logitSpread.toFixed(1)} and
      ${reduced.logitSpread.toFixed(1)} on average.
    </p>
  </section>`;
}

function answer(image: DemoModel['images'][number]): string {
  const right = image.private === image.label ? 'right' : 'wrong';
  const same = image.private === image.plaintext ? 'as in the clear' : `${image.plaintext} in the clear`;
  return `${image.private} (${right}; ${same})`;
}

function largestDifference(model: DemoModel): string {
  return Math.max(...model.images.map(({ maxDifference }) => maxDifference ?? 0)).toPrecision(2);
}

function methodSection({ reduction, machine, data, seconds }: DemoReport): Html {
  return html`<section>
    <h2>How it was made</h2>
    <p>
      Reduced with ${reduction.method} to a budget of ${format.count(reduction.budget)} ReLUs and fine-tuned
      on ${format.count(data.trainImages)} images of ${data.name} in ${format.duration(reduction.seconds)}:
    </p>
    <div class="scroll">
      <table class="why">
        <thead>
          <tr>
            <th>layer</th>
            <th>ReLUs</th>
            <th>kept</th>
            <th>why</th>
          </tr>
        </thead>
        <tbody>
          ${reduction.log.map(
            (row) =>
              html`<tr>
                <th>${row.layer}</th>
                <td>${format.count(row.relus_before)}</td>
                <td>${format.count(row.relus_after)}</td>
                <td>${row.reason}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <h2>What is protected, and what is not</h2>
    <p>
      The server learns nothing about the image. The client learns the answer and the public plan: the shape
      of the graph, which elements keep a ReLU, the scales and the polynomial coefficients, but no weights.
      This holds when both parties follow the protocol (semi-honest). It does not hold when one deviates from
      it, and it hides neither timing nor how often a client asks.
    </p>
    <p class="note">
      ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${machine.platform}; the whole demo took
      ${format.duration(seconds)}. Every figure here is in report.json. To run it again:
      <code>npx reluctant demo</code>
    </p>
  </section>`;
}

const style = `
.tiles{list-style:none;margin:24px 0;padding:0;display:grid;gap:12px;
  grid-template-columns:repeat(auto-fit,minmax(150px,1fr))}
.tiles li{background:var(--tile);border-radius:8px;padding:12px 14px;display:flex;flex-direction:column}
.tiles .name,.tiles .from{color:var(--soft);font-size:.85rem}
.tiles .to{font-size:1.45rem;font-weight:650;color:var(--accent)}
.pictures{display:grid;gap:24px;grid-template-columns:repeat(auto-fit,minmax(min(340px,100%),1fr));
  align-items:start}
.images{list-style:none;margin:0;padding:0;display:grid;gap:16px;
  grid-template-columns:repeat(auto-fit,minmax(200px,1fr))}
.images li{display:flex;flex-direction:column;font-size:.88rem}
.images img{width:84px;height:84px;image-rendering:pixelated;border-radius:6px;margin-bottom:6px}
.why th:last-child,.why td:last-child{text-align:left;white-space:normal;min-width:16em}
@media print{.tiles li{border:1px solid var(--line)}.images li{break-inside:avoid}}
`;
