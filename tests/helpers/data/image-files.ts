import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';

/** A folder of its own that holds the given files, by path; missing folders are made. */
export async function folderWith(files: Readonly<Record<string, Uint8Array | string>> = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'data-'));
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

/** A PNG of one colour, each channel a byte; three channels or one. */
export function plainPng(
  colour: readonly number[],
  { width, height }: { width: number; height: number },
): Promise<Uint8Array> {
  const bytes = Uint8Array.from(
    { length: width * height * colour.length },
    (_, i) => colour[i % colour.length]!,
  );
  return rawPng(bytes, width, height, colour.length as 1 | 3);
}

/** A PNG with these bytes, rows of pixels of channels. */
export async function rawPng(
  bytes: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3,
): Promise<Uint8Array> {
  return sharp(bytes, { raw: { width, height, channels } }).png().toBuffer();
}

/** A grey TIFF of 32-bit floats, little-endian, in one strip. */
export function floatTiff(width: number, height: number, samples: readonly number[]): Uint8Array {
  const [short, long] = [3, 4];
  const entries = [
    [256, short, width],
    [257, short, height],
    [258, short, 32], // bits a sample
    [259, short, 1], // not compressed
    [262, short, 1], // black is 0
    [273, long, 0], // where the strip begins
    [277, short, 1], // samples a pixel
    [278, short, height], // rows a strip
    [279, long, 4 * samples.length],
    [339, short, 3], // floats
  ] as const;
  const start = 8 + 2 + 12 * entries.length + 4;
  const bytes = Buffer.alloc(start + 4 * samples.length);
  bytes.write('II*\0', 'latin1');
  bytes.writeUInt32LE(8, 4);
  bytes.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, type, value], i) => {
    const at = 10 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(type, at + 2);
    bytes.writeUInt32LE(1, at + 4);
    bytes.writeUInt32LE(tag === 273 ? start : value, at + 8);
  });
  samples.forEach((sample, i) => bytes.writeFloatLE(sample, start + 4 * i));
  return bytes;
}
