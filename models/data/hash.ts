import type { Hash } from 'node:crypto';
import type { Dataset } from './dataset.ts';

/** Adds what a data set is to a hash: its size, images and labels, whatever it is called. */
export function hashDataset(hash: Hash, { n, shape, images, labels }: Dataset): void {
  hash
    .update(JSON.stringify([n, shape]))
    .update(images)
    .update(labels);
}
