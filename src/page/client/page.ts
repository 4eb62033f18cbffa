import type { Progress } from '../../browser/client.ts';
import type { About, AboutModel } from '../about.ts';
import { answerCard } from './answers.ts';
import { Asked } from './asking.ts';
import { openPad } from './drawing.ts';
import { element, made, show } from './elements.ts';
import { borderMean, firstWords, paint, pictureOf, sampleOf, swapped, wordsAsPixels } from './pictures.ts';
import type { Picture } from './pictures.ts';

/** The largest side of a network's input for which drawing makes sense. */
const mostDrawn = 64;

/** Milliseconds between two looks at whether the server has something new. */
const pendingPause = 3000;

const canvas = element('picture', HTMLCanvasElement);
const note = element('picture-note', HTMLParagraphElement);
const ask = element('ask', HTMLButtonElement);
const progress = element('progress', HTMLProgressElement);
const status = element('status', HTMLParagraphElement);
const answers = element('answers', HTMLDivElement);
const swap = element('swap', HTMLInputElement);
const file = element('file', HTMLInputElement);
const video = element('video', HTMLVideoElement);
const pad = element('pad', HTMLCanvasElement);
const stage = element('stage', HTMLDivElement);
const tokenForm = element('token-form', HTMLFormElement);
const button = (id: string) => element(id, HTMLButtonElement);

let about: About;
let samples: readonly Picture[] = [];
/** As it was chosen, before light and dark are swapped. */
let chosen: Picture | undefined;
let asked: Asked[] = [];
let token: string | undefined;
/** All work with sessions, one after the other. */
let work: Promise<void> = Promise.resolve();

await start();

async function start(): Promise<void> {
  about = await fetchAbout();
  samples = about.samples.map(sampleOf);
  showSamples();
  if (samples.length > 0) choose(samples[0]!, 0);
  else note.textContent = 'Choose a picture, drop one here or paste one.';
  listenToPictures();
  ask.addEventListener('click', () => inTurn(askAll));
  tokenForm.addEventListener('submit', (event) => {
    event.preventDefault();
    token = element('token', HTMLInputElement).value;
    show(tokenForm, false);
    inTurn(openAll);
  });
  await painted();
  inTurn(openAll);
  showPending();
}

/** What the server is still making; it is asked for until it is there. */
function showPending(): void {
  element('pending', HTMLParagraphElement).textContent = about.pending ?? '';
  if (about.pending !== undefined) setTimeout(() => void lookAgain(), pendingPause);
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
  work = work.then(next).catch(failed);
}

function say(text: string, part?: number): void {
  document.body.classList.remove('failed');
  if (status.textContent !== text) status.textContent = text;
  if (part === undefined) progress.removeAttribute('value');
  else progress.value = part;
}

function failed(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  say(message.replace(/^the peer ended the session: /, 'The server says: '), 0);
  document.body.classList.add('failed');
  if (/\btoken\b/.test(message)) show(tokenForm, true);
  ask.disabled = asked.length === 0;
}

// Sessions.

async function openAll(): Promise<void> {
  for (const model of about.models.filter(({ name }) => !asked.some(({ model }) => model.name === name))) {
    say(`Making keys${of(model)}. They stay in this browser.`);
    asked = [...asked, await Asked.open(model, token, told)];
    ask.disabled = false;
  }
  await prepareAll();
}

async function prepareAll(): Promise<void> {
  for (const each of asked) await each.prepare();
  say('Ready. The costly part is done, before the server or anybody else knows a picture.', 1);
}

function of({ title }: AboutModel): string {
  return about.models.length > 1 ? ` for ${title}` : '';
}

function told(model: AboutModel, { phase, part }: Progress): void {
  if (phase === 'preparing') say(`Preparing random numbers for the next answer${of(model)}.`, part);
  if (phase === 'answering') say(`Asking${of(model)}: masked numbers go back and forth.`, part);
}

async function askAll(): Promise<void> {
  if (chosen === undefined) return say('Choose a picture first.', 1);
  const picture = shown()!;
  ask.disabled = true;
  answers.replaceChildren();
  try {
    for (const each of asked) {
      const answer = await each.ask(picture.pixels);
      answers.append(answerCard(each.model, each.session.plan, answer, about.models.length > 1));
      showSent(picture, answer.sent);
    }
  } catch (error) {
    // A session that failed is over. The next question opens another.
    asked = [];
    inTurn(openAll);
    throw error;
  } finally {
    ask.disabled = false;
  }
  inTurn(prepareAll);
}

async function lookAgain(): Promise<void> {
  about = await fetchAbout().catch(() => about);
  if (about.models.length > asked.length) inTurn(openAll);
  showPending();
}

