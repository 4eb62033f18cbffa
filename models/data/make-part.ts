import { join } from 'node:path';
import { constants, gzipSync } from 'node:zlib';
import { packageRoot, writeFileAtomic } from '../../src/shared/files.ts';
import { byteImages, loadDataset } from './dataset.ts';
import type { Split } from './dataset.ts';
import { encodeIdx } from './images/idx.ts';
import { idxFiles } from './forms/idx-pair.ts';
import { firstOfEachClass } from './splits.ts';

/** The number of images per class in the part of Fashion-MNIST that comes with the package. */
export const partPerClass: Record<Split, number> = { train: 700, test: 150 };

/**
 * Writes models/data/fashion-mnist-part from the whole data set. Run it with `node models/data/make-part.ts`.
 */
export async function makePart(folder = join(packageRoot, 'models/data/fashion-mnist-part')): Promise<void> {
  for (const split of ['train', 'test'] as const) {
    const part = firstOfEachClass(await loadDataset('fashion-mnist', split), partPerClass[split]);
    const [, height = 0, width = 0] = part.shape;
    const images = encodeIdx({ shape: [part.n, height, width], data: byteImages(part) });
    const labels = encodeIdx({ shape: [part.n], data: Uint8Array.from(part.labels) });
    await writeFileAtomic(join(folder, idxFiles[split].images), compress(images));
    await writeFileAtomic(join(folder, idxFiles[split].labels), compress(labels));
  }
}

function compress(bytes: Uint8Array): Uint8Array {
  return gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
}

if (import.meta.main) await makePart();
