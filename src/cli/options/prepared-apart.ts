import { sharedSigned } from '../../../crypto/he/shared.ts';
import type { LinearWeights } from '../../../crypto/spec.ts';
import type { RandomNetwork } from '../../../pipelines/bench/network.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import type { ServerWeights } from '../../../pipelines/compile/quantise.ts';
import { parsePlan } from '../../../pipelines/plan/codec.ts';
import { Child } from '../../shared/child-process.ts';
import { defined } from '../../shared/defined.ts';
import { workerUrl } from '../../shared/files.ts';
import type { ProgressEvent } from '../../shared/progress.ts';
import type { Context } from './command.ts';
import type { PlanOptions } from './compile.ts';
import type { DescribeFlags } from './describe.ts';
import type { PreparedModel } from './prepared.ts';

/**
 * Calibration and compilation in a process of their own. They take several times the memory of serving, and
 * a process does not give all of what it freed back to the system: a server would keep it for its life.
 */

/** What a server keeps of a prepared model. */
export type PreparedApart = Pick<PreparedModel, 'plan' | 'weights' | 'calibration' | 'chosen'>;

/** A model as `preparedModel` takes it, or a network of random weights. */
export type ToPrepare =
  | {
      readonly model: string;
      readonly data: string;
      readonly options?: PlanOptions;
      readonly flags?: DescribeFlags;
    }
  | { readonly network: RandomNetwork; readonly options?: Pick<CompileOptions, 'answer'> };

export type ToPreparer = { readonly kind: 'prepare'; readonly what: ToPrepare };

export type FromPreparer =
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'warning'; readonly text: string }
  | {
      readonly kind: 'prepared';
      readonly plan: Uint8Array;
      readonly calibration: PreparedModel['calibration'];
      readonly chosen?: PreparedModel['chosen'];
      /** The lengths of each step's arrays, whose words come next. */
      readonly lengths: readonly StepLengths[];
    }
  | WeightsPart;

export type StepLengths = { readonly step: number; readonly weights: number; readonly bias: number };

/** Words of a step's weights or bias, from `at` on. */
export type WeightsPart = {
  readonly kind: 'part';
  readonly step: number;
  readonly array: keyof LinearWeights;
  readonly at: number;
  readonly words: Int32Array;
};

/** Words of a part: 2 MB. Longer messages would be held several times on their way. */
export const partWords: number = 2 ** 19;

type Says = Pick<Context, 'onProgress' | 'warn'> & Partial<Pick<Context, 'signal'>>;

/** `preparedModel` in another process. Rejects as that does. */
export async function preparedApart(what: ToPrepare, says: Says): Promise<PreparedApart> {
  const program = workerUrl(import.meta.url, 'prepare-main');
  const { signal } = says;
  const child = new Child<ToPreparer, FromPreparer>({
    ...{ program, name: 'calibration' },
    ...(signal && { signal }),
  });
  try {
    child.send({ kind: 'prepare', what });
    const { plan, calibration, chosen, lengths } = await prepared(child, says);
    const weights = await received(child, lengths);
    return { plan: parsePlan(plan), calibration, weights, ...defined({ chosen }) };
  } finally {
    child.kill();
    await child.stop();
  }
}

type Preparer = Child<ToPreparer, FromPreparer>;

async function prepared(child: Preparer, { onProgress, warn }: Says) {
  for (;;) {
    const message = await child.next();
    if (message.kind === 'prepared') return message;
    if (message.kind === 'progress') onProgress(message.event);
    if (message.kind === 'warning') warn(message.text);
  }
}

async function received(child: Preparer, lengths: readonly StepLengths[]): Promise<ServerWeights> {
  const arrays = new Map(
    lengths.map(({ step, weights, bias }) => [
      step,
      // Where the threads of a server need them.
      { weights: sharedSigned(weights), bias: new Int32Array(bias) },
    ]),
  );
  let left = lengths.reduce((sum, { weights, bias }) => sum + weights + bias, 0);
  while (left > 0) {
    const message = await child.next();
    if (message.kind !== 'part') throw new Error(`calibration: expected part, got ${message.kind}`);
    arrays.get(message.step)![message.array].set(message.words, message.at);
    left -= message.words.length;
  }
  return arrays;
}

/** The messages that tell a prepared model. */
export function* messagesOf(
  { weights, calibration, chosen }: PreparedApart,
  plan: Uint8Array,
): Generator<FromPreparer> {
  const lengths = [...weights].map(([step, own]) => ({
    step,
    weights: own.weights.length,
    bias: own.bias.length,
  }));
  yield { kind: 'prepared', plan, calibration, lengths, ...defined({ chosen }) };
  for (const [step, own] of weights) {
    for (const array of ['weights', 'bias'] as const) {
      for (let at = 0; at < own[array].length; at += partWords) {
        yield { kind: 'part', step, array, at, words: own[array].subarray(at, at + partWords) };
      }
    }
  }
}
