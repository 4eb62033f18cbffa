import { InferenceSession, Tensor } from '../../../runtime/onnxruntime.ts';
import { sessionOptions } from '../../../runtime/device.ts';
import type { SessionSetting } from '../../../runtime/device.ts';
import type { Labels } from '../../../data/labelled-images.ts';
import type { Model } from '../../../graph.ts';
import { preprocess } from '../../../preprocessing.ts';
import type { Shape, Tensor as WeightTensor } from '../../../tensor.ts';
import type { TrainingState } from '../../checkpoint.ts';
import type { Batch, Engine, StepResult } from '../engine.ts';
import { copied, fingerprintOf, initialState, modelOf, writeInto } from '../state.ts';
import { vectorsOf } from './vectors.ts';
import type { SessionVectors } from './vectors.ts';
import { teacherMaps } from '../../feature-terms.ts';
import { buildStep } from '../../step.ts';
import type { StepOptions, TrainingStep } from '../../step.ts';

export type { Batch, StepResult };

export type EngineOptions = SessionSetting & {
  /** The prefix of the profile's path, to which onnxruntime adds the time (default: no profile). */
  readonly profile?: string;
};

/**
 * A network in training: onnxruntime runs the step, and this class keeps parameters, running statistics and
 * the optimiser's state between steps.
 */
export class TrainingEngine implements Engine {
  readonly runsOn: string;
  readonly #session: InferenceSession;
  readonly #model: Model;
  readonly #step: TrainingStep;
  readonly #batch: number;
  readonly #penalties: readonly string[];
  readonly #vectors: SessionVectors;

  private constructor(
    session: InferenceSession,
    model: Model,
    step: TrainingStep,
    { batch, optimizer, penalties = [], features = [] }: StepOptions,
    runsOn: string,
    vectors: SessionVectors,
  ) {
    this.runsOn = runsOn;
    this.#session = session;
    this.#model = model;
    this.#step = step;
    this.#batch = batch;
    this.#penalties = [...penalties, ...features].map(({ name }) => name);
    this.#vectors = vectors;
    vectors.set(initialState(model, step, optimizer));
  }

  static async create(
    model: Model,
    options: StepOptions,
    { profile, ...setting }: EngineOptions = {},
  ): Promise<TrainingEngine> {
    const step = buildStep(model, options);
    const vectors = vectorsOf(step, setting);
    const session = await InferenceSession.create(step.bytes, {
      ...sessionOptions(setting),
      ...vectors.options,
      ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    });
    const runsOn = `onnxruntime on ${setting.device ?? 'cpu'}`;
    return new TrainingEngine(session, model, step, options, runsOn, vectors);
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    const results = await this.#session.run(this.#feeds(batch, learningRate), this.#fetches());
    this.#vectors.advance(results);
    return {
      loss: scalarOf(results['loss']!),
      correct: Number((results['correct']!.data as BigInt64Array)[0]!),
      losses: results['losses']!.data as Float32Array,
      penalties: Object.fromEntries(
        this.#penalties.map((name) => [name, scalarOf(results[`penalty.${name}`]!)]),
      ),
    };
  }

  download(): Promise<void> {
    return this.#vectors.download();
  }

  state(): TrainingState {
    return copied(this.#vectors.state());
  }

  restore(state: TrainingState): void {
    this.#vectors.set(state);
  }

  write(weights: ReadonlyMap<string, WeightTensor>): void {
    const { parameters } = this.#step;
    this.#vectors.edit((state) => writeInto(state['parameters']!, parameters, weights));
  }

  model(state = this.state()): Model {
    return modelOf(this.#model, this.#step, state);
  }

  #fetches(): Record<string, Tensor | null> {
    const told = ['loss', 'losses', 'correct', ...this.#penalties.map((name) => `penalty.${name}`)];
    return { ...Object.fromEntries(told.map((name) => [name, null])), ...this.#vectors.fetches() };
  }

  async release(): Promise<void> {
    await this.#vectors.release();
    await this.#session.release();
  }

  /** Ends the profile, which onnxruntime writes to a file with the given prefix. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  fingerprint(): string {
    return fingerprintOf(this.#step, this.state());
  }

  #feeds(
    { images, labels, mixed, teacher, teacherMaps: maps, sampleWeights, scalars = {} }: Batch,
    learningRate: number,
  ): Record<string, Tensor> {
    const { inputs, preprocessing } = this.#model.graph;
    const inputShape: Shape = inputs[0]!.shape;
    const n = this.#batch;
    const feeds: Record<string, Tensor> = {
      ...this.#vectors.feeds(),
      images: new Tensor('float32', preprocess(images, inputShape, preprocessing), [n, ...inputShape]),
      labels: labelTensor(labels),
      learningRate: scalar(learningRate),
    };
    if (mixed !== undefined) {
      feeds['partners'] = labelTensor(mixed.partners);
      feeds['share'] = scalar(mixed.share);
    }
    if (teacher !== undefined) feeds['teacher'] = new Tensor('float32', teacher, [n, teacher.length / n]);
    if (maps !== undefined) feeds[teacherMaps] = new Tensor('float32', maps, [n, maps.length / n]);
    if (sampleWeights !== undefined) feeds['sampleWeights'] = vector(sampleWeights);
    for (const [name, value] of Object.entries(scalars)) feeds[`scalar.${name}`] = scalar(value);
    return feeds;
  }
}

function vector(data: Float32Array): Tensor {
  return new Tensor('float32', data, [data.length]);
}

function scalar(value: number): Tensor {
  return new Tensor('float32', Float32Array.of(value), []);
}

function scalarOf({ data }: Tensor): number {
  return (data as Float32Array)[0]!;
}

function labelTensor(labels: Labels): Tensor {
  return new Tensor('int64', BigInt64Array.from(labels, BigInt), [labels.length]);
}
