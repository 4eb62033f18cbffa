import { join } from 'node:path';
import { groupsBySpec } from '../../../../models/fairness/group-spec.ts';
import { membersOf } from '../../../../models/fairness/groups.ts';
import type { FairnessReport } from '../../../../models/fairness/report.ts';
import type { Model } from '../../../../models/graph.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import type { FairnessPageData } from '../../../web/fairness/data.ts';
import type { Context } from '../../options/command.ts';
import { toJson } from '../../output/output.ts';
import type { CardSource } from './card/make-card.ts';
import { writeCard } from './card/write-card.ts';
import type { Options } from './options.ts';
import { trainingImages } from './training-images.ts';

/** What `--json` and report.json hold. */
export type Value = FairnessReport & {
  readonly models: FairnessPageData['models'];
  readonly marginals?: readonly (FairnessReport & { readonly groupedBy: string })[];
};

/** Writes the files of `--report`. */
export async function writeReport(
  folder: string,
  value: Value,
  model: Model,
  options: Options,
): Promise<void> {
  const { data, split, groups: groupedBy = 'label', version } = options;
  const { fairnessFiles } = await import('../../../web/fairness/files.ts');
  const names = value.groups.map(({ group }) => group);
  const trainSizes = await trainSizesOf(model, data, groupedBy, names);
  const files = await fairnessFiles({
    version,
    date: new Date().toISOString(),
    data,
    split,
    groupedBy,
    models: value.models,
    report: value,
    ...defined({ trainSizes, marginals: value.marginals }),
  });
  files.set('report.json', `${JSON.stringify(toJson({ data, split, groupedBy, ...value }), null, 2)}\n`);
  for (const [name, content] of files) await writeFileAtomic(join(folder, name), content);
}

/** The number of training images of each group; undefined if the data has no training images. */
async function trainSizesOf(
  model: Model,
  data: string,
  groupedBy: string,
  names: readonly string[],
): Promise<number[] | undefined> {
  try {
    const groups = groupsBySpec(await trainingImages(model, data), groupedBy);
    const sizes = membersOf(groups).map(({ length }) => length);
    return names.map((name) => sizes[groups.names.indexOf(name)] ?? 0);
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** Writes the file of `--card`. */
export async function writeCardOf(
  file: string,
  context: Context,
  compared: Pick<CardSource, 'dataset' | 'lines' | 'reports'>,
  { version, data, split }: Options,
): Promise<void> {
  const train = await trainingImages(compared.lines[0]!.model, data).catch((error: unknown) => {
    if (error instanceof DataError) return error;
    throw error;
  });
  const date = new Date().toISOString();
  await writeCard(file, { ...compared, version, date, data, split, train, onProgress: context.onProgress });
}
