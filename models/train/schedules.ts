/** Learning rate at a step, from 0 on. */
export type Schedule = (step: number) => number;

/** Half a cosine from `peak` at the first step to 0 after the last (Loshchilov and Hutter 2017, without restarts). */
export function cosine(peak: number, steps: number): Schedule {
  return (step) => (peak / 2) * (1 + Math.cos((Math.PI * Math.min(step, steps)) / steps));
}

/** Rises in a line over the first `steps` steps, to where `schedule` starts; `schedule` then counts from 0. */
export function warmUp(steps: number, schedule: Schedule): Schedule {
  return (step) => (step < steps ? (schedule(0) * (step + 1)) / (steps + 1) : schedule(step - steps));
}
