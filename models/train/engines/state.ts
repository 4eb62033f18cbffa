import { createHash } from 'node:crypto';
import type { Model } from '../../graph.ts';
import { sizeOf } from '../../tensor.ts';
import type { Tensor } from '../../tensor.ts';
import type { TrainingState } from '../checkpoint.ts';
import type { Optimizer } from '../optimizers.ts';
import { pack, unpack } from '../parameters.ts';
import type { ParameterLayout } from '../parameters.ts';
import type { TrainingStep } from '../step.ts';

/**
 * The state before the first step, by the names of the step's vectors; every engine keeps such a state
 * between steps.
 */
export function initialState(model: Model, step: TrainingStep, optimizer: Optimizer): TrainingState {
  const { parameters, statistics, vectors } = step;
  const parts = vectors['parameters']!.map((size) => optimizer.init(size));
  const states = parts[0]!.map((_, i) => [`state${i}`, joined(parts.map((part) => part[i]!))] as const);
  return {
    parameters: pack(parameters, model.weights),
    ...(statistics.size > 0 && { statistics: pack(statistics, model.weights) }),
    ...Object.fromEntries(states),
  };
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const vector = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    vector.set(part, end);
    end += part.length;
  }
  return vector;
}

/** The place of one of the step's inputs in its vector. */
export type Part = {
  readonly vector: string;
  readonly name: string;
  readonly start: number;
  readonly end: number;
};

/**
 * The inputs in which the step takes its vectors; the outputs have the same names with the prefix `next.`.
 */
export function partsOfVectors({ vectors }: TrainingStep): Part[] {
  return Object.entries(vectors).flatMap(([vector, sizes]) => {
    let end = 0;
    return sizes.map((size, k) => ({ vector, name: `${vector}.${k}`, start: end, end: (end += size) }));
  });
}

/** The network with the weights of a state. */
export function modelOf(model: Model, { parameters, statistics }: TrainingStep, state: TrainingState): Model {
  const trained = unpack(parameters, state['parameters']!);
  const running = statistics.size > 0 ? unpack(statistics, state['statistics']!) : [];
  return { graph: model.graph, weights: new Map([...model.weights, ...trained, ...running]) };
}

/**
 * Sets trained weights in the vector of all parameters. Throws RangeError for a weight that is not trained or
 * has another size.
 */
export function writeInto(
  parameters: Float32Array,
  layout: ParameterLayout,
  weights: ReadonlyMap<string, Tensor>,
): void {
  for (const [name, { data }] of weights) {
    const entry = layout.entries.find((e) => e.name === name);
    if (entry === undefined || sizeOf(entry.shape) !== data.length)
      throw new RangeError(
        `weight ${name}: expected a trained weight of the same size, got ${data.length} numbers`,
      );
    parameters.set(data, entry.offset);
  }
}

/** A hash of the step and of a state. */
export function fingerprintOf(step: TrainingStep, state: TrainingState): string {
  const hash = createHash('sha256').update(step.bytes);
  for (const data of Object.values(state))
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

export function copied(state: TrainingState): TrainingState {
  return Object.fromEntries(Object.entries(state).map(([name, data]) => [name, data.slice()]));
}
