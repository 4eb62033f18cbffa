import type { LeftOut } from '../../../../models/graph.ts';
import type { RandomNetwork } from '../../../../pipelines/bench/network.ts';
import type { AnswerKind } from '../../../../pipelines/plan/plan.ts';
import type { PhaseCost } from '../../../net/session.ts';
import type { ProgressEvent } from '../../../shared/progress.ts';
import type { DescribeFlags } from '../../options/describe.ts';

/** The messages of the benching process to the server's process, and the answers. */
export type ToServer =
  | {
      readonly kind: 'start';
      readonly network: BenchedModel | RandomNetwork;
      /** What clients learn (default: logits). */
      readonly answer?: AnswerKind;
      readonly threads?: number;
      readonly memory?: number;
      /** The address to listen on. */
      readonly host: string;
    }
  | { readonly kind: 'usage' }
  /** To be answered once the server has prepared so many inferences. */
  | { readonly kind: 'prepared'; readonly count: number };

/** A model with the options of `serve`. */
export type BenchedModel = {
  readonly model: string;
  /** The data that calibrates its scales. */
  readonly data: string;
  /** The file for --circa. */
  readonly circa?: string;
  /** The bits of the plan (default: the compiler's). */
  readonly activationBits?: number;
  readonly weightBits?: number;
  readonly leftOut?: LeftOut;
  /** What the user says of the model. */
  readonly flags?: DescribeFlags;
};

export type FromServer =
  /** Before it is ready. */
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'warning'; readonly text: string }
  | {
      readonly kind: 'ready';
      readonly url: string;
      readonly planHash: string;
    }
  | ({ readonly kind: 'usage'; readonly phases: ServerPhases | null } & Usage)
  | { readonly kind: 'prepared' };

/** The costs of the last inference. */
export type ServerPhases = { readonly offline: PhaseCost; readonly online: PhaseCost };

/** What one process has used since its start. */
export type Usage = { readonly cpuSeconds: number; readonly largestMB: number };

/** The processor time of all threads, and the peak resident memory in decimal megabytes. */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, largestMB: (maxRSS * 1024) / 1e6 };
}
