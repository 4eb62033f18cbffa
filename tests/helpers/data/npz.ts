import { zipSync } from 'fflate';
import { byteImages } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';

/** A .npy file as the format's description has it. */
export function npy(
  descr: string,
  shape: readonly number[],
  data: Uint8Array,
  fortran = 'False',
): Uint8Array {
  const dict = `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = Buffer.from(`${dict.padEnd(117)}\n`);
  return Buffer.concat([
    Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
    Buffer.from([header.length, 0]),
    header,
    data,
  ]);
}

/** The archive of a training set and a test set, of one or three channels. */
export function npzOf(train: Dataset, test: Dataset): Uint8Array {
  const images = (data: Dataset) => npy('|u1', [data.n, ...data.shape], byteImages(data));
  const labels = ({ n, labels }: Dataset) => npy('|u1', [n], Uint8Array.from(labels));
  return zipSync({
    'x_train.npy': images(train),
    'y_train.npy': labels(train),
    'x_test.npy': images(test),
    'y_test.npy': labels(test),
  });
}
