import { normals } from '../../models/architectures/init.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { seededRng } from './rng.ts';

/** Three classes of 2 x 8 x 8 images, each a seeded pattern under noise: a small network learns them in seconds. */
export function tinyDataset(n: number, seed: string): Dataset {
  const classes = ['a', 'b', 'c'];
  const patterns = classes.map((name) => normals(128, seededRng(name)));
  const noise = normals(n * 128, seededRng(seed));
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const images = Uint8Array.from(noise, (v, i) => {
    const value = 128 + 30 * patterns[labels[Math.floor(i / 128)]!]![i % 128]! + 30 * v;
    return Math.max(0, Math.min(255, value));
  });
  return { name: 'tiny', classes, shape: [2, 8, 8], images, labels, n };
}
