import type { PageAnswer, Plan } from '../../browser/client.ts';
import * as format from '../../shared/format.ts';
import type { AboutModel } from '../about.ts';
import { made } from './elements.ts';

/** Classes that get a bar. */
const mostBars = 5;

/** A network's answer: the class, bars for the likeliest ones, and what it cost. */
export function answerCard(
  model: AboutModel,
  plan: Plan,
  answer: PageAnswer,
  withTitle: boolean,
): HTMLElement {
  const { label, logits, outsideRange } = answer;
  const card = made('article', 'answer');
  if (withTitle) card.append(made('h3', '', model.title));
  card.append(made('p', 'label', className(plan, label)));
  if (logits === undefined) card.append(made('p', 'note', 'The server lets clients have the class alone.'));
  else card.append(bars(plan, logits));
  if (outsideRange !== undefined) {
    card.append(
      made('p', 'note', 'This picture has values that the network was not prepared for; doubt the answer.'),
    );
  }
  card.append(costs(model, answer));
  return card;
}

function className({ classes }: Plan, label: number): string {
  return classes?.[label] ?? `class ${label}`;
}

function bars(plan: Plan, logits: Float32Array): HTMLElement {
  const list = made('ul', 'bars');
  const probabilities = softmax(logits);
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b]! - probabilities[a]!);
  for (const label of order.slice(0, mostBars)) {
    const part = probabilities[label]!;
    list.append(
      made(
        'li',
        '',
        made('span', '', className(plan, label)),
        made('span', '', format.percent(part)),
        bar(part),
      ),
    );
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

function softmax(logits: Float32Array): Float64Array {
  const largest = Math.max(...logits);
  const powers = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

function costs({ relus }: AboutModel, { offline, online }: PageAnswer): HTMLElement {
  const list = made('dl', '');
  const line = (term: string, text: string) => list.append(made('dt', '', term), made('dd', '', text));
  line('Sign tests', format.count(relus));
  line('With the picture', format.duration(online.seconds));
  line('Sent, received', both(online));
  line('Before the picture', format.duration(offline.seconds));
  line('Sent, received', both(offline));
  return list;
}

function both({ bytes_up, bytes_down }: PageAnswer['online' | 'offline']): string {
  return `${format.bytes(bytes_up)}, ${format.bytes(bytes_down)}`;
}
