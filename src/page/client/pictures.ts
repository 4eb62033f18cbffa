import type { Shape } from '../../../models/tensor.ts';
import type { Sample } from '../about.ts';

/** A picture as a network takes it: pixels [C, H, W] from 0 to 1. */
export type Picture = { readonly shape: Shape; readonly pixels: Float32Array; readonly name: string };

/** Luma of BT.601, as image libraries turn colours into grey. */
const luma = [0.299, 0.587, 0.114] as const;

export function sampleOf({ label, shape, pixels }: Sample): Picture {
  const bytes = Uint8Array.from(atob(pixels), (character) => character.charCodeAt(0));
  return { shape, pixels: Float32Array.from(bytes, (byte) => byte / 255), name: label };
}

/**
 * Scales what is drawn so that it covers the input's size, and takes the centre. `resize` is the length of
 * the shorter side before that, if the network's plan names one.
 */
export async function pictureOf(
  source: ImageBitmap,
  shape: Shape,
  resize: number | undefined,
  name: string,
): Promise<Picture> {
  const [channels = 1, height = 1, width = 1] = shape;
  const scale = Math.max(
    Math.max(height / source.height, width / source.width),
    (resize ?? 0) / Math.min(source.height, source.width),
  );
  const size = {
    resizeWidth: Math.max(width, Math.round(source.width * scale)),
    resizeHeight: Math.max(height, Math.round(source.height * scale)),
  };
  const scaled = await createImageBitmap(source, { ...size, resizeQuality: 'high' });
  const context = new OffscreenCanvas(width, height).getContext('2d')!;
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  const [x, y] = [(width - size.resizeWidth) / 2, (height - size.resizeHeight) / 2];
  context.drawImage(scaled, Math.round(x), Math.round(y));
  const { data } = context.getImageData(0, 0, width, height);
  return { shape, pixels: planesOf(data, channels, height * width), name };
}

/** [H W, RGBA] bytes to [C, H, W]. */
function planesOf(rgba: Uint8ClampedArray, channels: number, size: number): Float32Array {
  const planes = new Float32Array(channels * size);
  for (let i = 0; i < size; i++) {
    const colour = [rgba[4 * i]! / 255, rgba[4 * i + 1]! / 255, rgba[4 * i + 2]! / 255] as const;
    if (channels === 1) planes[i] = luma[0] * colour[0] + luma[1] * colour[1] + luma[2] * colour[2];
    else for (let c = 0; c < channels; c++) planes[c * size + i] = colour[c % 3]!;
  }
  return planes;
}

export function swapped({ pixels, ...rest }: Picture): Picture {
  return { ...rest, pixels: pixels.map((value) => 1 - value) };
}

/** The mean of a picture's border. */
export function borderMean({ pixels, shape: [channels = 1, height = 1, width = 1] }: Picture): number {
  let [sum, count] = [0, 0];
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const step = y === 0 || y === height - 1 ? 1 : Math.max(width - 1, 1);
      for (let x = 0; x < width; x += step, count++) sum += pixels[(c * height + y) * width + x]!;
    }
  }
  return sum / count;
}

/** Draws values [C, H, W] from 0 to 1, one canvas pixel each. */
export function paint(canvas: HTMLCanvasElement, { pixels, shape }: Omit<Picture, 'name'>): void {
  const [channels = 1, height = 1, width = 1] = shape;
  const size = height * width;
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = 255 * pixels[(channels < 3 ? 0 : c) * size + i]!;
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

/** The words that were sent as brightness: the highest byte of each. */
export function wordsAsPixels(sent: Uint8Array): Float32Array {
  return Float32Array.from({ length: sent.length / 4 }, (_, i) => sent[4 * i + 3]! / 255);
}

/** The first words that were sent, in hexadecimal. */
export function firstWords(sent: Uint8Array, count: number): string {
  const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
  const words = Array.from({ length: Math.min(count, sent.byteLength / 4) }, (_, i) =>
    view
      .getUint32(4 * i, true)
      .toString(16)
      .padStart(8, '0'),
  );
  return `${words.join(' ')} …`;
}
