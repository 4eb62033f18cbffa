import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { DataError, UsageError } from '../../src/shared/errors.ts';
import { writeFileAtomic } from '../../src/shared/files.ts';

/**
 * The state of a network in training besides its graph, by name: parameters, running statistics and the
 * optimiser's state.
 */
export type TrainingState = Readonly<Record<string, Float32Array>>;

/** The state of a training between two epochs: all it needs to go on with the same numbers. */
export type Standing = {
  readonly history: readonly EpochEntry[];
  readonly best: {
    readonly epoch: number;
    readonly validationAccuracy: number;
    readonly state: TrainingState;
  };
  readonly state: TrainingState;
  /** The controller's state (null: there is no controller). */
  readonly controller: Json;
  /** Whether the controller has ended the training. */
  readonly stopped: boolean;
};

/**
 * The figures of an epoch. Accuracies are in [0, 1]. The training accuracy is that on augmented images, while
 * the weights change.
 */
export type EpochEntry = z.infer<typeof epochEntry>;

const epochEntry = z.object({
  epoch: z.number(),
  loss: z.number(),
  trainAccuracy: z.number(),
  validationAccuracy: z.number(),
  /** The learning rate at the epoch's first step. */
  learningRate: z.number(),
  seconds: z.number(),
  imagesPerSecond: z.number(),
});

const sizes = z.record(z.string(), z.int().nonnegative());
const format = 'reluctant checkpoint 2';

const header = z.object({
  format: z.literal(format),
  fingerprint: z.string(),
  history: z.array(epochEntry),
  best: z.object({ epoch: z.number(), validationAccuracy: z.number(), state: sizes }),
  state: sizes,
  controller: z.json(),
  stopped: z.boolean(),
});

/** Writes a checkpoint: a line of JSON, then the vectors that it lists, as little-endian floats. */
export async function saveCheckpoint(path: string, fingerprint: string, standing: Standing): Promise<void> {
  const { history, best, state, controller, stopped } = standing;
  const line = JSON.stringify({
    format,
    fingerprint,
    history,
    best: { ...best, state: sizesOf(best.state) },
    state: sizesOf(state),
    controller,
    stopped,
  });
  const vectors = [...Object.values(best.state), ...Object.values(state)];
  const floats = vectors.map((v) => new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
  await writeFileAtomic(path, Buffer.concat([Buffer.from(`${line}\n`), ...floats]));
}

/**
 * Reads a file that `saveCheckpoint` wrote, or returns undefined if there is none. Throws DataError for a
 * file that is not a checkpoint, and UsageError for the checkpoint of another training, whose fingerprint
 * differs.
 */
export async function loadCheckpoint(path: string, fingerprint: string): Promise<Standing | undefined> {
  if (!existsSync(path)) return undefined;
  const bytes = await readFile(path);
  const end = bytes.indexOf('\n');
  const { success, data } = header.safeParse(parseJson(bytes.subarray(0, Math.max(0, end)).toString()));
  if (!success) throw new DataError(`${path}: it is not a checkpoint of a training; give another file name`);
  if (data.fingerprint !== fingerprint) {
    throw new UsageError(
      `${path}: it is the checkpoint of a training with another network, data or options; ` +
        'give another file name',
    );
  }
  const needed =
    4 * [...Object.values(data.best.state), ...Object.values(data.state)].reduce((a, b) => a + b, 0);
  const floats = bytes.subarray(end + 1);
  if (floats.length !== needed) {
    throw new DataError(
      `${path}: expected ${needed} bytes of weights, got ${floats.length}; delete the file`,
    );
  }
  const take = reader(floats);
  const best = { ...data.best, state: take(data.best.state) };
  const { history, controller, stopped } = data;
  return { history, best, state: take(data.state), controller, stopped };
}

function sizesOf(state: TrainingState): Record<string, number> {
  return Object.fromEntries(Object.entries(state).map(([name, data]) => [name, data.length]));
}

/** Returns a function that takes vectors from the front of `bytes`, one after another. */
function reader(bytes: Uint8Array): (sizes: Record<string, number>) => TrainingState {
  let offset = 0;
  const take = (size: number): Float32Array => {
    const vector = new Float32Array(size); // a copy, because it may start at any byte of the file
    new Uint8Array(vector.buffer).set(bytes.subarray(offset, offset + 4 * size));
    offset += 4 * size;
    return vector;
  };
  return (list) => Object.fromEntries(Object.entries(list).map(([name, size]) => [name, take(size)]));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
