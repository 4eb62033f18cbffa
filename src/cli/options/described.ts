import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset, Split } from '../../../models/data/dataset.ts';
import { matchClasses } from '../../../models/data/match-classes.ts';
import { loadModel } from '../../../models/files/read.ts';
import type { Model } from '../../../models/graph.ts';
import { describeModel } from '../../../models/passes/describe-model.ts';
import { fitted } from '../../../models/data/fitted.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import type { Context } from './command.ts';
import type { DescribeFlags } from './describe.ts';
import { readNamedFile } from './named-file.ts';

/** Loads a model, with what the flags say of it. Throws UsageError for flags that do not fit it. */
export async function loadDescribed(name: string, flags: DescribeFlags): Promise<Model> {
  return described(await loadModel(name, defined({ size: flags.size })), flags);
}

/** The model with what the flags say of it. */
export async function described(model: Model, flags: DescribeFlags): Promise<Model> {
  const { resize, classes: file } = flags;
  const normalise = normalisationOf(flags);
  const pixels = named('--normalise, --mean, --std', () => describeModel(model, defined({ normalise })));
  const resized = named('--resize', () => describeModel(pixels, defined({ resize })));
  if (file === undefined) return resized;
  const classes = await readClasses(file);
  return named(`--classes ${file}`, () => describeModel(resized, { classes }));
}

function normalisationOf({ normalise, mean, std, scale }: DescribeFlags) {
  const given = mean !== undefined || std !== undefined || scale !== undefined;
  if (normalise !== undefined && given)
    throw new UsageError('--normalise sets mean, std and scale: leave --mean, --std and --scale out');
  if (!given) return normalise;
  const unit = 255 * (scale ?? 1 / 255);
  const inUnit = (list: readonly number[]) => one(list.map((value) => value / unit));
  return { mean: inUnit(mean ?? [0]), std: inUnit(std ?? [1]) };
}

function one(list: readonly number[]): number | readonly number[] {
  return list.length === 1 ? list[0]! : list;
}

function named<T>(flag: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${flag}: ${error.message}`);
    throw error;
  }
}

async function readClasses(file: string): Promise<string[]> {
  const text = String(await readNamedFile('--classes', file));
  const names = text.split(/\r?\n/).map((line) => line.trim());
  while (names.at(-1) === '') names.pop();
  return names;
}

/**
 * Loads one split of a data set for a model, with its labels as the numbers of the logits; how they were
 * matched is said. Throws DataError if the two do not fit.
 */
export async function dataFor(
  { say, onProgress }: Pick<Context, 'say' | 'onProgress'>,
  model: Model,
  data: string,
  split: Split,
): Promise<Dataset> {
  const { resize } = model.graph.preprocessing ?? {};
  const dataset = await loadDataset(data, split, defined({ resize, onProgress }));
  const fit = fitted(model, dataset);
  const { note } = matchClasses(model, dataset);
  if (note !== undefined) say(note);
  return fit;
}
