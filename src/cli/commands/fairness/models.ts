import { existsSync, globSync } from 'node:fs';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../models/files/read.ts';
import type { Model } from '../../../../models/graph.ts';
import type { NamedModel } from '../../../../pipelines/fairness/compare.ts';
import { ModelError, UsageError } from '../../../shared/errors.ts';
import { defined } from '../../../shared/defined.ts';
import { described } from '../../options/described.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { shortName } from '../../options/named-model.ts';

export const lineHelp =
  "reduced models; a quoted pattern such as 'r25-*.onnx' is one model trained with several seeds; " +
  'NAME=FILE gives a name, as in snl@25=r25.onnx';

/** A model of the report, with its files. */
export type ModelLine = NamedModel & { readonly files: readonly string[]; readonly relus: number };

/**
 * Opens '[NAME=]FILE' or '[NAME=]PATTERN'. Throws ModelError if there is no such file, and UsageError if a
 * pattern's networks have different budgets. The flags hold for files that do not say the same themselves.
 */
export async function openLine(argument: string, flags: DescribeFlags): Promise<ModelLine> {
  const { name, pattern } = nameOf(argument);
  const files = filesOf(pattern);
  const [model, ...repeats] = await Promise.all(files.map((file) => loadUndescribed(file, flags)));
  const relus = countRelus(model!);
  repeats.forEach((other, i) => checkBudget(relus, countRelus(other), [files[0]!, files[i + 1]!]));
  return { name: name ?? shortName(pattern), model: model!, repeats, files, relus };
}

/** A file that says itself what its pixels and classes are keeps that: the reduced network of an original. */
async function loadUndescribed(file: string, flags: DescribeFlags): Promise<Model> {
  const model = await loadModel(file, defined({ size: flags.size }));
  const { preprocessing, classes } = model.graph;
  const { classes: names, ...pixels } = flags;
  return described(model, {
    ...(preprocessing === undefined && pixels),
    ...(classes === undefined && defined({ classes: names })),
  });
}

function nameOf(argument: string): { name?: string; pattern: string } {
  const equals = argument.indexOf('=');
  if (equals < 1 || existsSync(argument)) return { pattern: argument };
  return { name: argument.slice(0, equals), pattern: argument.slice(equals + 1) };
}

/** The files of a pattern, sorted by name. A file of exactly that name comes before any pattern. */
function filesOf(pattern: string): string[] {
  if (!/[*?[\]{}]/.test(pattern) || existsSync(pattern)) return [pattern];
  const found = globSync(pattern).sort();
  if (found.length === 0) throw new ModelError(`${pattern}: no model file matches this pattern`);
  return found;
}

/** Methods may stay below a budget by this share of the budget. */
const slack = 0.01;

function checkBudget(relus: number, other: number, [first, file]: readonly [string, string]): void {
  if (Math.abs(relus - other) <= slack * Math.max(relus, other)) return;
  throw new UsageError(
    `${file}: has ${other} ReLUs, but ${first} has ${relus}; the networks of a pattern may differ in their seed alone: ` +
      'give the others as separate models',
  );
}
