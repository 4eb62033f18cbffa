import type { Model } from '../../models/graph.ts';
import { autorep } from './autorep/autorep.ts';
import { deepreduce } from './deepreduce/deepreduce.ts';
import { deepreshape } from './deepreshape/deepreshape.ts';
import { hybrid } from './hybrid/hybrid.ts';
import type { Reduction, ReductionOptions } from './reduction.ts';
import { snl } from './snl/snl.ts';

/**
 * A way to meet a ReLU budget. All methods pass the contract of tests/pipelines/reduce/methods.test.ts;
 * options.ts says which options each takes.
 */
export type Method = {
  readonly summary: string;
  readonly reduce: (model: Model, options: ReductionOptions) => Promise<Reduction>;
};

export const methodNames = ['deepreduce', 'snl', 'autorep', 'deepreshape', 'hybrid'] as const;
export type MethodName = (typeof methodNames)[number];

export const methods: Record<MethodName, Method> = {
  deepreduce: {
    summary:
      'cull the least critical stages, then the cheapest ReLUs down to the budget, to polynomials or what --replace says (after DeepReDuce, ICML 2021)',
    reduce: deepreduce,
  },
  snl: {
    summary:
      'learn an alpha between ReLU and identity for each pixel or channel, the sum of alphas falling to the budget, and keep the largest (after SNL, ICML 2022)',
    reduce: snl,
  },
  autorep: {
    summary:
      'learn by an indicator of 0 or 1 for each pixel or channel, with hysteresis, which ReLUs stay; the others become trained polynomials (after AutoReP, ICCV 2023)',
    reduce: autorep,
  },
  deepreshape: {
    summary:
      'build and train another network of as many multiplications whose critical stages have most ReLUs, and remove ReLUs from it (after DeepReShape, TMLR 2024)',
    reduce: deepreshape,
  },
  hybrid: {
    summary:
      'fewest losses for a budget in ReLUs, seconds or bytes on a network: layers go whole, ReLUs become squares or lines, by what each costs the protocol; which ReLUs stay is learned for seconds and bytes, ranked for a count (ours)',
    reduce: hybrid,
  },
};
