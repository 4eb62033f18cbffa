import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, describe, expect, test } from 'vitest';
import { chooseBackend, loadNative } from '../../../../models/train/engines/tfjs/backends.ts';
import type { Loaders } from '../../../../models/train/engines/tfjs/backends.ts';
import { UsageError } from '../../../../src/shared/errors.ts';

const works = () => undefined;

/** The CPU in the place of a package that is not installed here. */
class NativeBackend extends MathBackendCPU {
  readonly isUsingGpuDevice = true;
}

async function pretendNative(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  tf.registerBackend('tensorflow', () => new NativeBackend());
  tf.copyRegisteredKernels('cpu', 'tensorflow');
}

const loaders: Loaders = {
  tensorflow: pretendNative,
  wasm: () => Promise.reject(new Error('no memory\nat some place')),
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
};

afterAll(() => tf.removeBackend('tensorflow'));

describe('a backend', () => {
  test('is passed over with the reason where its package is not installed', async () => {
    const { backend, description } = await chooseBackend(['tensorflow', 'cpu'], works);
    expect(backend).toBe('cpu');
    expect(description).toBe('cpu; not tensorflow: @tensorflow/tfjs-node-gpu is not installed');
    expect(tf.getBackend()).toBe('cpu');
  });

  test('is passed over where it lacks a kernel that the network needs', async () => {
    const f = (x: tf.Tensor) => tf.sum(tf.gather(x, tf.tensor1d([0, 1], 'int32')));
    const gather = () => void tf.tidy(() => tf.grad(f)(tf.ones([3, 2])));
    const { description } = await chooseBackend(['wasm', 'cpu'], gather);
    expect(description).toBe('cpu; not wasm: it has no UnsortedSegmentSum');
  });

  test('is taken where it loads, and says whether a GPU computes', async () => {
    const { backend, description } = await chooseBackend(['tensorflow', 'cpu'], works, loaders);
    expect({ backend, description }).toEqual({ backend: 'tensorflow', description: 'tensorflow with a GPU' });
    expect(tf.getBackend()).toBe('tensorflow');
  });

  test('that does not load is passed over with what it says', async () => {
    const { description } = await chooseBackend(['wasm', 'cpu'], works, loaders);
    expect(description).toBe('cpu; not wasm: no memory');
  });
});

test('where none works all reasons are told', async () => {
  const fails = () => {
    throw new Error("Kernel 'Conv2D' not registered for backend 'cpu'");
  };
  const chosen = chooseBackend(['wasm', 'cpu'], fails, loaders);
  await expect(chosen).rejects.toThrow(UsageError);
  await expect(chosen).rejects.toThrow(
    /--engine tfjs: it does not work here: not wasm: no memory; not cpu: it has no Conv2D; use --engine onnxruntime/,
  );
});

test('a native package written for older Nodes finds in node:util what it needs', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'native-')), 'native.cjs');
  await writeFile(file, "module.exports = require('util').isNullOrUndefined(null);");
  expect(loadNative(file)).toBe(true);
});
