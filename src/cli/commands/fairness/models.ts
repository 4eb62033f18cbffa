import { existsSync, globSync } from 'node:fs';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../models/files/read.ts';
import type { NamedModel } from '../../../../pipelines/fairness/compare.ts';
import { ModelError, UsageError } from '../../../shared/errors.ts';
import { shortName } from '../../options/inputs.ts';

export const lineHelp =
  "one or more reduced models; a pattern in quotes, such as 'r25-*.onnx', is one model made with several seeds; a name of " +
  'your own goes before it, as in snl@25=r25.onnx';

/** A line of the report, and where it comes from. */
export type ModelLine = NamedModel & { readonly files: readonly string[]; readonly relus: number };

/**
 * Opens '[NAME=]FILE' or '[NAME=]PATTERN'. Throws ModelError where nothing is there, UsageError where a pattern's networks have
 * different budgets.
 */
export async function openLine(argument: string): Promise<ModelLine> {
  const { name, pattern } = nameOf(argument);
  const files = filesOf(pattern);
  const [model, ...repeats] = await Promise.all(files.map(loadModel));
  const relus = countRelus(model!);
  repeats.forEach((other, i) => checkBudget(relus, countRelus(other), [files[0]!, files[i + 1]!]));
  return { name: name ?? shortName(pattern), model: model!, repeats, files, relus };
}

function nameOf(argument: string): { name?: string; pattern: string } {
  const equals = argument.indexOf('=');
  if (equals < 1 || existsSync(argument)) return { pattern: argument };
  return { name: argument.slice(0, equals), pattern: argument.slice(equals + 1) };
}

/** The files of a pattern in the order of their names; a file of exactly that name is itself. */
function filesOf(pattern: string): string[] {
  if (!/[*?[\]{}]/.test(pattern) || existsSync(pattern)) return [pattern];
  const found = globSync(pattern).sort();
  if (found.length === 0) throw new ModelError(`${pattern}: no model file matches it`);
  return found;
}

/** Methods may stay below a budget by a share of it. */
const slack = 0.01;

function checkBudget(relus: number, other: number, [first, file]: readonly [string, string]): void {
  if (Math.abs(relus - other) <= slack * Math.max(relus, other)) return;
  throw new UsageError(
    `${file}: has ${other} ReLUs and ${first} has ${relus}; only networks that differ in their seed alone make one model: ` +
      'give the others as models of their own',
  );
}
