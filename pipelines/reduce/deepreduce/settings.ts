import type { StageSpec } from './stages.ts';

/** What DeepReDuce alone is told. */
export type DeepreduceSettings = {
  /** In place of the stages between changes of resolution. */
  readonly stages?: readonly StageSpec[];
  /**
   * How a stage's criticality is measured: on polynomials fitted for the other stages, without training, or as in the paper, on a
   * network trained with this stage's ReLUs alone. `fitted` where left out.
   */
  readonly criticality?: CriticalityForm;
  /** Of each training of the paper's form; 1 where left out. */
  readonly criticalityEpochs?: number;
  /**
   * What goes first of a stage that loses a part of its ReLUs: those that cost least, one by one, or those of every other layer, as
   * in the paper. `elements` where left out: the ResNet-20 of stagewise.ts with a sixteenth of its ReLUs after an epoch has 86.0 % by
   * elements, 85.4 % by layers.
   */
  readonly thinning?: Thinning;
  /** Factor of the channels before ReLUs are removed, in (0, 1]; 1 where left out. */
  readonly alpha?: number;
  /** Factor of height and width of the maps: 1, 1/2, 1/3, ...; 1 where left out. */
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
