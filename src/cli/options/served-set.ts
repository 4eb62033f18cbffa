import { pixels } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { logitsWire } from '../../../pipelines/plan/answer.ts';
import { wireOf } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import type { InferenceResult, Session } from '../../client.ts';
import type { PhaseCost } from '../../net/session.ts';
import { printable } from '../../net/printable.ts';
import { defined } from '../../shared/defined.ts';
import { ProtocolError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import type { Context } from './command.ts';

/** What a plan says of its network, as a model without layers, with which data is matched. */
export function servedModel(plan: Plan): Model {
  const value = (wire: number) => ({ name: String(wire), shape: wireOf(plan, wire).shape });
  const { classes, preprocessing } = plan;
  const graph = {
    name: printable(plan.name),
    inputs: [value(plan.input.wire)],
    outputs: [value(logitsWire(plan))],
    nodes: [],
    ...defined({ classes, preprocessing }),
  };
  return { graph, weights: new Map() };
}

/** The private answers of images of a data set. */
export type AskedSet = {
  /** Of the first images; all of them unless it failed. */
  readonly results: readonly InferenceResult[];
  readonly count: number;
  /** Seconds from the first request to the last answer. */
  readonly seconds: number;
  /** Why not all were answered. */
  readonly failure: ProtocolError | undefined;
};

type AskedImages = {
  readonly first?: number;
  readonly count: number;
  /** What it does is done at once, because the process ends. */
  readonly onStopped: (asked: AskedSet) => void;
};

/**
 * Asks for the answers of images `first` to `first` + `count` of a data set. When the server or the
 * connection fails, what was answered is kept; `onStopped` gets it when the command is stopped, after which
 * the process ends. Throws DataError before anything is sent if an image does not fit.
 */
export async function askSet(
  session: Session,
  dataset: Dataset,
  { first = 0, count, onStopped }: AskedImages,
  { onProgress, warn, signal }: Pick<Context, 'onProgress' | 'warn' | 'signal'>,
): Promise<AskedSet> {
  const images = Array.from({ length: count }, (_, i) => pixels(dataset, [first + i]));
  const results: InferenceResult[] = [];
  const start = performance.now();
  const answered = (failure: ProtocolError | undefined): AskedSet => {
    return { results, count, seconds: (performance.now() - start) / 1000, failure };
  };
  const stop = () => onStopped(answered(undefined));
  signal.addEventListener('abort', stop, { once: true });
  const failure = await session
    .inferAll(images, {
      onAnswer: (result) => void results.push(result),
      onProgress: (event) => onProgress({ ...event, of: printable(session.plan.name) }),
    })
    .then(() => undefined, failureOfPeer)
    .finally(() => signal.removeEventListener('abort', stop));
  const outside = results.filter(({ outsideRange }) => outsideRange !== undefined).length;
  if (outside > 0) warn(outsideWords(outside, results.length));
  return answered(failure);
}

function failureOfPeer(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  throw error;
}

function outsideWords(images: number, of: number): string {
  const have = images === 1 ? 'image has' : 'images have';
  return (
    `${format.count(images)} of ${format.count(of)} ${have} values outside the range on which the server's ` +
    'scales were measured; their answers may be wrong'
  );
}

/** The error with which a command ends that has printed what was answered; undefined if that is all. */
export function incomplete({ results, count, failure }: AskedSet): ProtocolError | undefined {
  if (failure === undefined) return undefined;
  const answered = `${format.count(results.length)} of ${format.count(count)} images are answered`;
  return new ProtocolError(`${answered}: ${failure.message}`);
}

/** What the answers cost, for --json; means of an image. */
export function costValue({ results, count, seconds }: AskedSet) {
  const answered = results.length;
  const mean = (of: (result: InferenceResult) => PhaseCost) => {
    const sum = (bytes: 'bytes_up' | 'bytes_down') =>
      results.reduce((total, result) => total + of(result)[bytes], 0) / Math.max(answered, 1);
    return { bytes_up: sum('bytes_up'), bytes_down: sum('bytes_down') };
  };
  return {
    complete: answered === count,
    ...{ answered, count, seconds },
    secondsPerImage: answered === 0 ? null : seconds / answered,
    bytesPerImage: { offline: mean(({ offline }) => offline), online: mean(({ online }) => online) },
  };
}

/** '16 private answers in 3.6 s, 0.22 s and 7.9 MB an image' */
export function costText(asked: AskedSet): string {
  const { answered, seconds, secondsPerImage, bytesPerImage } = costValue(asked);
  if (secondsPerImage === null) return 'no image was answered';
  const { offline, online } = bytesPerImage;
  const bytes = offline.bytes_up + offline.bytes_down + online.bytes_up + online.bytes_down;
  return (
    `${format.count(answered)} private ${answered === 1 ? 'answer' : 'answers'} in ${format.duration(seconds)}, ` +
    `${format.duration(secondsPerImage)} and ${format.bytes(bytes)} an image`
  );
}
