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
