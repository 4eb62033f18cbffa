import type { ClassAccuracy } from '../../models/train/evaluate.ts';
import type { LayerEntry } from '../reduce/reduction.ts';
import type { Bytes } from '../cost/bytes.ts';

/** One inference, seen by the client. `source`: computed from the plan, or a private inference between two processes. */
export type InferenceCost = {
  /** The network between the parties: a name of `profiles`, or `loopback` for two processes on one machine. */
  readonly profile: string;
  readonly source: 'predicted' | 'measured';
  readonly offlineSeconds: number;
  readonly onlineSeconds: number;
  readonly offline: Bytes;
  readonly online: Bytes;
  readonly rounds: number;
};

/** What is left of one step of the plan. */
export type LayerCost = {
  readonly node: string;
  readonly kind: string;
  readonly relus: number;
  readonly offlineBytes: number;
  readonly onlineBytes: number;
  /** Predicted, by profile. */
  readonly seconds: Readonly<Record<string, { readonly offline: number; readonly online: number }>>;
};

export type Machine = {
  readonly host: string;
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
};

/** What a job gives. Accuracies in [0, 1], on the test images. */
export type JobOutcome = {
  readonly relus: number;
  readonly relusBefore: number;
  readonly accuracy: number;
  /** By the protocol's integers, faults of the sign test included; simulated. */
  readonly privateAccuracy: number;
  /** Test images on which the two give the same answer. */
  readonly agree: number;
  readonly n: number;
  readonly perClass: readonly (ClassAccuracy & { readonly privateAccuracy: number })[];
  /** Of the plan with its windows. */
  readonly planHash: string;
  /** What became of each activation layer; empty for the original. */
  readonly log: readonly LayerEntry[];
  readonly layers: readonly LayerCost[];
  /** Predicted, one a profile. */
  readonly costs: readonly InferenceCost[];
  /** In the folder of the sweep. */
  readonly onnx: string;
  readonly onnxHash: string;
  /** The file for `--circa`, in the folder of the sweep. */
  readonly windows: string | null;
  /** Of what the figures depend on; `engine`, `device` and `threads`: what has trained it. */
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly seconds: number;
};

/** And what makes it again, where the sweep was started. */
export type RunResult = JobOutcome & { readonly command: string };
