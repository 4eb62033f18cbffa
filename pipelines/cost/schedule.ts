/**
 * A piece of work. It occupies one resource for some seconds and starts after the tasks that it waits for.
 */
export type ScheduledTask = {
  readonly resource: string;
  readonly seconds: number;
  /** Indices of tasks that must end first. They stand before this task in the list. */
  readonly after: readonly number[];
  /**
   * Indices of tasks that must have released their resource first, whether or not their results have arrived.
   * This keeps messages in order.
   */
  readonly behind?: readonly number[];
  /**
   * Seconds between the task's end and the moment when its result arrives (default: 0). The resource is free
   * meanwhile.
   */
  readonly lag?: number;
};

/**
 * The time in seconds at which the result of each task has arrived. A resource does one task at a time: among
 * the tasks that are ready, the one that was ready first, and the earlier one in the list if several were.
 * This is a discrete-event simulation, so tasks are taken in the order of their starts. Throws RangeError if
 * a task waits for a later one in the list.
 */
export function finishTimes(tasks: readonly ScheduledTask[]): Float64Array {
  const done = new Float64Array(tasks.length).fill(NaN);
  const ended = new Float64Array(tasks.length).fill(NaN);
  const free = new Map<string, number>();
  const waiting = new Set(tasks.keys());
  while (waiting.size > 0) {
    const next = nextToStart(tasks, waiting, { done, ended, free });
    const { resource, seconds, lag = 0 } = tasks[next.index]!;
    const end = next.start + seconds;
    free.set(resource, end);
    ended[next.index] = end;
    done[next.index] = end + lag;
    waiting.delete(next.index);
  }
  return done;
}

type Candidate = { readonly index: number; readonly ready: number; readonly start: number };

type Progress = {
  readonly done: Float64Array;
  readonly ended: Float64Array;
  readonly free: ReadonlyMap<string, number>;
};

function nextToStart(
  tasks: readonly ScheduledTask[],
  waiting: ReadonlySet<number>,
  { done, ended, free }: Progress,
): Candidate {
  let best: Candidate | undefined;
  for (const index of waiting) {
    const { resource, after, behind = [] } = tasks[index]!;
    const ready = Math.max(0, ...after.map((task) => done[task]!), ...behind.map((task) => ended[task]!));
    if (Number.isNaN(ready)) continue;
    const start = Math.max(ready, free.get(resource) ?? 0);
    if (best === undefined || start < best.start || (start === best.start && ready < best.ready)) {
      best = { index, ready, start };
    }
  }
  if (best === undefined) throw new RangeError('schedule: a task waits for a later task');
  return best;
}
