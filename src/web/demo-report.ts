import type { FairnessReport } from '../../models/fairness/report.ts';
import type { LayerEntry } from '../../pipelines/reduction.ts';

/** One phase of one private inference, seen by the client. Bytes include frame headers. */
export type PhaseCost = { readonly seconds: number; readonly bytes_up: number; readonly bytes_down: number };

export type PrivateImage = {
  /** Row of the test split. */
  readonly index: number;
  readonly label: string;
  /** What the client read from the private logits, and what the same file says in the clear. */
  readonly private: string;
  readonly plaintext: string;
  /** Largest absolute difference between the two sets of logits. */
  readonly maxDifference: number;
  readonly offline: PhaseCost;
  readonly online: PhaseCost & { readonly rounds: number };
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

/** Means over the images of a model, the figures of every table and picture. */
export type MeanCost = {
  readonly offline: PhaseCost;
  readonly online: PhaseCost & { readonly rounds: number };
};

export function meanCost(images: readonly PrivateImage[]): MeanCost {
  const mean = (pick: (image: PrivateImage) => number) =>
    images.reduce((sum, image) => sum + pick(image), 0) / images.length;
  const phase = (name: 'offline' | 'online') => ({
    seconds: mean((image) => image[name].seconds),
    bytes_up: mean((image) => image[name].bytes_up),
    bytes_down: mean((image) => image[name].bytes_down),
  });
  return { offline: phase('offline'), online: { ...phase('online'), rounds: mean((i) => i.online.rounds) } };
}

/** Private answers that are the plaintext answer of the same file. */
export function agreements(model: DemoModel): number {
  return model.images.filter((image) => image.private === image.plaintext).length;
}
