import type { Interval } from './bootstrap.ts';
import type { ClassRates } from './class-rates.ts';
import type { GapEstimate, GroupEstimate, OverallEstimate } from './estimates.ts';
import type { LossTest, TestWords } from './loss-tests.ts';

/**
 * A model's figures in one group. Accuracies and drops are fractions of 1. A drop is the original's value
 * minus the model's, so the original's drops are 0.
 */
export type GroupRow = GroupEstimate &
  LossTest & {
    readonly model: string;
    /** The interval of the accuracy. */
    readonly interval: Interval;
    readonly dropInterval: Interval;
    readonly excessDropInterval: Interval;
    readonly crossEntropyInterval: Interval;
    readonly marginInterval: Interval;
    readonly positiveRateInterval: Interval;
    readonly truePositiveRateInterval: Interval;
    readonly falsePositiveRateInterval: Interval;
    readonly predictiveValueInterval: Interval;
    /** The expected calibration error, from 0 to 1. */
    readonly calibrationError: number;
    /** The number of the line's networks in which the group loses more than all images do. */
    readonly losingNetworks: number;
  };

export type OverallRow = OverallEstimate & {
  readonly model: string;
  /**
   * The number of networks, which differ only in their seed; all figures of the line are means over them.
   */
  readonly networks: number;
  readonly interval: Interval;
  readonly dropInterval: Interval;
  readonly calibrationError: number;
};

/** The gaps of a model; for several networks, the mean of their gaps. */
export type GapRow = GapEstimate & {
  readonly model: string;
  readonly interval: Interval;
  /** The group with the worst accuracy of those that are large enough to tell; null if there are not two. */
  readonly worstGroup: string | null;
  readonly worstAccuracy: number;
  readonly wideningInterval: Interval;
  readonly allGapInterval: Interval;
  readonly allWideningInterval: Interval;
  readonly demographicParityInterval: Interval;
  readonly disparateImpactInterval: Interval;
  readonly equalisedOddsInterval: Interval;
  readonly predictiveParityInterval: Interval;
};

export type FairnessReport = {
  readonly n: number;
  /**
   * The settings of the intervals: a paired, stratified bootstrap, which also draws seeds if a line has
   * several networks.
   */
  readonly bootstrap: { readonly resamples: number; readonly confidence: number; readonly seed: number };
  /** The tests of `groups`: their level, how they are corrected, and what they assume. */
  readonly test: TestWords;
  /** Groups with fewer samples are not tested. */
  readonly minGroup: number;
  readonly overall: readonly OverallRow[];
  readonly groups: readonly {
    readonly group: string;
    readonly n: number;
    readonly models: readonly GroupRow[];
  }[];
  readonly gap: {
    /** Groups count in gaps if an accuracy of one half would be known within so wide an interval. */
    readonly maxWidth: number;
    /** The number of images that this takes. */
    readonly minGroup: number;
    readonly leftOut: readonly { readonly group: string; readonly n: number }[];
    readonly models: readonly GapRow[];
  };
  /**
   * The true-positive rates of each class by group. Undefined for two classes, which have the rates of the
   * positive one, and for groups that are classes.
   */
  readonly classRates?: ClassRates;
  /** What the figures say, in sentences. */
  readonly reading: readonly string[];
};
