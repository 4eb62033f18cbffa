import type { ClassAccuracy } from '../../models/train/evaluate.ts';
import type { LayerEntry } from '../reduce/reduction.ts';
import type { Bytes } from '../cost/bytes.ts';
import type { Bits } from '../simulate/bits-in-order.ts';

/**
 * The cost of one inference as the client sees it. It is predicted from the plan, or measured in a private
 * inference between two processes.
 */
export type InferenceCost = {
  /**
   * The network between the parties: a name of `profiles`, or `loopback` for two processes on one machine.
   */
  readonly profile: string;
  readonly source: 'predicted' | 'measured';
  readonly offlineSeconds: number;
  readonly onlineSeconds: number;
  readonly offline: Bytes;
  readonly online: Bytes;
  readonly rounds: number;
};

/** The cost of one step of the plan. Bytes are those of both directions. */
export type LayerCost = {
  readonly node: string;
  readonly kind: string;
  readonly relus: number;
  readonly offlineBytes: number;
  readonly onlineBytes: number;
  /** Predicted seconds, by profile. */
  readonly seconds: Readonly<Record<string, { readonly offline: number; readonly online: number }>>;
};

export type Machine = {
  readonly host: string;
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
};

/** The result of a job. Accuracies are in [0, 1], on the test images. */
export type JobOutcome = {
  readonly relus: number;
  readonly relusBefore: number;
  readonly accuracy: number;
  /** The simulated accuracy of the protocol's integers, including the faults of the sign test. */
  readonly privateAccuracy: number;
  /** The number of test images on which the private answer equals the plaintext answer. */
  readonly agree: number;
  readonly n: number;
  readonly perClass: readonly (ClassAccuracy & { readonly privateAccuracy: number })[];
  /** The bits of the plan that an agreement chose; null for the compiler's. */
  readonly bits: Bits | null;
  /** The hash of the plan with its bits and windows. */
  readonly planHash: string;
  /** What the reduction did to each activation layer. Empty for the original. */
  readonly log: readonly LayerEntry[];
  readonly layers: readonly LayerCost[];
  /** Predicted costs, one entry per profile. */
  readonly costs: readonly InferenceCost[];
  /** The name of the reduced network's file in the folder of the sweep. */
  readonly onnx: string;
  readonly onnxHash: string;
  /**
   * The name of the file for `--circa` in the folder of the sweep; null if the job searched for no windows.
   */
  readonly windows: string | null;
  /**
   * The versions of everything on which the figures depend. `engine`, `device` and `threads` say what trained
   * the network.
   */
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: Machine;
  readonly seconds: number;
};

/** A job's result and the command that makes it again in the folder where the sweep was started. */
export type RunResult = JobOutcome & { readonly command: string };
