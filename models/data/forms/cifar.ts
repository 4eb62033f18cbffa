import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { readBytes, readLines } from '../images/disk.ts';
import type { Dataset, Split } from '../labelled-images.ts';

/**
 * The shape of an image: the red plane comes first (https://www.cs.toronto.edu/~kriz/cifar.html, 'Binary
 * version').
 */
const shape = [3, 32, 32] as const;
const pixelBytes = 3 * 32 * 32;

type Layout = {
  /** The folder's name in the archive. */
  readonly folder: string;
  readonly files: Record<Split, readonly string[]>;
  /**
   * The label bytes before the pixels: for each, the file with the names of its values, and their number. The
   * last one is the label.
   */
  readonly heads: readonly { readonly names: string; readonly count: number }[];
};

const cifar10: Layout = {
  folder: 'cifar-10-batches-bin',
  files: { train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`), test: ['test_batch.bin'] },
  heads: [{ names: 'batches.meta.txt', count: 10 }],
};

const cifar100: Layout = {
  folder: 'cifar-100-binary',
  files: { train: ['train.bin'], test: ['test.bin'] },
  heads: [
    { names: 'coarse_label_names.txt', count: 20 },
    { names: 'fine_label_names.txt', count: 100 },
  ],
};

/** Reads CIFAR-10, binary version, from the unpacked folder or the folder that contains it. */
export function readCifar10(folder: string, split: Split): Promise<Dataset> {
  return readCifar('cifar10', cifar10, folder, split);
}

/**
 * Reads CIFAR-100, binary version, with the fine labels as classes; the coarse labels are the group column
 * `superclass`.
 */
export function readCifar100(folder: string, split: Split): Promise<Dataset> {
  return readCifar('cifar100', cifar100, folder, split);
}

async function readCifar(name: string, layout: Layout, outer: string, split: Split): Promise<Dataset> {
  const inner = join(outer, layout.folder);
  const folder = existsSync(inner) ? inner : outer;
  const names = await Promise.all(layout.heads.map((head) => readNames(folder, head)));
  const parts: Records[] = [];
  for (const file of layout.files[split]) parts.push(await readRecords(join(folder, file), layout));
  const heads = layout.heads.map((_, h) => Uint8Array.from(Buffer.concat(parts.map((p) => p.heads[h]!))));
  const labels = heads.at(-1)!;
  const superclass = heads.length > 1 && Array.from(heads[0]!, (value) => names[0]![value]!);
  return {
    name: `${name} (${split})`,
    classes: names.at(-1)!,
    shape,
    images: Buffer.concat(parts.map(({ images }) => images)),
    labels,
    n: labels.length,
    ...(superclass && { groups: { superclass } }),
  };
}

async function readNames(folder: string, { names, count }: Layout['heads'][number]): Promise<string[]> {
  const path = join(folder, names);
  if (!existsSync(path)) return Array.from({ length: count }, (_, i) => String(i));
  const lines = await readLines(path);
  if (lines.length !== count) throw new DataError(`${path}: expected ${count} names, got ${lines.length}`);
  return lines.map((line) => line.trim());
}

type Records = { readonly heads: readonly Uint8Array[]; readonly images: Uint8Array };

async function readRecords(path: string, { heads }: Layout): Promise<Records> {
  const bytes = await readBytes(path);
  const size = heads.length + pixelBytes;
  if (bytes.length === 0 || bytes.length % size !== 0) {
    throw new DataError(
      `${path}: expected records of ${size} bytes (${heads.length} of labels, ${pixelBytes} of pixels), ` +
        `got ${bytes.length} bytes`,
    );
  }
  const n = bytes.length / size;
  const images = new Uint8Array(n * pixelBytes);
  const values = heads.map(() => new Uint8Array(n));
  for (let i = 0; i < n; i++) {
    images.set(bytes.subarray(i * size + heads.length, (i + 1) * size), i * pixelBytes);
    heads.forEach(({ count }, h) => {
      const value = bytes[i * size + h]!;
      if (value >= count) throw new DataError(`${path}: record ${i}: expected a label below ${count}`);
      values[h]![i] = value;
    });
  }
  return { heads: values, images };
}
