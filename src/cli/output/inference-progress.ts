import { bothWays, predictCost } from '../../../pipelines/cost/bytes.ts';
import { settingsFor } from '../../../pipelines/cost/transfer-settings.ts';
import type { TransferWish } from '../../../pipelines/cost/transfer-settings.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import type { OnProgress } from '../../shared/progress.ts';
import { printable } from '../../net/printable.ts';

/** The progress of private inferences one after the other, by the bytes that they send and receive. */
export type InferenceProgress = {
  /** For `connect`. */
  readonly onTraffic: (bytes: number) => void;
  /** An inference of this plan begins: bytes from now on are of it. `wish`: how its transfers are drawn. */
  readonly begin: (plan: Plan, wish: TransferWish) => void;
};

export function inferenceProgress(onProgress: OnProgress): InferenceProgress {
  let work: { readonly of: string; readonly total: number } | undefined;
  let done = 0;
  return {
    onTraffic: (bytes) => {
      if (work === undefined) return;
      done = Math.min(done + bytes, work.total);
      onProgress({ phase: 'private-answers', ...work, done });
    },
    begin: (plan, wish) => {
      const { offline, online } = predictCost(plan, settingsFor(plan, wish));
      work = { of: printable(plan.name), total: bothWays(offline) + bothWays(online) };
      done = 0;
      onProgress({ phase: 'private-answers', ...work, done });
    },
  };
}
