import { readCelebA } from './celeba.ts';
import { readCifar10, readCifar100 } from './cifar.ts';
import { readCsvManifest } from './csv-manifest.ts';
import { readFashionMnist, readFashionMnistPart } from './fashion-mnist.ts';
import { readIdxPair, readMnist } from './idx-pair.ts';
import { readImageFolder } from './image-folder.ts';
import type { Dataset, LoadOptions, Split } from './labelled-images.ts';
import { readNpz } from './npz.ts';
import { readTinyImagenet } from './tiny-imagenet.ts';
import { readUtkFace } from './utk-face.ts';

export type DataFormat = {
  /** The spec on the command line; words in capitals are placeholders. */
  readonly spec: string;
  readonly summary: string;
  /** `argument` is the part of the spec after the colon. */
  readonly read: (argument: string, split: Split, options: LoadOptions) => Promise<Dataset>;
};

/** Every format of data, by the name or prefix before the colon. */
export const formats: Readonly<Record<string, DataFormat>> = {
  'fashion-mnist-part': {
    spec: 'fashion-mnist-part',
    summary: 'comes with the package',
    read: (_, split, options) => readFashionMnistPart(split, options),
  },
  'fashion-mnist': {
    spec: 'fashion-mnist',
    summary: "the whole data set, from 'reluctant data fetch' or Debian",
    read: (_, split, options) => readFashionMnist(split, options),
  },
  idx: { spec: 'idx:IMAGES,LABELS', summary: 'two IDX files, plain or .gz', read: readIdxPair },
  mnist: {
    spec: 'mnist:FOLDER',
    summary: 'the four IDX files of MNIST or a data set like it',
    read: readMnist,
  },
  cifar10: { spec: 'cifar10:FOLDER', summary: 'CIFAR-10, binary version', read: readCifar10 },
  cifar100: { spec: 'cifar100:FOLDER', summary: 'CIFAR-100, binary version', read: readCifar100 },
  'tiny-imagenet': {
    spec: 'tiny-imagenet:FOLDER',
    summary: 'Tiny-ImageNet as unpacked; its val is the test set',
    read: readTinyImagenet,
  },
  folder: {
    spec: 'folder:FOLDER[@SIZE]',
    summary: 'a folder of images per class, with or without train/ and test/',
    read: readImageFolder,
  },
  celeba: {
    spec: 'celeba:FOLDER,ATTRIBUTE,...[@SIZE]',
    summary: 'CelebA; the label is one or more attributes such as Smiling; all 40 are groups',
    read: readCelebA,
  },
  'utkface-age': faces('age'),
  'utkface-gender': faces('gender'),
  'utkface-race': faces('race'),
  csv: {
    spec: 'csv:FILE[@SIZE]',
    summary: 'columns path, label, split (optional) and any groups',
    read: readCsvManifest,
  },
  npz: {
    spec: 'npz:FILE',
    summary: 'NumPy arrays x_train, y_train, ... or images and labels',
    read: readNpz,
  },
};

function faces(attribute: 'age' | 'gender' | 'race'): DataFormat {
  return {
    spec: `utkface-${attribute}:FOLDER[@SIZE]`,
    summary: `UTKFace, files named age_gender_race_time; the label is ${attribute}`,
    read: readUtkFace(attribute),
  };
}
