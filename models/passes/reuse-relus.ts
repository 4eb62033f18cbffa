import { UsageError } from '../../src/shared/errors.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { Model } from '../graph.ts';
import { activationsOf } from '../analysis/inspect.ts';
import { sizeOf } from '../tensor.ts';
import { replacedElements } from './replaced-elements.ts';
import type { ReplacedElements } from './replaced-elements.ts';

/**
 * ReLU reuse after DeepReShape (Jha, Reagen, TMLR 2024). A layer's channels form n groups, of which one keeps
 * its ReLUs; the next layer keeps those of the next group, so that after n layers each channel has met a
 * ReLU. We do not know the order of groups in the paper. Layers with fewer than n channels keep the ReLUs of
 * one channel. Returns the elements that lose their ReLU, and throws UsageError for n below 2.
 */
export function reusedRelus(model: Model, n: number): ReplacedElements {
  if (!Number.isSafeInteger(n) || n < 2) throw new UsageError(`reuse: expected at least 2 groups, got ${n}`);
  const shapes = inferShapes(model);
  return replacedElements(
    activationsOf(model).map(({ name, outputs }, layer) => {
      const shape = shapes.get(outputs[0]!)!;
      const groups = Math.min(n, shape[0]!);
      const places = sizeOf(shape.slice(1));
      const groupOf = (element: number) => Math.floor((Math.floor(element / places) * groups) / shape[0]!);
      const lost = Uint8Array.from({ length: sizeOf(shape) }, (_, e) =>
        groupOf(e) === layer % groups ? 0 : 1,
      );
      return [name, lost] as const;
    }),
  );
}
