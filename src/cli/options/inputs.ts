import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { Option } from 'commander';
import { deviceChoices } from '../../../models/runtime/device.ts';
import { engineNames } from '../../../models/train/engines/index.ts';
import { formats } from '../../../models/data/formats.ts';
import { variants } from '../../../models/data/variants.ts';
import { targetHelp } from '../../../models/data/image-target.ts';
import { resolveModel, zooModel, zooModels } from '../../../models/zoo/index.ts';
import { ModelError, UsageError } from '../../shared/errors.ts';

export const modelHelp = 'an .onnx file, or a trained one of the package by name, e.g. zoo:fashion-resnet8';

/** How to give a size, and a line for each form of data. */
export const dataHelp = [
  `images (${targetHelp}), one of`,
  ...Object.values(formats).map(({ spec, summary }) => `  ${spec}: ${summary}`),
  'and behind any of them, to make it unequal on purpose',
  ...Object.values(variants).map(({ spec, summary }) => `  ${spec}: ${summary}`),
].join('\n');

export const calibrationHelp = 'calibrates the scales (only a zoo: model has its own data)';

export function deviceOption(): Option {
  return new Option('--device <device>', 'what onnxruntime computes on; auto takes the fastest that works')
    .choices(deviceChoices)
    .default('cpu');
}

export function engineOption(): Option {
  return new Option(
    '--engine <engine>',
    'what trains: onnxruntime, or tfjs, which differentiates by itself: TensorFlow.js on tensorflow where ' +
      '@tensorflow/tfjs-node-gpu is installed, else wasm, else cpu',
  )
    .choices(engineNames)
    .default('onnxruntime');
}

/** The file behind a model's name. Throws ModelError where there is none. */
export function modelFile(name: string): string {
  const file = resolveModel(name);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new ModelError(`${name}: no such model file`);
  return file;
}

/**
 * The data set that calibrates a model: `given` by --data, or else the one that the zoo knows for it. Throws
 * UsageError where there is neither: ranges of other images would make wrong answers.
 */
export function calibrationData(model: string, given: string | undefined): string {
  const data = given ?? zooModel(model)?.calibration;
  if (data !== undefined) return data;
  modelFile(model);
  const known = zooModels().map(({ name }) => `zoo:${name}`);
  throw new UsageError(
    `${model}: give --data, images like those that clients will send: they choose the scales of the ` +
      `fixed-point numbers; only ${known.join(', ')} has a data set of its own`,
  );
}

/** A model's name in tables: the file's without folder and extension. */
export function shortName(name: string): string {
  return basename(name)
    .replace(/^zoo:/, '')
    .replace(/\.onnx$/, '');
}

/** Before hours of work: makes the file's folder. Throws UsageError where the file could not be written. */
export function checkOutput(file: string, option = '--out'): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    throw new UsageError(`${option} ${file}: ${(error as Error).message}`);
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${option} ${file}: is a folder, expected the name of a file`);
  }
}
