import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** An optimiser. All trainable numbers of a network are one vector, and so is the gradient. */
export type Optimizer = {
  /** The state's vectors before the first step, for a network of `size` numbers. */
  readonly init: (size: number) => readonly Float32Array[];
  /** Appends one step. */
  readonly update: (graph: GraphBuilder, step: OptimizerStep) => OptimizerResult;
};

export type OptimizerStep = {
  readonly parameters: string;
  readonly gradient: string;
  readonly state: readonly string[];
  /** A scalar, or one number per parameter. */
  readonly learningRate: string;
  /** 1 for parameters with weight decay, 0 for the others. */
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

export type AdamWOptions = {
  readonly weightDecay: number;
  /** Decay of the mean of gradients (default: 0.9). */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients (default: 0.999). */
  readonly beta2?: number;
  /** Added to the denominator (default: 1e-8). */
  readonly epsilon?: number;
};

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2), where r is the learning rate:
 *
 *     m <- beta1 m + (1 - beta1) g      v <- beta2 v + (1 - beta2) g^2      p_k <- beta_k p_k (from 1)
 *     w <- w - r (m / (1 - p1) / (sqrt(v / (1 - p2)) + epsilon) + weightDecay w)
 */
export function adamW({ weightDecay, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 }: AdamWOptions): Optimizer {
  return {
    init: (size) => [new Float32Array(size), new Float32Array(size), Float32Array.of(1), Float32Array.of(1)],
    update(graph, { parameters, gradient, state, learningRate, decays }) {
      const scaled = (value: string, by: number) => graph.op('Mul', [value, graph.scalar(by)]);
      const mix = (old: string, beta: number, value: string) =>
        graph.op('Add', [scaled(old, beta), scaled(value, 1 - beta)]);
      const [m, v, power1, power2] = state as [string, string, string, string];
      const first = mix(m, beta1, gradient);
      const second = mix(v, beta2, graph.op('Mul', [gradient, gradient]));
      const powers = [scaled(power1, beta1), scaled(power2, beta2)] as const;
      const unbiased = (value: string, power: string) =>
        graph.op('Div', [value, graph.op('Sub', [graph.scalar(1), power])]);
      const spread = graph.op('Sqrt', [unbiased(second, powers[1])]);
      const denominator = graph.op('Add', [spread, graph.scalar(epsilon)]);
      const direction = graph.op('Div', [unbiased(first, powers[0]), denominator]);
      const decay = graph.op('Mul', [parameters, scaled(decays, weightDecay)]);
      const change = graph.op('Mul', [graph.op('Add', [direction, decay]), learningRate]);
      return { parameters: graph.op('Sub', [parameters, change]), state: [first, second, ...powers] };
    },
  };
}

/** The weight decay of the optimisers by name, for weights of two and more dimensions. */
export const usualWeightDecay = 5e-4;

/** The optimisers that `--optimizer` offers, each with its usual peak of the learning rate. */
export const optimizers = {
  sgd: { make: (weightDecay: number) => sgd({ momentum: 0.9, weightDecay }), learningRate: 0.1 },
  adamw: { make: (weightDecay: number) => adamW({ weightDecay }), learningRate: 0.001 },
} as const;
export type OptimizerName = keyof typeof optimizers;
