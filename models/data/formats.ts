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
  /** As on the command line; capitals stand for what the user puts there. */
  readonly spec: string;
  readonly summary: string;
  /** `argument` is what stands after the colon. */
  readonly read: (argument: string, split: Split, options: LoadOptions) => Promise<Dataset>;
};

/** Every form of data, by the name or prefix that stands before the colon. */
export const formats: Readonly<Record<string, DataFormat>> = {
  'fashion-mnist-part': {
    spec: 'fashion-mnist-part',
    summary: 'comes with the package',
    read: (_, split, options) => readFashionMnistPart(split, options),
  },
  'fashion-mnist': {
    spec: 'fashion-mnist',
    summary: "all of it, from 'reluctant data fetch' or Debian",
    read: (_, split, options) => readFashionMnist(split, options),
  },
  idx: { spec: 'idx:IMAGES,LABELS', summary: 'two IDX files, .gz or not', read: readIdxPair },
  mnist: { spec: 'mnist:FOLDER', summary: 'the four IDX files of MNIST and its like', read: readMnist },
  cifar10: { spec: 'cifar10:FOLDER', summary: 'CIFAR-10, binary version', read: readCifar10 },
  cifar100: { spec: 'cifar100:FOLDER', summary: 'CIFAR-100, binary version', read: readCifar100 },
  'tiny-imagenet': {
    spec: 'tiny-imagenet:FOLDER',
    summary: 'Tiny-ImageNet as unpacked; tested on val',
    read: readTinyImagenet,
  },
  folder: {
    spec: 'folder:FOLDER[@SIZE]',
    summary: 'a folder of images a class, with train/ and test/ or without',
    read: readImageFolder,
  },
  celeba: {
    spec: 'celeba:FOLDER,ATTRIBUTE,...[@SIZE]',
    summary: 'CelebA; the label is an attribute such as Smiling or a combination, groups are any of the 40',
    read: readCelebA,
  },
  'utkface-age': faces('age'),
  'utkface-gender': faces('gender'),
  'utkface-race': faces('race'),
  csv: {
    spec: 'csv:FILE[@SIZE]',
    summary: 'columns path and label, where wanted split, and groups',
    read: readCsvManifest,
  },
  npz: { spec: 'npz:FILE', summary: "NumPy's x_train, y_train, ... or images and labels", read: readNpz },
};

function faces(attribute: 'age' | 'gender' | 'race'): DataFormat {
  return {
    spec: `utkface-${attribute}:FOLDER[@SIZE]`,
    summary: `UTKFace, files named age_gender_race_time; the label is ${attribute}`,
    read: readUtkFace(attribute),
  };
}
