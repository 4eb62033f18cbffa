import { inferShapes } from '../analysis/shapes.ts';
import type { Model } from '../graph.ts';
import { Evaluator } from '../runtime/run.ts';
import type { SessionSetting } from '../runtime/device.ts';
import type { Teacher } from './batches.ts';
import { attentionMaps } from './feature-terms.ts';
import type { MatchedMaps } from './feature-terms.ts';

/**
 * A network that teaches another: its logits, and its attention maps for `pairs`. Call `release` at the end.
 */
export async function teacherOf(
  model: Model,
  pairs: readonly MatchedMaps[],
  setting: SessionSetting,
): Promise<{ readonly teach: Teacher; readonly release: () => Promise<void> }> {
  const logits = model.graph.outputs[0]!.name;
  const values = pairs.map(({ teacher }) => teacher);
  const shapes = inferShapes(model);
  const outputs = [...new Set([logits, ...values])];
  const evaluator = await Evaluator.create(model, { ...setting, outputs });
  return {
    release: () => evaluator.release(),
    async teach(images, n) {
      const found = await evaluator.run(images, n);
      const maps = values.map((name) => ({ data: found.get(name)!, shape: shapes.get(name)! }));
      const teacher = found.get(logits)!;
      return values.length === 0 ? { teacher } : { teacher, teacherMaps: attentionMaps(maps, n) };
    },
  };
}
