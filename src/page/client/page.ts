import type { Progress } from '../../browser/client.ts';
import type { About, AboutModel } from '../about.ts';
import { answerCard, answerText, costTable } from './answers.ts';
import type { Answered } from './answers.ts';
import { Asked } from './asking.ts';
import { Chooser } from './choosing.ts';
import { button, element, show } from './elements.ts';
import type { Picture } from './pictures.ts';
import { showNothing, showSent } from './seen.ts';
import { fail, say, solved } from './status.ts';

/** Milliseconds between two looks at whether the server has something new. */
const pendingPause = 3000;

const ask = button('ask');
const answers = element('answers', HTMLDivElement);
const costs = element('costs', HTMLDivElement);
const announcement = element('announcement', HTMLParagraphElement);
const tokenForm = element('token-form', HTMLFormElement);
const tokenInput = element('token', HTMLInputElement);

let about: About;
let asked: Asked[] = [];
let token: string | undefined;
/** The picture whose answers are shown; undefined since another one was chosen. */
let shown: Picture | undefined;
/** All work with sessions, one after the other. */
let work: Promise<void> = Promise.resolve();

await start().catch((error) => failed(error, 'Reload the page to try again.'));

async function start(): Promise<void> {
  about = await fetchAbout();
  const resize = () => asked[0]?.session.plan.preprocessing?.resize;
  const chooser = new Chooser(about, resize, clear);
  ask.addEventListener('click', () => void chooser.settled.then(() => question(chooser)));
  element('question', HTMLElement).inert = false;
  tokenForm.addEventListener('submit', (event) => {
    event.preventDefault();
    token = tokenInput.value;
    show(tokenForm, false);
    ask.focus();
    inTurn(openAll);
  });
  await painted();
  inTurn(openAll);
  showPending();
}

async function fetchAbout(): Promise<About> {
  const response = await fetch('about.json');
  if (!response.ok) throw new Error(`about.json: HTTP ${response.status}`);
  return (await response.json()) as About;
}

/** The first paint comes before the client's code is loaded. */
function painted(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

function inTurn(next: () => Promise<void>): void {
  work = work.then(next).catch((error: unknown) => failed(error));
}

function failed(error: unknown, advice = 'Press “Ask privately” to try again.'): void {
  const message = error instanceof Error ? error.message : String(error);
  const isOfToken = /\btoken\b/.test(message);
  fail(
    message.replace(/^the peer ended the session: /, 'The server says: ') + (isOfToken ? '' : `. ${advice}`),
  );
  show(tokenForm, isOfToken);
  if (isOfToken) tokenInput.focus();
}

// Sessions.

/** Opens a session with each network that has none, and prepares the next answer of each. */
async function openAll(): Promise<void> {
  await openMissing();
  for (const each of asked) await each.prepare();
  say('waiting', 'Ready. The costly part is done, before the server or anybody else knows a picture.', 1);
  solved();
}

async function openMissing(): Promise<void> {
  const known = asked.map(({ model }) => model.planHash);
  for (const model of about.models.filter(({ planHash }) => !known.includes(planHash))) {
    say('opening', `Making keys${of(model)}. They stay in this browser.`);
    asked = [...asked, await Asked.open(model, token, told)];
  }
}

function of({ title }: AboutModel): string {
  return about.models.length > 1 ? ` for ${title}` : '';
}

function told(model: AboutModel, { phase, part }: Progress): void {
  if (phase === 'preparing') say(phase, `Preparing random numbers for the next answer${of(model)}.`, part);
  if (phase === 'answering') say(phase, `Asking${of(model)}: masked numbers go back and forth.`, part);
}

// Questions.

/** A question waits for what is being prepared. The button keeps the focus while it cannot be pressed. */
function question(chooser: Chooser): void {
  if (ask.ariaDisabled === 'true') return;
  const { picture } = chooser;
  if (picture === undefined) return chooser.ask();
  ask.ariaDisabled = 'true';
  ask.textContent = 'Asking';
  solved();
  clear();
  shown = picture;
  inTurn(() => askAll(picture).finally(again));
}

function again(): void {
  ask.ariaDisabled = null;
  ask.textContent = 'Ask privately';
}

/** What is shown is of one picture. */
function clear(): void {
  shown = undefined;
  for (const node of [answers, costs, announcement]) node.replaceChildren();
  showNothing();
}

async function askAll(picture: Picture): Promise<void> {
  const answered: Answered[] = [];
  try {
    await openMissing();
    for (const each of asked) {
      const answer = await each.ask(picture.pixels);
      answered.push({ model: each.model, plan: each.session.plan, answer });
      showAnswers(picture, answered);
    }
  } catch (error) {
    // A session that failed is over. The next question opens another.
    await Promise.allSettled(asked.map(({ session }) => session.close()));
    asked = [];
    throw error;
  }
  inTurn(openAll);
}

/** Not beside another picture, which somebody chose meanwhile. */
function showAnswers(picture: Picture, answered: readonly Answered[]): void {
  if (picture !== shown) return;
  const last = answered.at(-1)!;
  answers.append(answerCard(last, about.models.length > 1));
  costs.replaceChildren(costTable(answered));
  announcement.textContent = `The answer${of(last.model)}: ${answerText(last)}`;
  showSent(picture, last.answer.sent);
  answers.scrollIntoView({ block: 'nearest' });
}

// What the server is still making.

function showPending(): void {
  element('pending', HTMLParagraphElement).textContent = about.pending ?? '';
  if (about.pending !== undefined) setTimeout(() => void lookAgain(), pendingPause);
}

async function lookAgain(): Promise<void> {
  about = await fetchAbout().catch(() => about);
  if (about.models.length > asked.length) inTurn(openAll);
  showPending();
}
