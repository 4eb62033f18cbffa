import { measuredTask, pricedTask } from '../../../../pipelines/reduce/hybrid/task.ts';
import type { Task } from '../../../../pipelines/reduce/hybrid/task.ts';

/** Prices and losses at once. */
export async function taskOf(...given: Parameters<typeof pricedTask>): Promise<Task> {
  return measuredTask(await pricedTask(...given));
}
