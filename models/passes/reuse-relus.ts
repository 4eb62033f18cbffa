import { UsageError } from '../../src/shared/errors.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { Model } from '../graph.ts';
import { activationsOf } from '../analysis/inspect.ts';
import { sizeOf } from '../tensor.ts';
import { replacedElements } from './replaced-elements.ts';
import type { ReplacedElements } from './replaced-elements.ts';

/**
 * ReLU reuse after DeepReShape (Jha, Reagen, TMLR 2024): of the n groups of a layer's channels one keeps its
 * ReLUs, the next one in the next layer, so that every n layers each channel has met a ReLU. The paper's own
 * order of groups is not known to us. Gives the elements that lose theirs, 1 each, by activation; layers with
 * fewer than n channels keep those of one channel. Throws UsageError for n below 2.
 */
export function reusedRelus(model: Model, n: number): ReplacedElements {
  if (!Number.isSafeInteger(n) || n < 2)
    throw new UsageError(`reuse: expected a number of groups from 2 on, got ${n}`);
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
