import { InferenceSession, Tensor } from 'onnxruntime-node';
import { sessionOptions } from '../device.ts';
import type { SessionSetting } from '../device.ts';
import type { Model } from '../graph.ts';
import type { Shape, Tensor as WeightTensor } from '../tensor.ts';
import type { TrainingState } from './checkpoint.ts';
import type { Engine } from './engines/engine.ts';
import { fingerprintOf, initialState, modelOf, partsOfVectors, writeInto } from './engines/state.ts';
import { buildStep } from './step.ts';
import type { Step, StepOptions } from './step.ts';

export type Batch = {
  /** N x C x H x W */
  readonly images: Float32Array;
  readonly labels: Uint8Array;
  /** Where the step mixes: each image is `share` of itself, of class `labels`, and the rest of one of class `partners`. */
  readonly mixed?: { readonly partners: Uint8Array; readonly share: number };
  /** N x K, where the step distills. */
  readonly teacher?: Float32Array;
  /** N, where the step weights images. */
  readonly sampleWeights?: Float32Array;
  /** The step's scalars by name. */
  readonly scalars?: Readonly<Record<string, number>>;
};

export type StepResult = {
  /** The batch's mean, or its weighted sum where the step weights images; without penalties. */
  readonly loss: number;
  readonly correct: number;
  /** Of each image. */
  readonly losses: Float32Array;
  /** By name. */
  readonly penalties: Readonly<Record<string, number>>;
};

export type EngineOptions = SessionSetting & {
  /** Where the file of a profile is to be, without what onnxruntime adds to its name. */
  readonly profile?: string;
};

/** A network in training: onnxruntime runs the step, this holds parameters, statistics and optimiser state between steps. */
export class TrainingEngine implements Engine {
  readonly runsOn: string;
  readonly #session: InferenceSession;
  readonly #model: Model;
  readonly #step: Step;
  readonly #batch: number;
  readonly #penalties: readonly string[];
  #vectors: Held;
  /** Where the next step puts its vectors; the two change places after each. */
  #spare: Held;

  private constructor(
    session: InferenceSession,
    model: Model,
    step: Step,
    { batch, optimizer, penalties = [] }: StepOptions,
    runsOn: string,
  ) {
    this.runsOn = runsOn;
    this.#session = session;
    this.#model = model;
    this.#step = step;
    this.#batch = batch;
    this.#penalties = penalties.map(({ name }) => name);
    this.#vectors = held(step, initialState(model, step, optimizer));
    this.#spare = held(step, this.state());
  }

  static async create(
    model: Model,
    options: StepOptions,
    { profile, ...setting }: EngineOptions = {},
  ): Promise<TrainingEngine> {
    const step = buildStep(model, options);
    const session = await InferenceSession.create(step.bytes, {
      ...sessionOptions(setting),
      // On two cores with other work a step of ResNet-8 takes 474 ms instead of 882, of ResNet-18 3.3 s instead of 5.5.
      extra: { session: { intra_op: { allow_spinning: '0' } } },
      ...(profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: profile }),
    });
    return new TrainingEngine(session, model, step, options, `onnxruntime on ${setting.device ?? 'cpu'}`);
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    const results = await this.#session.run(this.#feeds(batch, learningRate), this.#fetches());
    [this.#vectors, this.#spare] = [this.#spare, this.#vectors];
    return {
      loss: scalarOf(results['loss']!),
      correct: Number((results['correct']!.data as BigInt64Array)[0]!),
      losses: results['losses']!.data as Float32Array,
      penalties: Object.fromEntries(
        this.#penalties.map((name) => [name, scalarOf(results[`penalty.${name}`]!)]),
      ),
    };
  }

  state(): TrainingState {
    return copied(this.#vectors.state);
  }

  restore(state: TrainingState): void {
    this.#vectors = held(this.#step, copied(state));
    this.#spare = held(this.#step, copied(state));
  }

  write(weights: ReadonlyMap<string, WeightTensor>): void {
    writeInto(this.#vectors.state['parameters']!, this.#step.parameters, weights);
  }

  model(state = this.state()): Model {
    return modelOf(this.#model, this.#step, state);
  }

  /** Loss and hits as they come, vectors into the spare ones: fresh memory for them costs more than computing them. */
  #fetches(): Record<string, Tensor | null> {
    const next = Object.entries(this.#spare.parts).map(([name, tensor]) => [`next.${name}`, tensor]);
    const penalties = this.#penalties.map((name) => [`penalty.${name}`, null]);
    return {
      loss: null,
      losses: null,
      correct: null,
      ...(Object.fromEntries([...penalties, ...next]) as Record<string, Tensor | null>),
    };
  }

  async release(): Promise<void> {
    await this.#session.release();
  }

  /** Ends the session's profile, which onnxruntime writes beside the prefix given. */
  endProfiling(): void {
    this.#session.endProfiling();
  }

  fingerprint(): string {
    return fingerprintOf(this.#step, this.state());
  }

  #feeds(
    { images, labels, mixed, teacher, sampleWeights, scalars = {} }: Batch,
    learningRate: number,
  ): Record<string, Tensor> {
    const inputShape: Shape = this.#model.graph.inputs[0]!.shape;
    const n = this.#batch;
    const feeds: Record<string, Tensor> = {
      ...this.#vectors.parts,
      images: new Tensor('float32', images, [n, ...inputShape]),
      labels: labelTensor(labels),
      learningRate: scalar(learningRate),
    };
    if (mixed !== undefined) {
      feeds['partners'] = labelTensor(mixed.partners);
      feeds['share'] = scalar(mixed.share);
    }
    if (teacher !== undefined) feeds['teacher'] = new Tensor('float32', teacher, [n, teacher.length / n]);
    if (sampleWeights !== undefined) feeds['sampleWeights'] = vector(sampleWeights);
    for (const [name, value] of Object.entries(scalars)) feeds[`scalar.${name}`] = scalar(value);
    return feeds;
  }
}

/** The vectors of a state, and their parts as the step's inputs and outputs, which share their memory. */
type Held = { readonly state: TrainingState; readonly parts: Readonly<Record<string, Tensor>> };

function held(step: Step, state: TrainingState): Held {
  const parts = partsOfVectors(step).map(
    (part) => [part.name, vector(state[part.vector]!.subarray(part.start, part.end))] as const,
  );
  return { state, parts: Object.fromEntries(parts) };
}

function copied(state: TrainingState): TrainingState {
  return Object.fromEntries(Object.entries(state).map(([name, data]) => [name, data.slice()]));
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

function labelTensor(labels: Uint8Array): Tensor {
  return new Tensor('int64', BigInt64Array.from(labels, BigInt), [labels.length]);
}
