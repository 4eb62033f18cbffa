import type { Dataset, Split } from '../../../../models/data/dataset.ts';
import { predictClasses, scored } from '../../../../models/train/evaluate.ts';
import { checkInput } from '../../../../models/data/fitted.ts';
import { classCount } from '../../../../pipelines/plan/answer.ts';
import type { NetworkProfile } from '../../../../pipelines/cost/profiles.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import { connect } from '../../../client.ts';
import type { Session } from '../../../client.ts';
import { printable } from '../../../net/printable.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError } from '../../../shared/errors.ts';
import * as format from '../../../shared/format.ts';
import type { Context } from '../../options/command.ts';
import { dataFor } from '../../options/described.ts';
import { askOptions } from '../../options/server.ts';
import type { AskFlags } from '../../options/server.ts';
import { askSet, costText, costValue, incomplete, servedModel } from '../../options/served-set.ts';
import type { AskedSet } from '../../options/served-set.ts';
import { answerValue } from '../../output/answer-words.ts';
import { table } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';
import { loadModel } from '../../../../models/files/read.ts';

export type SetOptions = {
  readonly data: string;
  readonly split: Split;
  readonly limit?: number;
  readonly against?: string;
};

export type ServedOptions = AskFlags & SetOptions & { readonly profile?: NetworkProfile };

/** `evaluate URL --data D`: see `evaluateSession`. */
export async function evaluateServed(
  url: string,
  options: ServedOptions,
  context: Context,
): Promise<undefined> {
  const { profile } = options;
  const session = await connect(url, { ...(await askOptions(options, context)), ...defined({ profile }) });
  try {
    return await evaluateSession(session, options, context);
  } finally {
    await session.close();
  }
}

/**
 * Asks a server for private answers to the images, and prints their accuracy and costs. If the server or the
 * connection fails in between, or the command is stopped, what was answered is printed before it ends.
 */
export async function evaluateSession(
  session: Session,
  options: SetOptions,
  context: Context,
): Promise<undefined> {
  const { data, split, limit, against } = options;
  const { plan } = session;
  const dataset = await dataFor(context, servedModel(plan), data, split);
  const count = Math.min(dataset.n, limit ?? dataset.n);
  const clear = against === undefined ? undefined : await clearLabels(against, plan, dataset, count, context);
  const tell = (asked: AskedSet) => context.show(outputOf(asked, plan, dataset, { ...options, clear }));
  const asked = await askSet(session, dataset, { count, onStopped: tell }, context);
  // At once: Ctrl-C, which no longer calls `onStopped`, would lose them while the session closes.
  tell(asked);
  const failure = incomplete(asked);
  if (failure !== undefined) throw failure;
  return undefined;
}

/**
 * The labels of the local model, in the clear. Throws DataError for one that takes or tells something else.
 */
async function clearLabels(
  name: string,
  plan: Plan,
  dataset: Dataset,
  count: number,
  { onProgress }: Pick<Context, 'onProgress'>,
): Promise<Uint16Array> {
  const model = await loadModel(name);
  checkInput(model, dataset);
  const [own, served] = [model.graph.outputs[0]!.shape[0]!, classCount(plan)];
  if (own !== served)
    throw new DataError(`--against ${name}: it has ${own} classes, but the served model has ${served}`);
  checkNames(name, model.graph.classes, plan.classes);
  return predictClasses(model, dataset, count, { onProgress });
}

function checkNames(name: string, own: readonly string[] | undefined, served: readonly string[] = []): void {
  const at = served.findIndex((one, i) => own !== undefined && own[i] !== one);
  if (at < 0) return;
  const words = `its class ${at} is '${own![at]}', that of the served model '${printable(served[at]!)}'`;
  throw new DataError(`--against ${name}: ${words}: their answers cannot be compared`);
}

type Shown = Pick<SetOptions, 'data' | 'split' | 'against'> & { readonly clear: Uint16Array | undefined };

function outputOf(
  asked: AskedSet,
  plan: Plan,
  dataset: Dataset,
  { data, split, against, clear }: Shown,
): Output {
  const labels = asked.results.map(({ label }) => label);
  const found = scored(dataset, labels);
  const agree = clear && labels.filter((label, i) => label === clear[i]).length;
  const rows = found.per_class.map((row) => [
    row.class,
    row.n,
    row.n === 0 ? '' : format.percent(row.accuracy),
  ]);
  const columns = [{ title: 'class', align: 'left' }, { title: 'images' }, { title: 'accuracy' }] as const;
  const accuracy = labels.length === 0 ? '' : `accuracy ${format.percent(found.accuracy)} on `;
  return {
    value: {
      ...found,
      ...costValue(asked),
      ...answerValue(plan),
      ...(agree !== undefined && { agreement: { model: against, agree, images: labels.length } }),
    },
    text:
      `${table(columns, rows)}\n\n` +
      `${accuracy}${format.count(found.n)} ${split} images of ${data}, answered privately by ${printable(plan.name)}\n` +
      costText(asked) +
      (agree === undefined
        ? ''
        : `\n${format.count(agree)} of ${format.count(labels.length)} answers are those of ${against} in the clear`),
  };
}
