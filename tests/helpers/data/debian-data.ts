import { existsSync } from 'node:fs';

/** Where Debian's package puts the four files of Fashion-MNIST. */
export const debianFashion = '/usr/share/datasets/fashion-mnist';

/** For the title of a test that reads them; empty where they are there. */
export const withoutDebianFashion = existsSync(debianFashion)
  ? ''
  : ' (skipped: needs the Debian package dataset-fashion-mnist)';
