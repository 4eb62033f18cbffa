import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { resolveModel, zooModel, zooModels } from '../../../models/zoo/index.ts';
import { ModelError, UsageError } from '../../shared/errors.ts';

/** The file of a model's name. Throws ModelError if it does not exist. */
export function modelFile(name: string): string {
  const file = resolveModel(name);
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory()) throw new ModelError(`${name}: is a folder; give an .onnx file`);
  if (!found?.isFile()) throw new ModelError(`${name}: no such model file`);
  return file;
}

/**
 * The data set that calibrates a model: `given` by --data, or else the one that the zoo knows for it. Throws
 * UsageError if there is neither: scales from other images would make wrong answers.
 */
export function calibrationData(model: string, given: string | undefined): string {
  const data = given ?? zooModel(model)?.calibration;
  if (data !== undefined) return data;
  modelFile(model);
  const known = zooModels().map(({ name }) => `zoo:${name}`);
  throw new UsageError(
    `${model}: give --data with images like those that clients will send, because they set the scales of the ` +
      `fixed-point numbers; only ${known.join(', ')} has its own data`,
  );
}

/** A model's name in tables: the file name without folder and extension. */
export function shortName(name: string): string {
  return basename(name)
    .replace(/^zoo:/, '')
    .replace(/\.onnx$/, '');
}
