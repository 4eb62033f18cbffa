import type { Dataset } from '../../../models/data/dataset.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { defined } from '../../../src/shared/defined.ts';
import { balancedSampling, reweight } from './baselines.ts';
import { primalDual } from './primal-dual.ts';
import type { MultiplierEntry, PrimalDualSettings } from './primal-dual.ts';

export type Mitigation = {
  readonly scheme: MitigationScheme;
  /** Of the training images. */
  readonly groups: Groups;
  /** Of the primal-dual scheme; `primalDualDefaults` for what is left out. */
  readonly settings?: Partial<PrimalDualSettings>;
  /** Where the multipliers stand after each epoch. */
  readonly onEpoch?: (entry: MultiplierEntry) => void;
  /** Multipliers that a training begins with: those that the reduction's training before it ended with; 0 where left out. */
  readonly start?: () => readonly number[] | undefined;
};

/** Groups that count by their loss, not by their size, where it is decided which ReLUs go. */
export type FairSelection = { readonly groupsOf: (dataset: Dataset) => Groups };

/**
 * The cap is the dial of the price. Resnet8 with an eighth of its ReLUs by deepreduce, on fashion-mnist+unequal=0.27/0.03, three seeds
 * (docs/results/fairness): without mitigation 83.0 % and 92 points between classes; at 0.3 84.2 % and 58, at 0.5 83.7 % and 48, at 1 81.8 %
 * and 36; reweighting 84.5 % and 70.
 */
export const primalDualDefaults: PrimalDualSettings = {
  form: 'signed',
  toleranceNats: 0,
  rate: 0.1,
  every: 10,
  cap: 0.5,
};

export const mitigationSchemes = ['primal-dual', 'reweight', 'balanced'] as const;
export type MitigationScheme = (typeof mitigationSchemes)[number];

type Scheme = { readonly summary: string; readonly controller: (mitigation: Mitigation) => Controller };

const schemes: Readonly<Record<MitigationScheme, Scheme>> = {
  'primal-dual': {
    summary: 'groups whose loss is above the average weigh more, as long and as much as it takes',
    controller: ({ groups, settings, onEpoch, start }) => {
      const from = start?.();
      const run = defined({ onEpoch, start: from });
      return primalDual(groups, { ...primalDualDefaults, ...settings }, run);
    },
  },
  reweight: {
    summary: 'every group counts alike in the loss, however many images it has',
    controller: ({ groups }) => reweight(groups),
  },
  balanced: {
    summary: 'every group has as many images in an epoch',
    controller: ({ groups }) => balancedSampling(groups),
  },
};

/** For --help. */
export const mitigationSummaries: string = mitigationSchemes
  .map((name) => `${name}: ${schemes[name].summary}`)
  .join('; ');

/** What steers a fine-tuning so that no group is left behind; its entries are of `phase`. */
export function controllerOf({ onEpoch, ...mitigation }: Mitigation, phase = 'fine-tuning'): Controller {
  return schemes[mitigation.scheme].controller({
    ...mitigation,
    ...(onEpoch && { onEpoch: (entry: MultiplierEntry) => onEpoch({ phase, ...entry }) }),
  });
}
