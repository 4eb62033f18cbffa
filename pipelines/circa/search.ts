import type { ReluSpec } from '../../crypto/spec.ts';
import { largestK } from '../plan/windows.ts';
import type { TestedLayer, Windows } from '../plan/windows.ts';

export type WindowSearch = {
  readonly layers: readonly TestedLayer[];
  readonly mode: ReluSpec['mode'];
  /** The least accuracy to accept. */
  readonly least: number;
  readonly accuracyOf: (windows: Windows) => Promise<number>;
};

/**
 * Searches the largest k of each layer; Circa (Ghodsi et al., NeurIPS 2021) searches one k for all. A
 * bisection first finds how many bits above the free ones can go in every layer alike. Then
 * each layer, the one with the most ReLUs first, gets one more bit at a time while the accuracy is accepted.
 * The search starts from the k that costs nothing, which is always accepted.
 */
export async function searchWindows(options: WindowSearch): Promise<Windows> {
  const { layers, mode } = options;
  const isAccepted = async (k: ReadonlyMap<number, number>) =>
    (await options.accuracyOf({ k, mode })) >= options.least;
  const raisedBy = (bits: number) =>
    new Map(layers.map((layer) => [layer.step, Math.min(layer.free + bits, largestK(layer))]));
  let [low, high] = [0, Math.max(0, ...layers.map((layer) => largestK(layer) - layer.free)) + 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await isAccepted(raisedBy(middle))) low = middle;
    else high = middle;
  }
  let k = raisedBy(low);
  for (const layer of layers.toSorted((a, b) => b.relus - a.relus)) {
    while (k.get(layer.step)! < largestK(layer)) {
      const raised = new Map(k).set(layer.step, k.get(layer.step)! + 1);
      if (!(await isAccepted(raised))) break;
      k = raised;
    }
  }
  return { k, mode };
}
