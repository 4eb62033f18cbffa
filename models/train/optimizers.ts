import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** All trainable numbers of a network are one vector; so are its gradient and each part of an optimiser's state. */
export type Optimizer = {
  /** The state before the first step: vectors of `size` numbers. */
  readonly init: (size: number) => readonly Float32Array[];
  /** Appends one step. */
  readonly update: (graph: GraphBuilder, step: OptimizerStep) => OptimizerResult;
};

export type OptimizerStep = {
  readonly parameters: string;
  readonly gradient: string;
  readonly state: readonly string[];
  /** A scalar. */
  readonly learningRate: string;
  /** 1 where weight decay applies, 0 elsewhere. */
  readonly decays: string;
};

export type OptimizerResult = { readonly parameters: string; readonly state: readonly string[] };

export type SgdOptions = {
  readonly momentum: number;
  readonly weightDecay: number;
};

/**
 * SGD with Nesterov momentum, as PyTorch computes it:
 *
 *     g <- g + weightDecay w      v <- momentum v + g      w <- w - learningRate (g + momentum v)
 */
export function sgd({ momentum, weightDecay }: SgdOptions): Optimizer {
  return {
    init: (size) => [new Float32Array(size)],
    update(graph, { parameters, gradient, state, learningRate, decays }) {
      const scaled = (value: string, by: number) => graph.op('Mul', [value, graph.scalar(by)]);
      const decay = graph.op('Mul', [parameters, scaled(decays, weightDecay)]);
      const g = weightDecay === 0 ? gradient : graph.op('Add', [gradient, decay]);
      const velocity = graph.op('Add', [scaled(state[0]!, momentum), g]);
      const direction = graph.op('Add', [g, scaled(velocity, momentum)]);
      const change = graph.op('Mul', [direction, learningRate]);
      return { parameters: graph.op('Sub', [parameters, change]), state: [velocity] };
    },
  };
}
