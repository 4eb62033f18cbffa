import { join } from 'node:path';
import type { Dataset } from '../../../../models/data/dataset.ts';
import type { Model } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { evaluate } from '../../../../models/train/evaluate.ts';
import type { EvaluateOptions } from '../../../../models/train/evaluate.ts';
import { writeBudget } from '../../../../pipelines/cost/budget.ts';
import type { Budget } from '../../../../pipelines/cost/budget.ts';
import { deepreduceFamily } from '../../../../pipelines/reduce/deepreduce/family.ts';
import type { FamilyOptions, Moves } from '../../../../pipelines/reduce/deepreduce/family.ts';
import { basesIn } from '../../../../pipelines/reduce/deepreshape/base-files.ts';
import { basesInMemory } from '../../../../pipelines/reduce/deepreshape/bases.ts';
import type { Output } from '../../output/output.ts';
import { takenBy } from '../../../../pipelines/reduce/options.ts';
import { reduce, trainingData } from '../../../../pipelines/reduce/reduce.ts';
import type { ReduceOptions } from '../../../../pipelines/reduce/reduce.ts';
import { NetworkFolder } from './several-networks.ts';

type Task = {
  readonly model: Model;
  readonly test: Dataset;
  /** The folder for the networks. */
  readonly out: string;
  readonly evaluation: EvaluateOptions;
  readonly say: (line: string) => void;
};

/**
 * `reduce --family`: makes every network of DeepReDuce's family. Continues an earlier run with the same
 * options.
 */
export async function writeFamily(
  { model, test, out, evaluation }: Task,
  { data, ...options }: Omit<FamilyOptions, 'train' | 'validation'> & { readonly data: string },
): Promise<Output> {
  const folder = new NetworkFolder(out, model, { ...options, family: true, data });
  const known = new Set<string>();
  const isMade = async (name: string) => {
    if (await folder.takeOver(name)) known.add(name);
    return known.has(name);
  };
  const { train, validation } = await trainingData(model, data);
  for await (const member of deepreduceFamily(model, { ...options, train, validation, isMade }))
    await folder.add({ ...member, done: describeMoves(member.moves) }, test, evaluation);
  return folder.report(await standing(model, test, evaluation));
}

/**
 * `reduce --budget` with several budgets: makes a network for each; deepreshape trains its base network once.
 */
export async function writeBudgets(
  { model, test, out, evaluation, say }: Task,
  budgets: readonly Budget[],
  options: Omit<ReduceOptions, 'budget'>,
): Promise<Output> {
  const folder = new NetworkFolder(out, model, options);
  const { checkpoint } = options;
  const bases = checkpoint === undefined ? basesInMemory() : basesIn(join(checkpoint, 'bases'), say);
  for (const budget of budgets) {
    const written = writeBudget(budget);
    const name = `${options.method}-${written}`.replaceAll(/[^\w.-]+/g, '-');
    if (await folder.takeOver(name)) continue;
    const own = checkpoint === undefined ? {} : { checkpoint: join(checkpoint, name) };
    const reduction = await reduce(model, {
      ...options,
      ...own,
      ...takenBy(options.method, { bases }),
      budget,
    });
    await folder.add(
      { name, done: `${options.method} to a budget of ${written}`, reduction },
      test,
      evaluation,
    );
  }
  return folder.report(await standing(model, test, evaluation));
}

async function standing(model: Model, test: Dataset, evaluation: EvaluateOptions) {
  const { accuracy, n } = await evaluate(model, test, evaluation);
  return { relus: countRelus(model), accuracy, n };
}

function describeMoves({ culled, thinned, alpha, rho }: Moves): string {
  const parts = [
    culled.length === 0 ? '' : `${culled.join(', ')} culled`,
    thinned ? (culled.length === 0 ? 'thinned' : 'the others thinned') : '',
    alpha === 1 ? '' : `channels x ${alpha}`,
    rho === 1 ? '' : `height and width x ${rho}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}