function showSent(picture: Picture, sent: Uint8Array): void {
  paint(element('saw-picture', HTMLCanvasElement), picture);
  paint(element('saw-sent', HTMLCanvasElement), { shape: picture.shape, pixels: wordsAsPixels(sent) });
  element('saw-numbers', HTMLElement).textContent = firstWords(sent, 6);
  show(element('saw', HTMLElement), true);
}

// Pictures.

function showSamples(): void {
  element('samples', HTMLDivElement).append(
    ...samples.map((sample, i) => {
      const small = document.createElement('canvas');
      paint(small, sample);
      small.ariaHidden = 'true';
      const choice = made('button', '', small);
      choice.type = 'button';
      choice.ariaLabel = sample.name;
      choice.addEventListener('click', () => choose(sample, i));
      return choice;
    }),
  );
}

/** Takes a picture: a sample by its number, or another one. */
function choose(picture: Picture, sample = -1): void {
  closeTools();
  chosen = picture;
  for (const [i, choice] of [...element('samples', HTMLDivElement).children].entries())
    choice.ariaPressed = String(i === sample);
  // Networks for small grey pictures know one kind of ground, and a photograph mostly has the other.
  const ground = samples[0] === undefined ? undefined : borderMean(samples[0]);
  const isGrey = picture.shape[0] === 1;
  show(element('swap-option', HTMLLabelElement), isGrey && sample === -1);
  swap.checked =
    isGrey && sample === -1 && ground !== undefined && Math.abs(borderMean(picture) - ground) > 0.5;
  showPicture();
}

function shown(): Picture | undefined {
  return chosen !== undefined && swap.checked ? swapped(chosen) : chosen;
}

function showPicture(): void {
  const picture = shown();
  if (picture === undefined) return;
  paint(canvas, picture);
  const [channels, height, width] = picture.shape;
  canvas.ariaLabel = `Your picture as the network takes it: ${picture.name}`;
  note.textContent =
    `${picture.name}. The network takes ${width} x ${height} pixels` +
    `${channels === 1 ? ' in grey' : ''}; this is what it works on.`;
}

async function chooseBitmap(source: ImageBitmapSource, name: string): Promise<void> {
  const bitmap = await createImageBitmap(source).catch(() => undefined);
  if (bitmap === undefined) {
    note.textContent = `${name}: this browser cannot read it as a picture.`;
    return;
  }
  const resize = asked[0]?.session.plan.preprocessing?.resize;
  choose(await pictureOf(bitmap, about.models[0]!.shape, resize, name));
}

function listenToPictures(): void {
  swap.addEventListener('change', showPicture);
  button('choose').addEventListener('click', () => file.click());
  file.addEventListener('change', () => void takeFile(file.files?.[0]));
  document.addEventListener('paste', (event) => void takeFile(event.clipboardData?.files[0]));
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.classList.add('over');
  });
  document.addEventListener('dragleave', () => stage.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    stage.classList.remove('over');
    void takeFile(event.dataTransfer?.files[0]);
  });
  listenToCamera();
  listenToPad();
}

async function takeFile(given: File | undefined): Promise<void> {
  if (given !== undefined) await chooseBitmap(given, given.name);
}

function listenToCamera(): void {
  show(button('camera'), 'mediaDevices' in navigator);
  button('camera').addEventListener('click', () => void openCamera());
  button('take').addEventListener('click', () => void chooseBitmap(video, 'A picture from the camera'));
}

async function openCamera(): Promise<void> {
  closeTools();
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment' } });
    await video.play();
  } catch {
    note.textContent = 'The camera is not there, or this page may not use it.';
    return;
  }
  show(video, true);
  show(button('take'), true);
  show(canvas, false);
}

function listenToPad(): void {
  const [channels, height = 0, width = 0] = about.models[0]?.shape ?? [];
  show(button('draw'), channels === 1 && Math.max(height, width) <= mostDrawn);
  const drawing = openPad(pad, () => void takeDrawing());
  button('draw').addEventListener('click', () => {
    closeTools();
    drawing.clear();
    for (const tool of [pad, button('clear')]) show(tool, true);
    note.textContent = 'Draw with a mouse, a pen or a finger.';
  });
  button('clear').addEventListener('click', () => drawing.clear());
}

/** The pad stays open: the picture beside it follows every stroke. */
async function takeDrawing(): Promise<void> {
  await chooseBitmap(pad, 'Your drawing');
  for (const tool of [pad, button('clear')]) show(tool, true);
}

function closeTools(): void {
  if (video.srcObject instanceof MediaStream) video.srcObject.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  for (const tool of [video, pad, button('take'), button('clear')]) show(tool, false);
  show(canvas, true);
}
