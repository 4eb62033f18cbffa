import '../../crypto/platform/node.ts';
import { prg } from '../../crypto/prg.ts';
import type { ReluSpec } from '../../crypto/spec.ts';
import { logSumExp } from '../../models/fairness/metrics.ts';
import { argmax } from '../../models/tensor.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { silent } from '../../src/shared/progress.ts';
import type { Prepared } from '../compile/served-plan.ts';
import { bothWays, predictCost } from '../cost/bytes.ts';
import { Simulator } from '../simulate/simulator.ts';
import { searchWindows } from './search.ts';
import { testedLayers, withWindows } from '../plan/windows.ts';
import type { TestedLayer, Windows } from '../plan/windows.ts';

/** Images [n, C, H, W] and their labels. */
export type LabelledSet = {
  readonly images: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly n: number;
};

export type CircaOptions = {
  /** The accuracy that may be lost on the search images, as a fraction. */
  readonly toleratedFraction: number;
  readonly modes: readonly ReluSpec['mode'][];
  /** The images on which windows are chosen. */
  readonly search: LabelledSet;
  /** The images on which the chosen windows are measured. */
  readonly test: LabelledSet;
  readonly rng: Rng;
  readonly onProgress?: OnProgress;
};

export type CircaResult = {
  readonly mode: ReluSpec['mode'];
  readonly windows: Windows;
  readonly layers: readonly (TestedLayer & { readonly k: number })[];
  /** The accuracy on the test images. */
  readonly accuracy: number;
  readonly comparison: Comparison;
  readonly onlineBytes: number;
  readonly evaluations: number;
};

/** Compares answers with faulty sign tests with those of the exact one. */
export type Comparison = {
  readonly agree: number;
  readonly differ: number;
  /** The number of different answers for which the exact run gave its class a probability of 0.9 or more. */
  readonly catastrophic: number;
};

export type CircaReport = {
  readonly exactAccuracy: number;
  readonly exactOnlineBytes: number;
  readonly results: readonly CircaResult[];
};

/**
 * Chooses the windows of every layer for each mode and measures them. ReLUs may be compiled with any k; the
 * comparisons of maximum pools keep at least theirs.
 */
export async function circa(prepared: Prepared, options: CircaOptions): Promise<CircaReport> {
  const { search, test, rng, onProgress = silent } = options;
  const { plan } = prepared;
  const layers = testedLayers(plan);
  const simulator = new Simulator(prepared);
  // Every run has the same shares, so that windows are compared and not draws.
  const seed = rng.bytes(16);
  const run = ({ images, n }: LabelledSet, windows: Windows, report: OnProgress = silent) =>
    simulator.run(images, n, { windows, rng: prg(seed), onProgress: report });
  const told = (of: string): OnProgress => {
    return (event) => onProgress({ ...event, of });
  };
  try {
    const exact: Windows = { k: new Map(layers.map(({ step }) => [step, 0])), mode: 'posZero' };
    const onSearch = await run(search, exact, told('exact sign tests on the search images'));
    const onTest = await run(test, exact, told('exact sign tests on the test images'));
    const results: CircaResult[] = [];
    for (const mode of options.modes) {
      let evaluations = 0;
      const windows = await searchWindows({
        layers,
        mode,
        least: accuracyOf(onSearch, search) - options.toleratedFraction - 1e-9,
        accuracyOf: async (candidate) => {
          const total = 4 + 2 * layers.length;
          onProgress({ phase: 'sign-test-windows', of: mode, done: ++evaluations, total });
          return accuracyOf(await run(search, candidate), search);
        },
      });
      const logits = await run(test, windows, told(`${mode} on the test images`));
      results.push({
        mode,
        windows,
        layers: layers.map((layer) => ({ ...layer, k: windows.k.get(layer.step)! })),
        accuracy: accuracyOf(logits, test),
        comparison: compare(onTest, logits, test.n),
        onlineBytes: onlineBytes(withWindows(plan, windows)),
        evaluations,
      });
    }
    return {
      exactAccuracy: accuracyOf(onTest, test),
      exactOnlineBytes: onlineBytes(withWindows(plan, exact)),
      results,
    };
  } finally {
    await simulator.close();
  }
}

/** Compares `n` rows of logits. */
export function compare(exact: Float32Array, faulty: Float32Array, n: number): Comparison {
  let [differ, catastrophic] = [0, 0];
  for (let i = 0; i < n; i++) {
    const before = rowOf(exact, i, n);
    const answer = argmax(before);
    if (answer === argmax(rowOf(faulty, i, n))) continue;
    differ++;
    if (Math.exp(before[answer]! - logSumExp(before)) >= 0.9) catastrophic++;
  }
  return { agree: n - differ, differ, catastrophic };
}

function rowOf(logits: Float32Array, i: number, n: number): Float32Array {
  const classes = logits.length / n;
  return logits.subarray(i * classes, (i + 1) * classes);
}

function accuracyOf(logits: Float32Array, { labels, n }: LabelledSet): number {
  let hits = 0;
  for (let i = 0; i < n; i++) if (argmax(rowOf(logits, i, n)) === labels[i]) hits++;
  return hits / n;
}

function onlineBytes(plan: Prepared['plan']): number {
  return bothWays(predictCost(plan).online);
}
