import { loadDataset } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { findMatch } from '../../../../models/data/match-classes.ts';
import { checkInput } from '../../../../models/data/fitted.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import type { Session } from '../../../client.ts';
import { defined } from '../../../shared/defined.ts';
import { DataError } from '../../../shared/errors.ts';
import { writeFileAtomicSync } from '../../../shared/files.ts';
import * as format from '../../../shared/format.ts';
import type { Context } from '../../options/command.ts';
import { askSet, costText, costValue, incomplete, servedModel } from '../../options/served-set.ts';
import type { AskedSet } from '../../options/served-set.ts';
import { answerValue } from '../../output/answer-words.ts';
import { table, toJson } from '../../output/output.ts';
import type { Output } from '../../output/output.ts';

export type ManyOptions = {
  readonly data: string;
  /** The first image. */
  readonly index?: number;
  readonly count: number;
  /** The file that gets what --json prints. */
  readonly out?: string;
};

/**
 * `infer URL --data D --count n`: private answers of n test images in one go, which it prints and writes. If
 * the server or the connection fails in between, it does so with what was answered, and rejects.
 */
export async function inferMany(
  session: Session,
  { data, index: first = 0, count, out }: ManyOptions,
  context: Context,
): Promise<undefined> {
  const { plan } = session;
  const { resize } = plan.preprocessing ?? {};
  const dataset = await loadDataset(data, 'test', defined({ resize, onProgress: context.onProgress }));
  checkInput(servedModel(plan), dataset);
  checkRange(dataset, first, count);
  const labelled = labelledBy(plan, dataset, context);
  const outputFor = (asked: AskedSet) => outputOf(asked, plan, { first, dataset, labelled });
  const onStopped = (asked: AskedSet) => {
    try {
      deliver(outputFor(asked), out, context);
    } catch (error) {
      context.warn((error as Error).message);
    }
  };
  const asked = await askSet(session, dataset, { first, count, onStopped }, context);
  deliver(outputFor(asked), out, context);
  const failure = incomplete(asked);
  if (failure !== undefined) throw failure;
  return undefined;
}

/** Prints and writes at once, so that Ctrl-C, which no longer calls `onStopped`, finds it done. */
function deliver(output: Output, out: string | undefined, { show }: Pick<Context, 'show'>): void {
  show(output);
  if (out !== undefined) writeFileAtomicSync(out, fileOf(output));
}

function fileOf({ value }: Output): string {
  return `${JSON.stringify(toJson(value), null, 2)}\n`;
}

function checkRange({ name, n }: Dataset, first: number, count: number): void {
  if (first + count <= n) return;
  const asked = `images ${first} to ${first + count - 1}`;
  throw new DataError(`${name}: expected at most ${format.count(n)} images, got ${asked} (--index, --count)`);
}

/** The data with the numbers of the plan's classes; undefined, with a warning, if that would be a guess. */
function labelledBy(plan: Plan, dataset: Dataset, { warn, say }: Context): Dataset | undefined {
  const match = findMatch(servedModel(plan), dataset);
  if ('refusal' in match) {
    warn(`${dataset.name}: ${match.refusal}; answers are not compared with its labels`);
    return undefined;
  }
  if (match.note !== undefined) say(match.note);
  return match.dataset;
}

type Data = { readonly first: number; readonly dataset: Dataset; readonly labelled: Dataset | undefined };

function outputOf(asked: AskedSet, plan: Plan, { first, dataset, labelled }: Data): Output {
  const answers = asked.results.map(({ label, logits, outputs, outsideRange }, i) => ({
    index: first + i,
    label,
    class: plan.classes?.[label] ?? labelled?.classes[label] ?? null,
    truth: dataset.classes[dataset.labels[first + i]!]!,
    right: labelled === undefined ? null : labelled.labels[first + i] === label,
    logits: logits ?? null,
    outputs: outputs ?? null,
    outsideRange: outsideRange ?? null,
  }));
  const right = answers.filter((answer) => answer.right).length;
  const accuracy = labelled === undefined || answers.length === 0 ? null : right / answers.length;
  const rows = answers.map(({ index, label, class: name, truth, right }) => [
    ...[index, name ?? `class ${label}`, truth],
    right === null ? '' : right ? 'yes' : 'no',
  ]);
  const columns = [
    { title: 'image' },
    { title: 'answer', align: 'left' },
    { title: 'label', align: 'left' },
    { title: 'right', align: 'left' },
  ] as const;
  const figures = accuracy === null ? '' : `; ${format.count(right)} are right (${format.percent(accuracy)})`;
  return {
    value: { ...costValue(asked), accuracy, ...answerValue(plan), answers },
    text: `${table(columns, rows)}\n\n${costText(asked)}${figures}`,
  };
}
