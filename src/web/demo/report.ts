import type { FairnessReport } from '../../../models/fairness/report.ts';
import type { LayerEntry } from '../../../pipelines/reduce/reduction.ts';

/** The cost of one phase of one private inference, seen by the client. Bytes include frame headers. */
export type PhaseFigures = {
  readonly seconds: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
};

export type PrivateImage = {
  /** The row of the image in the test split. */
  readonly index: number;
  readonly label: string;
  /** The class of the private answer, and the class that the same file gives in the clear. */
  readonly private: string;
  readonly plaintext: string;
  /** The largest absolute difference between the two sets of logits; null if the label alone was told. */
  readonly maxDifference: number | null;
  readonly offline: PhaseFigures;
  readonly online: PhaseFigures & { readonly rounds: number };
};

export type DemoModel = {
  readonly name: string;
  readonly file: string;
  readonly relus: number;
  readonly macs: number;
  readonly params: number;
  readonly accuracy: number;
  /** The mean over images of the largest minus the smallest logit, against which `maxDifference` is read. */
  readonly logitSpread: number;
  /** The bits that the server opens in an answer. */
  readonly answerBits: number;
  readonly images: readonly PrivateImage[];
};

/** The answers of the reduced network from a server that tells the label alone. */
export type LabelsAlone = {
  readonly answerBits: number;
  readonly images: readonly PrivateImage[];
};

/** What `reluctant demo` found. report.json holds this object; report.html and report.svg show it. */
export type DemoReport = {
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
  readonly seconds: number;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly node: string;
    readonly platform: string;
  };
  readonly data: { readonly name: string; readonly trainImages: number; readonly testImages: number };
  readonly reduction: {
    readonly method: string;
    readonly budget: number;
    readonly log: readonly LayerEntry[];
    readonly seconds: number;
  };
  readonly original: DemoModel;
  readonly reduced: DemoModel;
  readonly labelsAlone: LabelsAlone;
  readonly fairness: FairnessReport;
};

/** The cost of one private answer, as every table and picture shows it. */
export type AnswerCost = {
  /**
   * The seconds of both phases of the first answer, which also pays, once, for transforming weights and for
   * warming up.
   */
  readonly firstSeconds: number;
  /** The means over the answers after the first. */
  readonly offline: PhaseFigures;
  readonly online: PhaseFigures & { readonly rounds: number };
};

/** The cost of an answer from two or more images, in the order in which they were asked. */
export function answerCost([first, ...later]: readonly PrivateImage[]): AnswerCost {
  const mean = (pick: (image: PrivateImage) => number) =>
    later.reduce((sum, image) => sum + pick(image), 0) / later.length;
  const phase = (name: 'offline' | 'online') => ({
    seconds: mean((image) => image[name].seconds),
    bytes_up: mean((image) => image[name].bytes_up),
    bytes_down: mean((image) => image[name].bytes_down),
  });
  return {
    firstSeconds: first!.offline.seconds + first!.online.seconds,
    offline: phase('offline'),
    online: { ...phase('online'), rounds: mean((image) => image.online.rounds) },
  };
}

/** The number of private answers that equal the plaintext answer of the same file. */
export function agreements({ images }: Pick<DemoModel, 'images'>): number {
  return images.filter((image) => image.private === image.plaintext).length;
}
