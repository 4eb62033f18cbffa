import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../../src/shared/errors.ts';
import { packageRoot } from '../../src/shared/files.ts';

/** How a trained network of the package was made. Accuracies are in [0, 1]. */
export type ZooModel = z.infer<typeof zooEntry>;

const zooEntry = z.object({
  name: z.string(),
  /** The file's name in models/zoo. */
  file: z.string(),
  sha256: z.string(),
  architecture: z.string(),
  relus: z.number(),
  data: z.string(),
  /** The data set, in the package, on which commands calibrate the network unless they are told another. */
  calibration: z.string(),
  /** The command that trained it. */
  command: z.string(),
  /** The epoch whose weights were kept, counted from 1. */
  epoch: z.number(),
  /** Accuracy of the kept epoch on the images held out of the training images. */
  validation_accuracy: z.number(),
  /** Accuracy on all test images, measured once. */
  test_accuracy: z.number(),
  seconds: z.number(),
  date: z.string(),
  machine: z.string(),
});

const folder = join(packageRoot, 'models/zoo');

/** The trained networks of the package, from its manifest. */
export function zooModels(): ZooModel[] {
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8'));
  return z.object({ models: z.array(zooEntry) }).parse(manifest).models;
}

/**
 * The path of the model `zoo:NAME`; any other name is a path already. Throws UsageError for a name that is
 * not in the zoo.
 */
export function resolveModel(nameOrPath: string): string {
  const found = zooModel(nameOrPath);
  return found === undefined ? nameOrPath : join(folder, found.file);
}

/** The network `zoo:NAME`; undefined for a path. Throws UsageError for a name that is not in the zoo. */
export function zooModel(nameOrPath: string): ZooModel | undefined {
  if (!nameOrPath.startsWith('zoo:')) return undefined;
  const name = nameOrPath.slice('zoo:'.length);
  const models = zooModels();
  const found = models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const known = models.map((model) => `zoo:${model.name}`).join(', ');
  throw new UsageError(`${nameOrPath} is not in the zoo; it has ${known}`);
}
