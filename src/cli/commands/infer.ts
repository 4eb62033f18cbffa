import type { Command } from 'commander';
import { loadDataset, pixels } from '../../../models/data/dataset.ts';
import type { Shape } from '../../../models/tensor.ts';
import type { StepCost } from '../../../pipelines/offline-report.ts';
import { wireOf } from '../../../pipelines/plan.ts';
import { connect } from '../../client.ts';
import type { InferenceResult, Session } from '../../client.ts';
import { DataError, UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { readImage } from '../images.ts';
import { dataHelp } from '../inputs.ts';

type Options = {
  readonly image?: string;
  readonly data?: string;
  readonly index?: number;
  readonly planHash?: string;
  readonly threads?: number;
};

/** `infer URL`: one private answer. The image stays in this process. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<url>', 'the address that serve printed, ws:// or wss://')
    .option('--image <file>', 'PNG or JPEG of exactly the size the model takes')
    .option('--data <data>', `or an image of a data set: ${dataHelp}`)
    .option('--index <i>', 'which of its test images, from 0', whole(0))
    .option('--plan-hash <hash>', 'run this plan and no other')
    .option('--threads <n>', 'for encryption; one a core where left out', whole(1, 256))
    .action(act(run));
  examples(command, [
    'reluctant infer ws://localhost:8765 --data fashion-mnist-part --index 7',
    'reluctant infer ws://localhost:8765 --image shoe.png --json',
  ]);
}

async function run(_: Context, url: string, options: Options) {
  const source = await sourceOf(options);
  const session = await connect(url, {
    ...(options.planHash !== undefined && { planHash: options.planHash }),
    ...(options.threads !== undefined && { threads: options.threads }),
  });
  try {
    const image = await source.read(wireOf(session.plan, session.plan.input.wire).shape);
    const result = await session.infer(image);
    const name = source.classes?.[result.label] ?? null;
    const truth = source.truth ?? null;
    return { value: jsonOf(result, name, truth), text: describe(result, session, name, truth) };
  } finally {
    await session.close();
  }
}

type Source = {
  /** The image as floats; throws DataError where it does not have this shape. */
  readonly read: (shape: Shape) => Promise<Float32Array>;
  readonly classes?: readonly string[];
  readonly truth?: string;
};

async function sourceOf({ image, data, index }: Options): Promise<Source> {
  if (image !== undefined && data === undefined && index === undefined) {
    return { read: (shape) => readImage(image, shape) };
  }
  if (image !== undefined || data === undefined || index === undefined) {
    throw new UsageError('give either --image FILE, or --data D and --index I');
  }
  const dataset = await loadDataset(data, 'test');
  const floats = pixels(dataset, [index]);
  const read = (shape: Shape) => {
    if (shape.join() === dataset.shape.join()) return Promise.resolve(floats);
    const sizes = `images of ${format.shape(dataset.shape)}, the model takes ${format.shape(shape)}`;
    return Promise.reject(new DataError(`${data}: has ${sizes}`));
  };
  return { read, classes: dataset.classes, truth: dataset.classes[dataset.labels[index]!]! };
}

function jsonOf(
  { label, logits, offline, online }: InferenceResult,
  name: string | null,
  truth: string | null,
) {
  const phase = ({ seconds, bytes_up, bytes_down }: InferenceResult['offline']) => ({
    seconds,
    bytes_up,
    bytes_down,
  });
  const inPhase = (name: 'offline' | 'online') => (cost: StepCost) => ({ phase: name, ...cost });
  return {
    label,
    class: name,
    truth,
    logits,
    offline: phase(offline),
    online: { ...phase(online), rounds: online.rounds },
    steps: [...offline.steps.map(inPhase('offline')), ...online.steps.map(inPhase('online'))],
  };
}

function describe(
  result: InferenceResult,
  { plan }: Session,
  name: string | null,
  truth: string | null,
): string {
  const { label, offline, online } = result;
  const line = ({ seconds, bytes_up, bytes_down }: InferenceResult['offline']) =>
    `${format.duration(seconds)}, ${format.bytes(bytes_up)} up, ${format.bytes(bytes_down)} down`;
  const answer = name === null ? `class ${label}` : `${name} (class ${label})`;
  return (
    `${answer}${truth === null ? '' : `; the data set says ${truth}`}\n` +
    `offline  ${line(offline)}\n` +
    `online   ${line(online)}, ${online.rounds} round trips\n` +
    `The server of ${plan.name} saw neither the image nor the answer.`
  );
}
