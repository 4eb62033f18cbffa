import * as tf from '@tensorflow/tfjs-core';
import { UsageError } from '../../../../src/shared/errors.ts';
import type { Model } from '../../../graph.ts';
import { preprocess } from '../../../preprocessing.ts';
import type { Tensor as WeightTensor } from '../../../tensor.ts';
import { sizeOf } from '../../../tensor.ts';
import type { TrainingState } from '../../checkpoint.ts';
import type { ParameterLayout } from '../../parameters.ts';
import { buildStep } from '../../step.ts';
import type { StepOptions, TrainingStep } from '../../step.ts';
import type { Batch, Engine, StepResult } from '../engine.ts';
import { fingerprintOf, initialState, modelOf, partsOfVectors, writeInto } from '../state.ts';
import { backends, chooseBackend } from './backends.ts';
import type { Backend, ChosenBackend, Loaders } from './backends.ts';
import { tfjsNetwork } from './network.ts';
import type { TfjsNetwork } from './network.ts';
import { RawEvaluator } from './raw-graph.ts';

export type TfjsSetting = {
  /** The backends to try; the first one that works is used (default: all, the fastest first). */
  readonly candidates?: readonly Backend[];
  readonly loaders?: Loaders;
};

type Vectors = Readonly<Record<string, tf.Tensor1D>>;

/**
 * A network in training by TensorFlow.js, which runs the network and differentiates the loss. The rest of the
 * step (losses, penalties, optimiser and statistics) is the same graph that onnxruntime runs, evaluated by
 * tfjs.
 */
export class TfjsEngine implements Engine {
  readonly runsOn: string;
  readonly #backend: Backend;
  readonly #model: Model;
  readonly #step: TrainingStep;
  readonly #network: TfjsNetwork;
  readonly #around: RawEvaluator;
  readonly #batch: number;
  readonly #penalties: readonly string[];
  /** Weights that neither training nor statistics change. */
  readonly #fixed: ReadonlyMap<string, tf.Tensor>;
  readonly #trained: ReadonlyMap<string, tf.Variable>;
  #vectors: Vectors;

