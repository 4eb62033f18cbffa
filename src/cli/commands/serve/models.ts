import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import type { ServedModel } from '../../../server.ts';
import { UsageError } from '../../../shared/errors.ts';
import type { Context } from '../../options/command.ts';
import { compileOptionsOf } from '../../options/compile.ts';
import type { CompileFlags } from '../../options/compile.ts';
import { describing } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { calibrationData, modelFile } from '../../options/named-model.ts';
import { answerValue, answerWords } from '../../output/answer-words.ts';
import { calibrationText, calibrationValue, chosenText, chosenValue } from '../../options/prepared.ts';
import { preparedApart } from '../../options/prepared-apart.ts';
import type { PreparedApart } from '../../options/prepared-apart.ts';

/** A model of the command line, ready to be served. */
export type LoadedModel = Required<ServedModel> & {
  /** As the command line names it. */
  readonly given: string;
  /** The SHA-256 of its file. */
  readonly fileHash: string;
  readonly data: string;
  readonly prepared: PreparedApart;
};

type Flags = CompileFlags &
  DescribeFlags & { readonly name?: readonly string[]; readonly data?: readonly string[] };

/**
 * Loads and calibrates the models, but for those of `known`, which were loaded in the same order, whose files
 * are the same as before.
 */
export async function loadModels(
  given: readonly string[],
  flags: Flags,
  context: Context,
  known: readonly LoadedModel[],
): Promise<LoadedModel[]> {
  const names = perModel(given, '--name', flags.name);
  const data = perModel(
    given,
    '--data',
    flags.data?.length === 1 ? given.map(() => flags.data![0]!) : flags.data,
  );
  if (given.length > 1 && flags.circa !== undefined) {
    throw new UsageError('--circa has the layers of one network: serve each model in a server of its own');
  }
  const loaded: LoadedModel[] = [];
  for (const [i, model] of given.entries()) {
    const fileHash = createHash('sha256')
      .update(await readFile(modelFile(model)))
      .digest('hex');
    const before = known[i];
    if (before?.fileHash === fileHash) loaded.push(before);
    else loaded.push(await loadModel(model, fileHash, names?.[i], data?.[i], flags, context));
  }
  return loaded;
}

async function loadModel(
  given: string,
  fileHash: string,
  name: string | undefined,
  from: string | undefined,
  flags: Flags,
  context: Context,
): Promise<LoadedModel> {
  const data = calibrationData(given, from);
  const options = await compileOptionsOf(flags);
  const prepared = await preparedApart({ model: given, data, options, flags: describing(flags) }, context);
  const { plan, weights } = prepared;
  return { given, fileHash, name: name ?? plan.name, plan, weights, data, prepared };
}

/** Throws UsageError unless there is one value per model, or none. */
function perModel(models: readonly string[], flag: string, values: readonly string[] | undefined) {
  if (values === undefined || values.length === models.length) return values;
  const words = `expected one for each of ${models.length} models`;
  throw new UsageError(`${flag}: ${words}, got ${values.length}`);
}

/** `plan_hash` and `calibration` are those of the first model, which clients get that ask for none. */
export function modelsValue(models: readonly LoadedModel[]) {
  const all = models.map(({ name, given, data, prepared }) => ({
    name,
    file: given,
    planHash: planHash(prepared.plan),
    ...answerValue(prepared.plan),
    calibration: calibrationValue(data, prepared),
    chosenBits: prepared.chosen === undefined ? null : chosenValue(prepared.chosen),
  }));
  return { planHash: all[0]!.planHash, calibration: all[0]!.calibration, models: all };
}

export function modelsText(models: readonly LoadedModel[], url: string): string {
  return models
    .map(({ name, given, data, prepared }) => {
      const hash = planHash(prepared.plan);
      const which = models.length === 1 ? '' : ` --model ${name}`;
      return (
        `${given}, named ${name}: plan hash ${hash}\n` +
        `  an answer tells ${answerWords(answerValue(prepared.plan))}\n` +
        `  calibrated on ${calibrationText(data, prepared)}\n` +
        (prepared.chosen === undefined ? '' : `  chosen bits: ${chosenText(prepared.chosen)}\n`) +
        `  to classify an image: npx reluctant infer ${url} --data ${data} --index 0${which} --plan-hash ${hash}`
      );
    })
    .join('\n');
}
