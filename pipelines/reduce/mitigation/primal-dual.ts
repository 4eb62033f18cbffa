import * as z from 'zod';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { Controller, Json } from '../../../models/train/controller.ts';
import { constraintValues, imageWeights, nextMultipliers, hashOf } from './constraints.ts';
import type { Constraints } from './constraints.ts';

export type PrimalDualSettings = Constraints & {
  /** How much a multiplier grows at an update for each nat by which its group is worse off than asked. */
  readonly rate: number;
  /** Training steps between two updates. */
  readonly every: number;
  /**
   * The largest sum of the multipliers. Up to 1 no image's weight is negative; at 1 the loss can consist of
   * the worst groups alone.
   */
  readonly cap: number;
};

/** The multipliers after an epoch. */
export type MultiplierEntry = {
  /** The training, in a reduction that has several. */
  readonly phase?: string;
  readonly epoch: number;
  readonly groups: readonly {
    readonly group: string;
    readonly multiplier: number;
    /**
     * The moving average of the group's mean loss minus that of all images, in nats; NaN for a group of which
     * no image has been seen.
     */
    readonly excessLoss: number;
  }[];
};

/** The weight of the old value in a moving average, which is updated once per batch that holds the group. */
const memory = 0.9;

type State = {
  multipliers: number[];
  /** The moving averages of the groups' mean losses; null for a group of which no image has been seen. */
  losses: (number | null)[];
  mean: number | null;
  /** The sums of c_g over the batches since the last update. */
  sums: number[];
  batches: number;
  log: LogEntry[];
};

/** A MultiplierEntry as JSON stores it. */
type LogEntry = {
  epoch: number;
  groups: { group: string; multiplier: number; excessLoss: number | null }[];
};

const stateSchema = z.object({
  multipliers: z.array(z.number()),
  losses: z.array(z.number().nullable()),
  mean: z.number().nullable(),
  sums: z.array(z.number()),
  batches: z.number(),
  log: z.array(
    z.object({
      epoch: z.number(),
      groups: z.array(
        z.object({ group: z.string(), multiplier: z.number(), excessLoss: z.number().nullable() }),
      ),
    }),
  ),
});

export type PrimalDualRun = {
  /** Called after each epoch. After a resume it is also called for the epochs before. */
  readonly onEpoch?: (entry: MultiplierEntry) => void;
  /** The multipliers to begin with, by group (default: 0). */
  readonly start?: readonly number[];
};

/**
 * Primal-dual training under the constraints c_g = L_g - L_all <= 0, that no group's mean loss exceeds that
 * of all images (Das, Romanelli, Fioretto, ICML 2024). The network's weights descend on L_all + sum_g gamma_g
 * c_g, while gamma_g = max(0, gamma_g + rate * mean over batches of c_g). There are two departures from the
 * released code (utils.py, train_kd_mitigate): it detaches the penalty, so that no gradient reaches the
 * weights, and its |c_g| never lets gamma_g shrink. Many batches have no image of a small group, so c_g is
 * computed from moving averages. `groups` are those of the training images.
 */
export function primalDual(
  groups: Groups,
  settings: PrimalDualSettings,
  { onEpoch = () => undefined, start }: PrimalDualRun = {},
): Controller {
  let state = startOf(start ?? groups.names.map(() => 0));
  const values = () =>
    constraintValues(
      state.losses.map((loss) => loss ?? NaN),
      state.mean ?? NaN,
      settings,
    );
  const codesOf = (rows: Uint32Array) => Int32Array.from(rows, (row) => groups.codes[row]!);
  return {
    sampleWeights: (rows) => imageWeights(codesOf(rows), state.multipliers, values(), settings),
    afterStep: (rows, { losses }) => {
      state = observed(state, codesOf(rows), losses);
      state = counted(state, values());
      if (state.batches >= settings.every) state = updated(state, settings);
    },
    afterEpoch: ({ epoch }) => {
      const entry = { epoch, groups: describe(groups, state) };
      state = { ...state, log: [...state.log, entry] };
      onEpoch(entryOf(entry));
      return 'go on';
    },
    state: () => ({ ...state, settings: { ...settings }, groups: hashOf(groups) }),
    restore: (saved: Json) => {
      state = stateSchema.parse(saved);
      state.log.forEach((entry) => onEpoch(entryOf(entry)));
    },
  };
}

function startOf(multipliers: readonly number[]): State {
  const zeros = multipliers.map(() => 0);
  const losses = zeros.map(() => null);
  return { multipliers: [...multipliers], losses, mean: null, sums: zeros, batches: 0, log: [] };
}

function entryOf({ epoch, groups }: LogEntry): MultiplierEntry {
  return { epoch, groups: groups.map((group) => ({ ...group, excessLoss: group.excessLoss ?? NaN })) };
}

/** Moves the averages towards the means of a batch. */
function observed(state: State, codes: Int32Array, losses: Float32Array): State {
  const means = meansByGroup(codes, losses, state.losses.length);
  const batchMean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
  return {
    ...state,
    losses: state.losses.map((old, g) => (Number.isNaN(means[g]!) ? old : moved(old, means[g]!))),
    mean: moved(state.mean, batchMean),
  };
}

function moved(old: number | null, value: number): number {
  return old === null ? value : memory * old + (1 - memory) * value;
}

function meansByGroup(codes: Int32Array, losses: Float32Array, n: number): number[] {
  const [sums, counts] = [new Float64Array(n), new Float64Array(n)];
  codes.forEach((g, i) => {
    sums[g]! += losses[i]!;
    counts[g]!++;
  });
  return Array.from(sums, (sum, g) => sum / counts[g]!);
}

function counted(state: State, values: readonly number[]): State {
  return { ...state, sums: state.sums.map((sum, g) => sum + values[g]!), batches: state.batches + 1 };
}

function updated(state: State, settings: PrimalDualSettings): State {
  const means = state.sums.map((sum) => sum / state.batches);
  return {
    ...state,
    multipliers: nextMultipliers(state.multipliers, means, settings),
    sums: means.map(() => 0),
    batches: 0,
  };
}

function describe({ names }: Groups, { multipliers, losses, mean }: State): LogEntry['groups'] {
  return names.map((group, g) => {
    const loss = losses[g] ?? null;
    return {
      group,
      multiplier: multipliers[g]!,
      excessLoss: loss === null || mean === null ? null : loss - mean,
    };
  });
}
