import type { Hash } from 'node:crypto';
import type { Dataset } from './labelled-images.ts';

/** Adds a data set's size, images and labels to a hash, but not its name. */
export function hashDataset(hash: Hash, { n, shape, images, labels }: Dataset): void {
  hash
    .update(JSON.stringify([n, shape]))
    .update(images)
    .update(labels);
}
