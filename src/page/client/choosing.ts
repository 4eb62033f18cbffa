import type { About } from '../about.ts';
import { closeCamera, openCamera } from './camera.ts';
import { openPad } from './drawing.ts';
import { button, element, made, show } from './elements.ts';
import { borderMean, paint, pictureOf, sampleOf, swapped } from './pictures.ts';
import type { Picture } from './pictures.ts';

/** The largest side of a network's input for which drawing makes sense. */
const mostDrawn = 64;

/** A photograph of a good camera has 20 MB. Beyond this a browser may run out of memory. */
const largestFile = 100e6;

const canvas = element('picture', HTMLCanvasElement);
const note = element('picture-note', HTMLParagraphElement);
const swap = element('swap', HTMLInputElement);
const file = element('file', HTMLInputElement);
const pad = element('pad', HTMLCanvasElement);
const stage = element('stage', HTMLDivElement);
const choices = element('samples', HTMLDivElement);

/** Where people choose their picture. */
export class Chooser {
  readonly #about: About;
  readonly #changed: () => void;
  readonly #resize: () => number | undefined;
  readonly #samples: readonly Picture[];
  /** As it was chosen, before light and dark are swapped. */
  #chosen: Picture | undefined;
  /** How often somebody chose: a picture that takes long to read does not replace a later choice. */
  #choices = 0;
  /** Resolves when the picture that was chosen last is read, or cannot be. */
  settled: Promise<void> = Promise.resolve();

  /**
   * `resize` is the length of a picture's shorter side before its centre is taken, once the network's plan is
   * known. `changed` is called for each new picture.
   */
  constructor(about: About, resize: () => number | undefined, changed: () => void) {
    this.#about = about;
    this.#resize = resize;
    this.#changed = changed;
    this.#samples = about.samples.map(sampleOf);
    this.#showSamples();
    this.#listen();
    if (this.#samples.length > 0) this.#choose(this.#samples[0]!, 0);
    else note.textContent = 'Choose a picture, drop one here or paste one.';
  }

  /** The picture as the network gets it; undefined before one is chosen. */
  get picture(): Picture | undefined {
    return this.#chosen !== undefined && swap.checked ? swapped(this.#chosen) : this.#chosen;
  }

  /** Says that a picture is needed first. */
  ask(): void {
    note.textContent = 'Choose a picture first.';
    button('choose').focus();
  }

  #showSamples(): void {
    choices.append(
      ...this.#samples.map((sample, i) => {
        const small = document.createElement('canvas');
        paint(small, sample);
        small.ariaHidden = 'true';
        const choice = made('button', '', small);
        choice.type = 'button';
        choice.ariaLabel = sample.name;
        choice.addEventListener('click', () => {
          this.#closeTools();
          this.#choose(sample, i);
        });
        return choice;
      }),
    );
  }

  /** Takes a picture: a sample by its number, or another one. */
  #choose(picture: Picture, sample = -1): void {
    this.#choices++;
    this.#chosen = picture;
    for (const [i, choice] of [...choices.children].entries()) choice.ariaPressed = String(i === sample);
    // Networks for small grey pictures know one kind of ground, and a photograph mostly has the other.
    const [first] = this.#samples;
    const isOther = first !== undefined && Math.abs(borderMean(picture) - borderMean(first)) > 0.5;
    const canSwap = picture.shape[0] === 1 && sample === -1;
    show(element('swap-option', HTMLLabelElement), canSwap);
    swap.checked = canSwap && isOther;
    this.#showPicture();
  }

  #showPicture(): void {
    const { picture } = this;
    if (picture === undefined) return;
    paint(canvas, picture);
    const [channels, height, width] = picture.shape;
    canvas.ariaLabel = `Your picture as the network takes it: ${picture.name}`;
    note.textContent =
      `${picture.name}. The network takes ${width} x ${height} pixels` +
      `${channels === 1 ? ' in grey' : ''}; this is what it works on.`;
    this.#changed();
  }

  #take(source: ImageBitmapSource, name: string): Promise<void> {
    return (this.settled = this.#read(source, name));
  }

  /** It never rejects. */
  async #read(source: ImageBitmapSource, name: string): Promise<void> {
    const choice = ++this.#choices;
    note.textContent = `Reading ${name}.`;
    try {
      const bitmap = await createImageBitmap(source);
      const { shape } = this.#about.models[0]!;
      const picture = await pictureOf(bitmap, shape, this.#resize(), name);
      bitmap.close();
      if (choice === this.#choices) this.#choose(picture);
    } catch {
      if (choice === this.#choices) note.textContent = `${name}: this browser cannot read it as a picture.`;
    }
  }

  async #takeFile(given: File | undefined): Promise<void> {
    // The same file may be chosen again.
    file.value = '';
    if (given === undefined) return;
    this.#closeTools();
    if (given.size <= largestFile) return this.#take(given, given.name);
    note.textContent = `${given.name} is larger than ${largestFile / 1e6} MB. Choose a smaller picture.`;
  }

  #listen(): void {
    swap.addEventListener('change', () => this.#showPicture());
    button('choose').addEventListener('click', () => file.click());
    file.addEventListener('change', () => void this.#takeFile(file.files?.[0]));
    document.addEventListener('paste', (event) => void this.#takeFile(event.clipboardData?.files[0]));
    this.#listenToDrops();
    openCamera(
      () => {
        this.#closeTools();
        this.#showStage();
      },
      (video) => void this.#take(video, 'A picture from the camera').then(() => this.#closeTools()),
      (text) => (note.textContent = text),
    );
    this.#listenToPad();
  }

  #listenToDrops(): void {
    document.addEventListener('dragover', (event) => {
      event.preventDefault();
      stage.classList.add('over');
    });
    document.addEventListener('dragleave', () => stage.classList.remove('over'));
    document.addEventListener('drop', (event) => {
      event.preventDefault();
      stage.classList.remove('over');
      void this.#takeFile(event.dataTransfer?.files[0]);
    });
  }

  #listenToPad(): void {
    const [channels, height = 0, width = 0] = this.#about.models[0]?.shape ?? [];
    show(button('draw'), channels === 1 && Math.max(height, width) <= mostDrawn);
    const drawing = openPad(pad, () => void this.#take(pad, 'Your drawing'));
    button('draw').addEventListener('click', () => {
      this.#closeTools();
      drawing.clear();
      this.#showPad(true);
      this.#showStage();
      note.textContent = 'Draw with a mouse, a pen or a finger.';
    });
    button('clear').addEventListener('click', () => drawing.clear());
  }

  #closeTools(): void {
    closeCamera();
    this.#showPad(false);
    show(canvas, true);
  }

  /** On a small screen the buttons may be all that is in view. */
  #showStage(): void {
    stage.scrollIntoView({ block: 'nearest' });
  }

  /** The picture that the network gets stays in a corner of the pad. */
  #showPad(isShown: boolean): void {
    stage.classList.toggle('drawing', isShown);
    for (const tool of [pad, button('clear')]) show(tool, isShown);
  }
}
