/** One tick of a long job. `total` and `done` share a unit; a job that takes over two seconds reports itself. */
export type ProgressEvent = {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** A short live figure, e.g. 'loss 0.312' or '412 images/s'. */
  readonly note?: string;
};

export type OnProgress = (event: ProgressEvent) => void;

export const silent: OnProgress = () => undefined;
