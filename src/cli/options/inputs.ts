import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { Pair } from '../../../models/graph.ts';
import { deviceChoices } from '../../../models/runtime/device.ts';
import { engineNames } from '../../../models/train/engines/names.ts';
import { UsageError } from '../../shared/errors.ts';
import { isSpecial } from '../../shared/files.ts';

export const modelHelp = 'an .onnx file, or a trained model of the package, e.g. zoo:fashion-resnet8';

/** `--data` in one line; `data formats` lists the forms. */
export const dataHelp =
  "images: a name or form of 'reluctant data formats', e.g. fashion-mnist-part or folder:DIR@32";

/** `--data` of commands that only compile a model. */
export const calibrationHelp =
  "images that set the scales of the fixed-point numbers: a name or form of 'reluctant data formats' " +
  '(default: the own data of a zoo model; required for others)';

export const threadsHelp = 'threads for homomorphic encryption (default: one per core)';

/** `--memory` of servers, and of commands that start both parties. */
export const memoryHelp =
  'memory for caches, such as 64MB: transformed weights, rows of oblivious transfers that are made ahead for ' +
  'each session, and the indices of their code; answers stay the same (default: 67MB of weights, 73MB of ' +
  'rows, 16MB of indices in each thread)';

export function deviceOption(): Option {
  return new Option('--device <device>', 'onnxruntime runs on this device; auto picks the fastest that works')
    .choices(deviceChoices)
    .default('cpu');
}

export function engineOption(): Option {
  return new Option(
    '--engine <engine>',
    'trains the network; tfjs is TensorFlow.js on TensorFlow if @tensorflow/tfjs-node-gpu is installed, ' +
      'else on wasm, else on the cpu',
  )
    .choices(engineNames)
    .default('onnxruntime');
}

export type SizeFlag = { readonly size?: Pair };

/** `--size` of commands that read files which may leave the size of images open. */
export function sizeOption(): Option {
  return new Option(
    '--size <height>x<width>',
    'size of the images, for a file that leaves it open, e.g. 224x224',
  ).argParser(imageSize);
}

function imageSize(text: string): Pair {
  const [, height, width] = /^(\d+)(?:x(\d+))?$/.exec(text) ?? [];
  const size = [Number(height), Number(width ?? height)] as const;
  if (!size.every((length) => length >= 1 && length <= 65_536))
    throw new InvalidArgumentError('Expected a height and a width, such as 224x224.');
  return size;
}

/**
 * Makes the file's folder, before hours of work. Throws UsageError if the file could not be written there.
 */
export function checkOutput(file: string, option = '--out'): void {
  if (isSpecial(file)) return;
  makeFolder(dirname(file), `${option} ${file}`);
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${option} ${file}: is a folder; give the name of a file`);
  }
}

/**
 * Makes the folder of an option, before hours of work. Throws UsageError if nothing could be written there.
 */
export function checkFolder(folder: string, option: string): void {
  makeFolder(folder, `${option} ${folder}`);
}

function makeFolder(folder: string, named: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw new UsageError(`${named}: ${(error as Error).message}`);
  }
}
