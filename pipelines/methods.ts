import type { Model } from '../models/graph.ts';
import { deepreduce } from './deepreduce/deepreduce.ts';
import type { Reduction, ReductionOptions } from './reduction.ts';

/** One way to meet a ReLU budget. All of them pass the contract of tests/pipelines/methods.test.ts. */
export type Method = {
  readonly summary: string;
  readonly reduce: (model: Model, options: ReductionOptions) => Promise<Reduction>;
};

export const methodNames = ['deepreduce'] as const;
export type MethodName = (typeof methodNames)[number];

export const methods: Record<MethodName, Method> = {
  deepreduce: {
    summary:
      'cull the least critical stages, then the cheapest ReLUs down to the budget, all to polynomials (after DeepReDuce, ICML 2021)',
    reduce: deepreduce,
  },
};
