import { readCelebA } from './celeba.ts';
import { readCifar10, readCifar100 } from './cifar.ts';
import { readCsvManifest } from './csv-manifest.ts';
import { readFashionMnist, readFashionMnistPart } from './fashion-mnist.ts';
import { readIdxPair, readMnist } from './idx-pair.ts';
import { readImageFolder } from './image-folder.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';
import { readNpz } from './npz.ts';
import { readNumberTable } from './number-table.ts';
import { readOpenclipart } from './openclipart.ts';
import { readTinyImagenet } from './tiny-imagenet.ts';
import { readUtkFace } from './utk-face.ts';

export type DataFormat = {
  /** The spec on the command line; words in capitals are placeholders. */
  readonly spec: string;
  readonly summary: string;
  /** What has to be there before the format can be read. */
  readonly needs: string;
  /** `argument` is the part of the spec after the colon. */
  readonly read: (argument: string, split: Split, options: LoadOptions) => Promise<Dataset>;
};

/** Every format of data, by the name or prefix before the colon. */
export const formats: Readonly<Record<string, DataFormat>> = {
  'fashion-mnist-part': {
    spec: 'fashion-mnist-part',
    summary: '7,000 training and 1,500 test images of Fashion-MNIST',
    needs: 'nothing: it is in the package',
    read: (_, split, options) => readFashionMnistPart(split, options),
  },
  'fashion-mnist': {
    spec: 'fashion-mnist',
    summary: 'all 70,000 images of Fashion-MNIST',
    needs: "'reluctant data fetch fashion-mnist', or Debian's package",
    read: (_, split, options) => readFashionMnist(split, options),
  },
  idx: {
    spec: 'idx:IMAGES,LABELS',
    summary: 'images and labels as IDX files',
    needs: 'two files, plain or .gz',
    read: readIdxPair,
  },
  mnist: {
    spec: 'mnist:FOLDER',
    summary: 'MNIST, or a data set in its format',
    needs: 'a folder with the four IDX files',
    read: readMnist,
  },
  cifar10: {
    spec: 'cifar10:FOLDER',
    summary: 'CIFAR-10',
    needs: 'the unpacked archive, binary version',
    read: readCifar10,
  },
  cifar100: {
    spec: 'cifar100:FOLDER',
    summary: 'CIFAR-100; coarse labels can be groups',
    needs: 'the unpacked archive, binary version',
    read: readCifar100,
  },
  'tiny-imagenet': {
    spec: 'tiny-imagenet:FOLDER',
    summary: 'Tiny-ImageNet; it tests on the validation images',
    needs: 'the unpacked archive',
    read: readTinyImagenet,
  },
  folder: {
    spec: 'folder:FOLDER[@SIZE]',
    summary: 'your own images, a folder for each class',
    needs: 'class folders, directly or under train/ and test/',
    read: readImageFolder,
  },
  openclipart: {
    spec: 'openclipart:FOLDER[@SIZE]',
    summary: 'clip art by subject; subjects of fewer than 100 pictures are left out',
    needs: "Debian's openclipart-png: /usr/share/openclipart/png",
    read: readOpenclipart,
  },
  celeba: {
    spec: 'celeba:FOLDER,ATTRIBUTE,...[@SIZE]',
    summary: 'CelebA; labels are ATTRIBUTEs; all 40 can be groups',
    needs: 'the unpacked archive',
    read: readCelebA,
  },
  'utkface-age': faces('age'),
  'utkface-gender': faces('gender'),
  'utkface-race': faces('race'),
  csv: {
    spec: 'csv:FILE[@SIZE]',
    summary: 'your own images, listed in a CSV file',
    needs: 'columns path, label; optional: split, columns of groups',
    read: readCsvManifest,
  },
  table: {
    spec: 'table:FILE',
    summary: 'rows of numbers for a network without pictures, in a CSV file',
    needs: 'a column label; optional: split; the other columns are the inputs',
    read: readNumberTable,
  },
  npz: {
    spec: 'npz:FILE',
    summary: 'NumPy arrays of bytes or floats',
    needs: 'arrays x_train, y_train, ..., or images and labels',
    read: readNpz,
  },
};

function faces(attribute: 'age' | 'gender' | 'race'): DataFormat {
  return {
    spec: `utkface-${attribute}:FOLDER[@SIZE]`,
    summary: `UTKFace; the label is the ${attribute}`,
    needs: 'images named age_gender_race_time',
    read: readUtkFace(attribute),
  };
}
