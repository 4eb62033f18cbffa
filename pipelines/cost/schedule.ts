/** A piece of work that occupies one resource for some time, once what it waits for has ended. */
export type ScheduledTask = {
  readonly resource: string;
  readonly seconds: number;
  /** Indices of tasks before it in the list. */
  readonly after: readonly number[];
  /** Of tasks that must have left their resource, whose news need not have arrived: what keeps messages in order. */
  readonly behind?: readonly number[];
  /** Seconds from its end until those that wait for it hear of that; the resource is free meanwhile. */
  readonly lag?: number;
};

/**
 * When each task is done, lag included, in seconds: a resource does one task at a time, of those that are ready the one that was ready
 * first (of equals the earlier in the list). A discrete simulation: tasks are taken in the order of their starts.
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
  if (best === undefined) throw new RangeError('schedule: a task waits for one that comes after it');
  return best;
}
