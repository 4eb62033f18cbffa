import type { FairnessReport } from '../../../models/fairness/report.ts';
import type { LayerEntry } from '../../../pipelines/reduce/reduction.ts';

/** One phase of one private inference, seen by the client. Bytes include frame headers. */
export type PhaseFigures = {
  readonly seconds: number;
  readonly bytes_up: number;
  readonly bytes_down: number;
};

export type PrivateImage = {
  /** Row of the test split. */
  readonly index: number;
  readonly label: string;
  /** What the client read from the private logits, and what the same file says in the clear. */
  readonly private: string;
  readonly plaintext: string;
  /** Largest absolute difference between the two sets of logits. */
  readonly maxDifference: number;
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
  /** [min, max] of the logits' spread is what maxDifference is to be read against. */
  readonly logitSpread: number;
  readonly images: readonly PrivateImage[];
};

/** What `reluctant demo` found: report.json is this, report.html and report.svg show it. */
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
  readonly fairness: FairnessReport;
};

/** What one private answer costs: the figures of every table and picture. */
export type AnswerCost = {
  /** Seconds of both phases of the first answer: it also pays, once, for transforming weights and for warming up. */
  readonly firstSeconds: number;
  /** Means over the answers after the first. */
  readonly offline: PhaseFigures;
  readonly online: PhaseFigures & { readonly rounds: number };
};

/** `images`: two or more, in the order they were asked. */
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

/** Private answers that are the plaintext answer of the same file. */
export function agreements(model: DemoModel): number {
  return model.images.filter((image) => image.private === image.plaintext).length;
}
