import * as format from '../../shared/format.ts';
import { element, made, show } from './elements.ts';

/** What a session goes through, as the page lists it. */
export const steps = ['opening', 'preparing', 'waiting', 'answering'] as const;
export type Step = (typeof steps)[number];

const progress = element('progress', HTMLProgressElement);
const status = element('status', HTMLParagraphElement);
const problem = element('problem', HTMLParagraphElement);
const moves = matchMedia('(prefers-reduced-motion: no-preference)');

let now: Step | undefined;
let since = 0;

/** Says what happens, in the words of `text`; `part` of it is done, from 0 to 1 (default: nobody knows). */
export function say(step: Step, text: string, part?: number): void {
  if (step !== now) enter(step);
  if (status.textContent !== text) status.textContent = text;
  if (part === undefined && moves.matches) progress.removeAttribute('value');
  else progress.value = part ?? 0;
}

function enter(step: Step): void {
  if (now !== undefined) leave(now);
  [now, since] = [step, performance.now()];
  itemOf(step).setAttribute('aria-current', 'step');
}

/** A step that is over gets a tick and its seconds. Waiting for people is not counted. */
function leave(step: Step): void {
  const item = itemOf(step);
  item.removeAttribute('aria-current');
  item.classList.add('done');
  item.querySelector('span')?.remove();
  if (step !== 'waiting') item.append(made('span', '', `: ${seconds()}`));
}

function seconds(): string {
  return format.duration((performance.now() - since) / 1000);
}

function itemOf(step: Step): HTMLElement {
  return document.querySelector<HTMLElement>(`#steps [data-step=${step}]`)!;
}

/** Shows what went wrong, until `solved`. */
export function fail(text: string): void {
  problem.textContent = text;
  show(problem, true);
  if (now !== undefined) itemOf(now).removeAttribute('aria-current');
  now = undefined;
  status.textContent = '';
  progress.value = 0;
}

export function solved(): void {
  show(problem, false);
}
