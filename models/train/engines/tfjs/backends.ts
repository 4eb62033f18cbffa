import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-layers'; // for the gradients of tfjs-core, which its build for Node lacks
import { UsageError } from '../../../../src/shared/errors.ts';

/** The backends of tfjs, the fastest first. */
export const backends = ['tensorflow', 'wasm', 'cpu'] as const;
export type Backend = (typeof backends)[number];

export type Loaders = { readonly [K in Backend]: () => Promise<unknown> };

/** An optional peer dependency. */
const nativePackage = '@tensorflow/tfjs-node-gpu';

/**
 * Loads a native package (default: the optional peer) and returns its exports. Throws if it is not installed.
 */
export function loadNative(name = nativePackage): unknown {
  const require = createRequire(import.meta.url);
  const file = require.resolve(name);
  restoreUtil(require('node:util') as Record<string, unknown>);
  return require(file);
}

/**
 * Restores a function that Node 23 removed from node:util and tfjs-node-gpu 4.22 calls. It is fixed there but
 * not released (tensorflow/tfjs#8425, #8609).
 */
function restoreUtil(util: Record<string, unknown>): void {
  util['isNullOrUndefined'] ??= (value: unknown) => value === null || value === undefined;
}

const loaders: Loaders = {
  tensorflow: () => Promise.resolve(loadNative()),
  async wasm() {
    await import('@tensorflow/tfjs-backend-wasm');
    const { registerWasmKernels } = await import('./wasm-kernels.ts');
    registerWasmKernels();
  },
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
};

export type ChosenBackend = {
  readonly backend: Backend;
  /** Describes the backend in words, and why the faster ones do not work. */
  readonly description: string;
};

/**
 * Chooses the first backend that loads and passes the trial, which is a call that throws if the backend lacks
 * something. Throws UsageError with all reasons if no backend works.
 */
export async function chooseBackend(
  candidates: readonly Backend[],
  trial: () => void,
  load: Loaders = loaders,
): Promise<ChosenBackend> {
  tf.env().set('PROD', true); // stops its advice to install other packages
  const reasons: string[] = [];
  for (const backend of candidates) {
    const reason = await failure(backend, trial, load);
    if (reason === undefined) return { backend, description: [describe(backend), ...reasons].join('; ') };
    reasons.push(`not ${backend}: ${reason}`);
  }
  throw new UsageError(
    `--engine tfjs: it does not work here: ${reasons.join('; ')}; use --engine onnxruntime`,
  );
}

async function failure(backend: Backend, trial: () => void, load: Loaders): Promise<string | undefined> {
  try {
    await load[backend]();
    if (!(await tf.setBackend(backend))) return 'it does not start';
    trial();
    return undefined;
  } catch (error) {
    return reasonOf(error as Error & { code?: string });
  }
}

function reasonOf({ message, code }: Error & { code?: string }): string {
  if (code === 'MODULE_NOT_FOUND' && message.includes(`'${nativePackage}'`))
    return `${nativePackage} is not installed`;
  const kernel = /^Kernel '(\w+)' not registered/.exec(message);
  return kernel ? `it has no ${kernel[1]}` : message.split('\n')[0]!.trim();
}

function describe(backend: Backend): string {
  if (backend !== 'tensorflow') return backend;
  const { isUsingGpuDevice } = tf.backend() as { isUsingGpuDevice?: boolean };
  return `tensorflow ${isUsingGpuDevice === true ? 'with' : 'without'} a GPU`;
}
