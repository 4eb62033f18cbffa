import * as format from '../../shared/format.ts';
import { element, show } from './elements.ts';
import { firstWords, paint, wordsAsPixels } from './pictures.ts';
import type { Picture } from './pictures.ts';

/** Numbers that are also shown as digits. */
const digits = 6;

const canvas = element('saw-sent', HTMLCanvasElement);
const note = element('saw-note', HTMLParagraphElement);
const words = element('saw-words', HTMLParagraphElement);

/** What the server got for a picture: its masked numbers, drawn as a picture of the same size. */
export function showSent({ shape }: Picture, sent: Uint8Array): void {
  paint(canvas, { shape, pixels: wordsAsPixels(sent) });
  canvas.ariaLabel = 'What the server got, drawn as a picture: noise';
  note.textContent =
    `${format.count(sent.length / 4)} numbers: each is a value of your picture plus a random number that never ` +
    'leaves this browser. They are uniform: they look the same for any picture.';
  element('saw-numbers', HTMLElement).textContent = firstWords(sent, digits);
  show(words, true);
}

/** Another picture, of which the server has nothing. */
export function showNothing(): void {
  canvas.width = canvas.height = 1;
  canvas.ariaLabel = 'Nothing of your picture yet';
  note.textContent = 'Nothing of your picture yet. You will see here what it receives when you ask.';
  show(words, false);
}
