/** Learning rate at a step, from 0 on. */
export type Schedule = (step: number) => number;

/** Half a cosine from `peak` at the first step to 0 after the last (Loshchilov and Hutter 2017, without restarts). */
export function cosine(peak: number, steps: number): Schedule {
  return (step) => (peak / 2) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));
}

/** A tenth of `peak` from half of the steps on, a hundredth from three quarters on (He et al. 2016, section 4.2). */
export function staircase(peak: number, steps: number): Schedule {
  return (step) => (step < steps / 2 ? peak : step < (3 * steps) / 4 ? peak / 10 : peak / 100);
}

/** `peak` all the way. */
export function constant(peak: number, _steps: number): Schedule {
  return () => peak;
}

/** Rises in a line over the first `steps` steps, to where `schedule` starts; `schedule` then counts from 0. */
export function warmUp(steps: number, schedule: Schedule): Schedule {
  return (step) => (step < steps ? (schedule(0) * (step + 1)) / (steps + 1) : schedule(step - steps));
}

/** From the peak and the number of steps, by the names of `--schedule`. */
export const schedules = { cosine, step: staircase, constant } as const;
export type ScheduleName = keyof typeof schedules;
