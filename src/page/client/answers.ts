import { ended } from '../../../models/ending.ts';
import type { PageAnswer, Plan } from '../../browser/client.ts';
import * as format from '../../shared/format.ts';
import type { AboutModel } from '../about.ts';
import { made } from './elements.ts';

/** Classes that get a bar. */
const mostBars = 5;

/** What a network answered. */
export type Answered = { readonly model: AboutModel; readonly plan: Plan; readonly answer: PageAnswer };

/** A network's answer: the class, and bars for the likeliest ones. */
export function answerCard({ model, plan, answer }: Answered, withTitle: boolean): HTMLElement {
  const { label, outsideRange } = answer;
  const card = made('article', 'answer');
  if (withTitle) card.append(made('h3', '', model.title));
  card.append(made('p', 'label', className(plan, label)));
  const sure = probabilities(plan, answer);
  if (sure === undefined) card.append(made('p', 'note', 'The server lets clients have the class alone.'));
  else card.append(bars(plan, sure));
  if (outsideRange !== undefined) {
    card.append(
      made('p', 'note', 'This picture has values that the network was not prepared for; doubt the answer.'),
    );
  }
  return card;
}

/** For those who do not see the page: 'Trouser, 99.9 %'. */
export function answerText({ plan, answer }: Answered): string {
  const sure = probabilities(plan, answer)?.[answer.label];
  const name = className(plan, answer.label);
  return sure === undefined ? name : `${name}, ${format.percent(sure)}`;
}

function className({ classes }: Plan, label: number): string {
  return classes?.[label] ?? `class ${label}`;
}

/** A network that ends in a sigmoid says of each class by itself how likely it is; others share out one. */
function probabilities({ ending }: Plan, { logits }: PageAnswer): Float32Array | undefined {
  return logits && ended(ending === 'sigmoid' ? 'sigmoid' : 'softmax', logits);
}

function bars(plan: Plan, sure: Float32Array): HTMLElement {
  const list = made('ul', 'bars');
  const order = [...sure.keys()].sort((a, b) => sure[b]! - sure[a]!);
  for (const label of order.slice(0, mostBars)) {
    const part = sure[label]!;
    const name = made('span', '', className(plan, label));
    list.append(made('li', '', name, made('span', '', format.percent(part)), bar(part)));
  }
  return list;
}

/** As SVG, because the page's policy allows no style of an element. */
function bar(part: number): HTMLElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 100 1');
  svg.setAttribute('preserveAspectRatio', 'none');
  const rect = document.createElementNS(namespace, 'rect');
  rect.setAttribute('width', String(100 * part));
  rect.setAttribute('height', '1');
  svg.append(rect);
  const node = made('div', 'bar', svg);
  node.ariaHidden = 'true';
  return node;
}

type Row = readonly [title: string, text: (answered: Answered) => string];

const rows: readonly Row[] = [
  ['Private comparisons', ({ model }) => format.count(model.relus)],
  ['Round trips', ({ answer }) => format.count(answer.online.rounds)],
  ['Time for the answer', ({ answer }) => format.duration(answer.online.seconds)],
  ['Sent for it', ({ answer }) => format.bytes(answer.online.bytes_up)],
  ['Received for it', ({ answer }) => format.bytes(answer.online.bytes_down)],
  ['Time before the question', ({ answer }) => format.duration(answer.offline.seconds)],
  ['Sent before it', ({ answer }) => format.bytes(answer.offline.bytes_up)],
  ['Received before it', ({ answer }) => format.bytes(answer.offline.bytes_down)],
];

/** How often each network is right, where the server says so. */
function accuracyRow(answered: readonly Answered[]): Row[] {
  const images = answered[0]?.model.tested?.images;
  if (images === undefined) return [];
  const text = ({ model }: Answered) => (model.tested ? format.percent(model.tested.accuracy) : '');
  return [[`Right, of ${format.count(images)} test pictures`, text]];
}

/** What the answers cost, a column for each network. */
export function costTable(answered: readonly Answered[]): HTMLElement {
  const table = made('table', '', made('caption', '', 'What it cost'));
  if (answered.length > 1) {
    const titles = answered.map(({ model }) => headerCell('col', model.title));
    table.append(made('tr', '', made('td', ''), ...titles));
  }
  for (const [title, text] of [...accuracyRow(answered), ...rows]) {
    const cells = answered.map((each) => made('td', '', text(each)));
    table.append(made('tr', '', headerCell('row', title), ...cells));
  }
  return table;
}

function headerCell(scope: 'row' | 'col', text: string): HTMLTableCellElement {
  const cell = made('th', '', text);
  cell.scope = scope;
  return cell;
}