  private constructor(
    model: Model,
    step: TrainingStep,
    options: StepOptions,
    { backend, description }: ChosenBackend,
  ) {
    this.runsOn = `tfjs on ${description}`;
    this.#backend = backend;
    this.#model = model;
    this.#step = step;
    this.#network = tfjsNetwork(model);
    this.#around = new RawEvaluator(step.graph);
    this.#batch = options.batch;
    this.#penalties = (options.penalties ?? []).map(({ name }) => name);
    const moving = new Set([...step.parameters.entries, ...step.statistics.entries].map(({ name }) => name));
    const weightOf = (name: string) => tensorOf(model.weights.get(name)!);
    this.#fixed = new Map(
      [...model.weights.keys()].filter((name) => !moving.has(name)).map((name) => [name, weightOf(name)]),
    );
    this.#trained = new Map(
      step.parameters.entries.map(({ name }) => [name, tf.tidy(() => tf.variable(weightOf(name)))]),
    );
    this.#vectors = upload(initialState(model, step, options.optimizer));
  }

  /** Creates an engine. Throws UsageError if no backend can train the network, with the reason for each. */
  static async create(
    model: Model,
    options: StepOptions,
    { candidates = backends, loaders }: TfjsSetting = {},
  ): Promise<TfjsEngine> {
    if ((options.features ?? []).length > 0)
      throw new UsageError(
        'the engine tfjs has no losses on values inside the network; leave --engine out, or --feature-loss and --range-loss',
      );
    const trial = () => TfjsEngine.#try(model, { ...options, batch: 2 });
    const chosen = await chooseBackend(candidates, trial, loaders);
    return new TfjsEngine(model, buildStep(model, options), options, chosen);
  }

  /** Runs a step with black images. Throws if the backend lacks a kernel. */
  static #try(model: Model, options: StepOptions): void {
    const trial = { backend: 'cpu', description: '' } as const;
    const engine = new TfjsEngine(model, buildStep(model, options), options, trial);
    try {
      engine.#advance(blackBatch(model, options), 0);
    } finally {
      engine.#dispose();
    }
  }

  async run(batch: Batch, learningRate: number): Promise<StepResult> {
    await tf.setBackend(this.#backend); // the backend is global, so another engine may have changed it
    return this.#advance(batch, learningRate);
  }

  /** There is nothing to do, because tfjs reads from its backends on demand. */
  async download(): Promise<void> {}

  state(): TrainingState {
    return Object.fromEntries(
      Object.entries(this.#vectors).map(([name, vector]) => [name, vector.dataSync<'float32'>().slice()]),
    );
  }

  restore(state: TrainingState): void {
    tf.dispose(this.#vectors);
    this.#vectors = upload(state);
    this.#assign();
  }

  write(weights: ReadonlyMap<string, WeightTensor>): void {
    const state = this.state();
    writeInto(state['parameters']!, this.#step.parameters, weights);
    this.restore(state);
  }

  model(state = this.state()): Model {
    return modelOf(this.#model, this.#step, state);
  }

  fingerprint(): string {
    return `${this.#backend} ${fingerprintOf(this.#step, this.state())}`;
  }

  release(): Promise<void> {
    this.#dispose();
    return Promise.resolve();
  }

  #dispose(): void {
    tf.dispose([...this.#fixed.values(), ...this.#trained.values(), ...Object.values(this.#vectors)]);
    this.#around.dispose();
  }

  #advance(batch: Batch, learningRate: number): StepResult {
    const names = Object.keys(this.#vectors);
    const before = this.#vectors;
    const kept: tf.Tensor[] = [];
    let result: StepResult | undefined;
    try {
      this.#vectors = tf.tidy(() => {
        const given = this.#gradients(this.#feeds(batch, learningRate), kept);
        const of = (wanted: readonly string[]) => this.#around.evaluate(wanted, given);
        result = this.#read(of);
        return Object.fromEntries(names.map((name) => [name, this.#next(name, of)]));
      });
    } finally {
      tf.dispose(kept);
    }
    tf.dispose(before);
    this.#assign();
    return result!;
  }

  /** The value of a vector after the step. */
  #next(vector: string, of: (names: readonly string[]) => tf.Tensor[]): tf.Tensor1D {
    const parts = partsOfVectors(this.#step).filter((part) => part.vector === vector);
    return tf.concat(of(parts.map(({ name }) => `next.${name}`)) as tf.Tensor1D[]);
  }

  #read(of: (names: readonly string[]) => tf.Tensor[]): StepResult {
    const numberOf = (name: string) => of([name])[0]!.dataSync()[0]!;
    return {
      loss: numberOf('loss'),
      correct: numberOf('correct'),
      losses: of(['losses'])[0]!.dataSync<'float32'>().slice(),
      penalties: Object.fromEntries(this.#penalties.map((name) => [name, numberOf(`penalty.${name}`)])),
    };
  }

  /**
   * The values that the rest of the step needs: the feeds, and the network's logits, gradients and statistics
   * of the batch. tfjs frees the values of its forward pass, so those that must outlive it are also added to
   * `kept`.
   */
  #gradients(feeds: ReadonlyMap<string, tf.Tensor>, kept: tf.Tensor[]): ReadonlyMap<string, tf.Tensor> {
    const { logits, gradients, statistics } = this.#step.network;
    const found = new Map(feeds);
    const keep = (name: string, value: tf.Tensor) => {
      const copy = tf.keep(tf.clone(value));
      kept.push(copy);
      found.set(name, copy);
    };
    const weights = this.#weights(feeds);
    const loss = () => {
      const output = this.#network.forward(feeds.get('images')!, weights, (name, batch) =>
        keep(statistics.get(name)!, batch),
      );
      keep(logits, output);
      return this.#around.evaluate(['loss'], new Map([...feeds, [logits, output]]))[0] as tf.Scalar;
    };
    const { grads } = tf.variableGrads(loss, [...this.#trained.values()]);
    for (const [weight, variable] of this.#trained)
      found.set(gradients.get(weight)!, grads[variable.name] ?? tf.zerosLike(variable));
    return found;
  }

  /** Returns the weights by name: trained, running or fixed. */
  #weights(feeds: ReadonlyMap<string, tf.Tensor>): (name: string) => tf.Tensor {
    const { statistics } = this.#step;
    const running =
      statistics.size === 0 ? new Map<string, tf.Tensor>() : cut(statistics, feeds.get('statistics.0')!);
    return (name) => this.#trained.get(name) ?? running.get(name) ?? this.#fixed.get(name)!;
  }

  #feeds(batch: Batch, learningRate: number): Map<string, tf.Tensor> {
    const { images, labels, mixed, teacher, sampleWeights, scalars = {} } = batch;
    const n = this.#batch;
    const { inputs, preprocessing } = this.#model.graph;
    const { shape } = inputs[0]!;
    const feeds = new Map<string, tf.Tensor>([
      ...partsOfVectors(this.#step).map(
        ({ vector, name, start, end }) =>
          [name, tf.slice(this.#vectors[vector]!, start, end - start)] as const,
      ),
      ...[...this.#trained, ...this.#fixed],
      ['images', tf.tensor(preprocess(images, shape, preprocessing), [n, ...shape])],
      ['labels', tf.tensor1d(Int32Array.from(labels), 'int32')],
      ['learningRate', tf.scalar(learningRate)],
    ]);
    if (mixed !== undefined) {
      feeds.set('partners', tf.tensor1d(Int32Array.from(mixed.partners), 'int32'));
      feeds.set('share', tf.scalar(mixed.share));
    }
    if (teacher !== undefined) feeds.set('teacher', tf.tensor(teacher, [n, teacher.length / n]));
    if (sampleWeights !== undefined) feeds.set('sampleWeights', tf.tensor1d(sampleWeights));
    for (const [name, value] of Object.entries(scalars)) feeds.set(`scalar.${name}`, tf.scalar(value));
    return feeds;
  }

  /** Copies the parameters to the variables for which tfjs differentiates. */
  #assign(): void {
    tf.tidy(() => {
      for (const [name, value] of cut(this.#step.parameters, this.#vectors['parameters']!))
        this.#trained.get(name)!.assign(value);
    });
  }
}

function tensorOf({ shape, data }: WeightTensor): tf.Tensor {
  return tf.tensor(data, [...shape]);
}

function upload(state: TrainingState): Vectors {
  return Object.fromEntries(Object.entries(state).map(([name, data]) => [name, tf.tensor1d(data)]));
}

/** The values in a vector, by name. */
function cut({ entries }: ParameterLayout, vector: tf.Tensor): Map<string, tf.Tensor> {
  return new Map(
    entries.map(({ name, shape, offset }) => {
      return [name, tf.reshape(tf.slice(vector, [offset], [sizeOf(shape)]), [...shape])];
    }),
  );
}

function blackBatch(model: Model, { batch, mixup, distill, sampleWeights, scalars }: StepOptions): Batch {
  const labels = new Uint8Array(batch);
  const classes = sizeOf(model.graph.outputs[0]!.shape);
  return {
    images: new Float32Array(batch * sizeOf(model.graph.inputs[0]!.shape)),
    labels,
    ...(mixup === true && { mixed: { partners: labels, share: 1 } }),
    ...(distill && { teacher: new Float32Array(batch * classes) }),
    ...(sampleWeights === true && { sampleWeights: new Float32Array(batch) }),
    ...(scalars && { scalars: Object.fromEntries(scalars.map((name) => [name, 0])) }),
  };
}
