import type { RandomNetwork } from '../../../../pipelines/bench/network.ts';
import type { PhaseCost } from '../../../net/session.ts';

/** What the benching process tells the server's process, and what that answers. */
export type ToServer =
  | {
      readonly kind: 'start';
      readonly network: BenchedModel | RandomNetwork;
      readonly threads?: number;
      /** Address to listen on. */
      readonly host: string;
    }
  | { readonly kind: 'usage' };

/** What `serve` is told of a model: the training images of `data` calibrate its scales, windows come from a file for `--circa`. */
export type BenchedModel = { readonly model: string; readonly data: string; readonly circa?: string };

export type FromServer =
  | {
      readonly kind: 'ready';
      readonly url: string;
      readonly planHash: string;
      /** What makes the calibration doubtful. */
      readonly warnings: readonly string[];
    }
  | ({ readonly kind: 'usage'; readonly phases: ServerPhases | null } & Usage);

/** Of the last inference. */
export type ServerPhases = { readonly offline: PhaseCost; readonly online: PhaseCost };

/** Of one process since its start. */
export type Usage = { readonly cpuSeconds: number; readonly largestMB: number };

/** All threads of this process; the largest resident memory it has had, in decimal megabytes. */
export function usage(): Usage {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  return { cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, largestMB: (maxRSS * 1024) / 1e6 };
}
