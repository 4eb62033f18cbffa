import { z } from 'zod';
import { ModelError } from '../../src/shared/errors.ts';
import { defined } from '../../src/shared/defined.ts';
import { endings } from '../ending.ts';
import { mostLeftOut } from '../graph.ts';
import type { Graph } from '../graph.ts';
import type { History } from '../history.ts';
import type { Preprocessing } from '../preprocessing.ts';
import { sizeOf } from '../tensor.ts';

/**
 * What a file says about its images, classes, trainings and sign tests in `metadata_props`, which other
 * programs leave alone.
 */
export type Description = Pick<Graph, 'preprocessing' | 'ending' | 'classes' | 'history' | 'leftOut'>;

const keys = {
  preprocessing: 'reluctant.preprocessing',
  ending: 'reluctant.ending',
  classes: 'reluctant.classes',
  history: 'reluctant.history',
  leftOut: 'reluctant.leftOut',
} as const;

/** Names of classes under these keys are read too: exporters of others write them. */
const otherClasses = ['classes', 'class_names', 'names'] as const;

const preprocessingSchema = z.strictObject({
  mean: z.array(z.number()).min(1),
  std: z.array(z.number().positive()).min(1),
  resize: z.int().min(1).max(65_536).optional(),
});

const historySchema = z.array(
  z.strictObject({
    step: z.enum(['train', 'reduce']),
    data: z.strictObject({
      name: z.string(),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
      images: z.int().min(1),
      heldOut: z.number().min(0).lt(1),
    }),
    method: z.string().optional(),
    relus: z.int().min(0).optional(),
    mitigation: z.strictObject({ scheme: z.string(), groups: z.string() }).optional(),
    fairSelect: z.boolean().optional(),
  }),
);

const leftOutSchema = z.record(z.string(), z.int().min(0).max(mostLeftOut));

const namesSchema = z.array(z.string()).min(1);

/** The entries of `metadata_props` that a graph is written with. */
export function metadataOf(description: Description): Record<string, string> {
  const { preprocessing, ending, classes, history, leftOut } = description;
  return {
    ...(preprocessing && { [keys.preprocessing]: JSON.stringify(preprocessing) }),
    ...(ending && { [keys.ending]: JSON.stringify(ending) }),
    ...(classes && { [keys.classes]: JSON.stringify(classes) }),
    ...(history && { [keys.history]: JSON.stringify(history) }),
    ...(leftOut && { [keys.leftOut]: JSON.stringify(leftOut) }),
  };
}

/**
 * Reads the entries that `metadataOf` writes, and names of classes of other exporters if there is one for
 * each logit. Throws ModelError for entries of our own that are malformed or do not fit the graph.
 */
export function descriptionOf(
  metadata: ReadonlyMap<string, string>,
  { inputs, outputs }: Pick<Graph, 'inputs' | 'outputs'>,
): Description {
  const size = sizeOf(outputs[0]!.shape);
  const logits = size === 1 ? 2 : size; // one logit is read as two
  const preprocessing = own(metadata, keys.preprocessing, preprocessingSchema) as Preprocessing | undefined;
  const channels = inputs[0]!.shape[0];
  if (preprocessing !== undefined)
    for (const name of ['mean', 'std'] as const)
      if (preprocessing[name].length !== channels)
        throw new ModelError(
          `metadata ${keys.preprocessing}: ${name}: expected ${channels} numbers, one for each channel, ` +
            `got ${preprocessing[name].length}`,
        );
  const named = own(metadata, keys.classes, namesSchema);
  if (named !== undefined && named.length !== logits)
    throw new ModelError(
      `metadata ${keys.classes}: expected ${logits} names, one for each logit, got ${named.length}`,
    );
  const classes = named ?? namesOfOthers(metadata, logits);
  const ending = own(metadata, keys.ending, z.enum(endings));
  const history = own(metadata, keys.history, historySchema) as History | undefined;
  const leftOut = own(metadata, keys.leftOut, leftOutSchema);
  return { ...defined({ preprocessing, ending, classes, history, leftOut }) };
}

function own<T>(metadata: ReadonlyMap<string, string>, key: string, schema: z.ZodType<T>): T | undefined {
  const text = metadata.get(key);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(jsonOf(text));
  if (!parsed.success)
    throw new ModelError(`metadata ${key}: ${parsed.error.issues[0]?.message ?? 'malformed'}`);
  return parsed.data;
}

function namesOfOthers(metadata: ReadonlyMap<string, string>, logits: number): readonly string[] | undefined {
  for (const key of otherClasses) {
    const names = listOf(metadata.get(key) ?? '');
    if (names?.length === logits && new Set(names).size === logits) return names;
  }
  return undefined;
}

/** A JSON list, or Python's text of a dictionary from 0, 1, ... to names, as Ultralytics writes it. */
function listOf(text: string): string[] | undefined {
  const list = namesSchema.safeParse(jsonOf(text));
  if (list.success) return list.data;
  const entries = [...text.matchAll(/(\d+): (?:'([^']*)'|"([^"]*)")/g)];
  const inOrder = entries.every(([, number], i) => Number(number) === i);
  return inOrder ? entries.map(([, , single, double]) => single ?? double ?? '') : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
