import type { StageSpec } from './stages.ts';

/** The settings of DeepReDuce alone. */
export type DeepreduceSettings = {
  /** Stages by name (default: the stages between changes of resolution). */
  readonly stages?: readonly StageSpec[];
  /**
   * How a stage's criticality is measured: with fitted polynomials in the other stages and no training
   * (`fitted`), or as in the paper by training a network with this stage's ReLUs alone (`trained`) (default:
   * `fitted`).
   */
  readonly criticality?: CriticalityForm;
  /** Epochs of each training that `trained` makes (default: 1). */
  readonly criticalityEpochs?: number;
  /** The names of the stages, most critical first; nothing is then measured (default: measured). */
  readonly order?: readonly string[];
  /** The names of the stages that lose all their ReLUs (default: as many as the budget allows). */
  readonly cull?: readonly string[];
  /**
   * Which ReLUs go from stages that are not culled: those that cost least, one by one and one stage after the
   * other (`elements`), or as in the paper those of every other layer in all of them (`layers`) (default:
   * `elements`). With a
   * sixteenth of its ReLUs and one epoch of fine-tuning, the ResNet-20 of stagewise.ts has 86.0 % by elements
   * and 85.4 % by layers.
   */
  readonly thinning?: Thinning;
  /** The factor of the channels before ReLUs are removed, in (0, 1] (default: 1). */
  readonly alpha?: number;
  /** The factor of the height and width of the maps: 1, 1/2, 1/3, ... (default: 1). */
  readonly rho?: number;
};

export const deepreduceDefaults = {
  criticality: 'fitted',
  criticalityEpochs: 1,
  thinning: 'elements',
  alpha: 1,
  rho: 1,
} as const satisfies DeepreduceSettings;

export const criticalityForms = ['fitted', 'trained'] as const;
export type CriticalityForm = (typeof criticalityForms)[number];

export const thinnings = ['elements', 'layers'] as const;
export type Thinning = (typeof thinnings)[number];
