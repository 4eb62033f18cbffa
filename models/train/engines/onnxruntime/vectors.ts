import { InferenceSession, Tensor } from '../../../runtime/onnxruntime.ts';
import { sessionOptions } from '../../../runtime/device.ts';
import type { Device, SessionSetting } from '../../../runtime/device.ts';
import { GraphBuilder } from '../../../onnx/graph-builder.ts';
import type { TrainingState } from '../../checkpoint.ts';
import type { TrainingStep } from '../../step.ts';
import { copied, partsOfVectors } from '../state.ts';
import type { Part } from '../state.ts';

type Tensors = Readonly<Record<string, Tensor>>;

/** Keeps the parameters, statistics and optimiser state of an onnxruntime engine between steps. */
export type SessionVectors = {
  /** Options for the session that runs the step. */
  readonly options: InferenceSession.SessionOptions;
  /** The vectors as the step's inputs. */
  readonly feeds: () => Tensors;
  /** The buffers for the step's outputs. */
  readonly fetches: () => Readonly<Record<string, Tensor | null>>;
  /** Makes a step's outputs the next step's inputs. */
  readonly advance: (results: Tensors) => void;
  readonly set: (state: TrainingState) => void;
  /** The vectors themselves, not copied. Throws RangeError after a step without `download`. */
  readonly state: () => TrainingState;
  /** Changes the vectors in place. Throws like `state`. */
  readonly edit: (change: (state: TrainingState) => void) => void;
  readonly download: () => Promise<void>;
  readonly release: () => Promise<void>;
};

/**
 * The devices on which onnxruntime-node 1.30 can keep memory from step to step. Its IO binding knows one kind
 * of device memory, 'WebGPU_Buf'. The outputs of CUDA and all other providers are copied to the processor and
 * back, which for ResNet-18 with SGD is 90 MB per step each way.
 */
const keepsMemory: { readonly [K in Device]: boolean } = { cpu: false, webgpu: true, cuda: false };

export function vectorsOf(step: TrainingStep, setting: SessionSetting): SessionVectors {
  return keepsMemory[setting.device ?? 'cpu'] ? new DeviceVectors(step, setting) : new ProcessorVectors(step);
}

/**
 * Vectors in the processor's memory, in two buffers that swap after each step, because new memory costs more
 * time than the computation.
 */
class ProcessorVectors implements SessionVectors {
  readonly options = {};
  readonly #parts: readonly Part[];
  #now: Held = { state: {}, tensors: {} };
  #spare: Held = this.#now;

  constructor(step: TrainingStep) {
    this.#parts = partsOfVectors(step);
  }

  feeds(): Tensors {
    return this.#now.tensors;
  }

  fetches(): Tensors {
    return renamed(this.#spare.tensors, (name) => `next.${name}`);
  }

  advance(): void {
    [this.#now, this.#spare] = [this.#spare, this.#now];
  }

  set(state: TrainingState): void {
    this.#now = held(this.#parts, copied(state));
    this.#spare = held(this.#parts, copied(state));
  }

  state(): TrainingState {
    return this.#now.state;
  }

  edit(change: (state: TrainingState) => void): void {
    change(this.#now.state);
  }

  async download(): Promise<void> {}

  async release(): Promise<void> {}
}

/** Vectors in the device's memory; only the first step's inputs come from the processor. */
class DeviceVectors implements SessionVectors {
  readonly options: InferenceSession.SessionOptions;
  readonly #parts: readonly Part[];
  readonly #setting: SessionSetting;
  #tensors: Tensors = {};
  /** The state on the processor; undefined if a later step's state is still on the device. */
  #state: TrainingState | undefined;
  #reader: InferenceSession | undefined;

  constructor(step: TrainingStep, setting: SessionSetting) {
    this.#parts = partsOfVectors(step);
    this.#setting = setting;
    const outputs = this.#parts.map(({ name }) => [`next.${name}`, 'gpu-buffer'] as const);
    this.options = { preferredOutputLocation: Object.fromEntries(outputs) };
  }

  feeds(): Tensors {
    return this.#tensors;
  }

  fetches(): Readonly<Record<string, null>> {
    return Object.fromEntries(this.#parts.map(({ name }) => [`next.${name}`, null]));
  }

  advance(results: Tensors): void {
    this.#dispose();
    this.#tensors = Object.fromEntries(this.#parts.map(({ name }) => [name, results[`next.${name}`]!]));
    this.#state = undefined;
  }

  set(state: TrainingState): void {
    this.#dispose();
    const { tensors, state: own } = held(this.#parts, copied(state));
    this.#tensors = tensors;
    this.#state = own;
  }

  state(): TrainingState {
    if (this.#state === undefined) throw new RangeError('the weights are on the device: call download first');
    return this.#state;
  }

  edit(change: (state: TrainingState) => void): void {
    const state = this.state();
    change(state);
    this.set(state);
  }

  /**
   * Runs a session that copies its inputs, because the binding has no other way: 'getData' on such a tensor
   * ends the process.
   */
  async download(): Promise<void> {
    if (this.#state !== undefined) return;
    this.#reader ??= await InferenceSession.create(copying(this.#parts), sessionOptions(this.#setting));
    const results = await this.#reader.run(this.#tensors);
    this.#state = assembled(this.#parts, (name) => results[`next.${name}`]!.data as Float32Array);
  }

  async release(): Promise<void> {
    this.#dispose();
    await this.#reader?.release();
  }

  #dispose(): void {
    for (const tensor of Object.values(this.#tensors)) if (tensor.location !== 'cpu') tensor.dispose();
    this.#tensors = {};
  }
}

/** The vectors of a state and their parts, which share memory. */
type Held = { readonly state: TrainingState; readonly tensors: Tensors };

function held(parts: readonly Part[], state: TrainingState): Held {
  const tensors = parts.map(({ name, vector, start, end }) => {
    return [name, new Tensor('float32', state[vector]!.subarray(start, end), [end - start])] as const;
  });
  return { state, tensors: Object.fromEntries(tensors) };
}

function assembled(parts: readonly Part[], dataOf: (name: string) => Float32Array): TrainingState {
  const sizes = new Map<string, number>();
  for (const { vector, end } of parts) sizes.set(vector, Math.max(end, sizes.get(vector) ?? 0));
  const state = Object.fromEntries([...sizes].map(([vector, size]) => [vector, new Float32Array(size)]));
  for (const { name, vector, start } of parts) state[vector]!.set(dataOf(name), start);
  return state;
}

function copying(parts: readonly Part[]): Uint8Array {
  const graph = new GraphBuilder();
  for (const { name, start, end } of parts)
    graph.output(graph.input(name, 'float32', [end - start]), `next.${name}`, 'float32', [end - start]);
  return graph.encode('copy');
}

function renamed(tensors: Tensors, rename: (name: string) => string): Tensors {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [rename(name), tensor]));
}
