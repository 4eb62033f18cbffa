import type { Model } from '../../models/graph.ts';
import { autorep } from './autorep/autorep.ts';
import { deepreduce } from './deepreduce/deepreduce.ts';
import { deepreshape } from './deepreshape/deepreshape.ts';
import { hybrid } from './hybrid/hybrid.ts';
import type { Reduction, ReductionOptions } from './reduction.ts';
import { snl } from './snl/snl.ts';
import { taylor } from './taylor/taylor.ts';

/**
 * A way to meet a ReLU budget. All methods pass the contract of tests/pipelines/reduce/methods.test.ts;
 * options.ts says which options each takes.
 */
export type Method = {
  readonly summary: string;
  readonly reduce: (model: Model, options: ReductionOptions) => Promise<Reduction>;
};

export const methodNames = ['deepreduce', 'snl', 'autorep', 'taylor', 'deepreshape', 'hybrid'] as const;
export type MethodName = (typeof methodNames)[number];

export const methods: Record<MethodName, Method> = {
  deepreduce: {
    summary:
      'replaces all ReLUs of the least critical stages, then the least useful others, by polynomials (DeepReDuce, ICML 2021)',
    reduce: deepreduce,
  },
  snl: {
    summary:
      'learns a factor alpha between ReLU and identity for each pixel or channel, and keeps the ReLUs with the largest (SNL, ICML 2022)',
    reduce: snl,
  },
  autorep: {
    summary:
      'learns a 0-or-1 indicator with hysteresis for each pixel or channel, and trains polynomials for the ReLUs it removes (AutoReP, ICCV 2023)',
    reduce: autorep,
  },
  taylor: {
    summary:
      'scores each ReLU by how much the loss would change without it, and replaces those with the lowest scores step by step (ReLUPruner, AAAI 2026)',
    reduce: taylor,
  },
  deepreshape: {
    summary:
      'trains a new network with as many multiplications but more ReLUs in critical stages, then removes ReLUs (DeepReShape, TMLR 2024)',
    reduce: deepreshape,
  },
  hybrid: {
    summary:
      'meets a budget in ReLUs, seconds or bytes with the least loss: it weighs what each layer and ReLU costs the protocol (ours)',
    reduce: hybrid,
  },
};
