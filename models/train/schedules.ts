/** The learning rate at a step, where steps count from 0. */
export type Schedule = (step: number) => number;

/**
 * Half a cosine, from `peak` at the first step to 0 after the last (Loshchilov and Hutter 2017, without
 * restarts).
 */
export function cosine(peak: number, steps: number): Schedule {
  return (step) => (peak / 2) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));
}

/**
 * `peak`, a tenth of it after half of the steps, and a hundredth after three quarters (He et al. 2016,
 * section 4.2).
 */
export function staircase(peak: number, steps: number): Schedule {
  return (step) => (step < steps / 2 ? peak : step < (3 * steps) / 4 ? peak / 10 : peak / 100);
}

/** `peak` at every step. */
export function constant(peak: number, _steps: number): Schedule {
  return () => peak;
}

/** Rises linearly over the first `steps` steps to the start of `schedule`, which then counts from 0. */
export function warmUp(steps: number, schedule: Schedule): Schedule {
  return (step) => (step < steps ? (schedule(0) * (step + 1)) / (steps + 1) : schedule(step - steps));
}

/** The schedules that `--schedule` offers, each made from the peak and the number of steps. */
export const schedules = { cosine, step: staircase, constant } as const;
export type ScheduleName = keyof typeof schedules;
