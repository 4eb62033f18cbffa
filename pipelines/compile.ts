import type { Graph, Model } from '../models/graph.ts';
import { PlanError } from '../src/shared/errors.ts';
import type { OnProgress } from '../src/shared/progress.ts';
import type { Ranges } from './calibrate-ranges.ts';
import { calibrate } from './calibrate.ts';
import { lowerNode } from './lower.ts';
import { PlanBuilder } from './lower-builder.ts';
import { scaleLimits } from './lower-limits.ts';
import { planVersion } from './plan.ts';
import type { Plan } from './plan.ts';
import { isLinear, realLinear } from './quantise-real.ts';
import { quantise } from './quantise.ts';
import type { ServerWeights } from './quantise.ts';

export type CompileOptions = {
  /** Activations have a scale of about 2^precision. */
  readonly precision: number;
  /** Integer weights stay below 2^weightBits in size. */
  readonly weightBits: number;
  /** Calibrated ranges are taken 2^guardBits times larger. */
  readonly guardBits: number;
  /**
   * Low bits the sign test leaves out; 'free': those that the truncation drops anyway, an error below one unit of the output. Or by
   * activation node, 'free' where a node is not named.
   */
  readonly k: number | 'free' | Readonly<Record<string, number>>;
  /** Top bit of the sign test's window in every layer; from calibration where left out. */
  readonly bits?: number;
  readonly mode: 'posZero' | 'negPass';
};

export const defaultCompileOptions: CompileOptions = {
  precision: 12,
  weightBits: 10,
  guardBits: 1,
  k: 'free',
  mode: 'posZero',
};

/** All that the plan tells of the weights: the largest of each linear layer (in its scale), and the polynomials. */
export type PublicPart = {
  /** By node name. */
  readonly largestWeight: ReadonlyMap<string, number>;
  /** By node name, per channel. */
  readonly coefficients: ReadonlyMap<string, Coefficients>;
};

export type Coefficients = {
  readonly c2: Float32Array;
  readonly c1: Float32Array;
  readonly c0: Float32Array;
};

/** What a server needs to serve a model. The plan is public, the weights are its secret. */
export type Prepared = { readonly plan: Plan; readonly weights: ServerWeights; readonly ranges: Ranges };

export type Calibration = { readonly images: Float32Array; readonly n: number };

/**
 * From a model to a plan and its integer weights. `calibration`: images [n, C, H, W], on which the ranges of all values are
 * measured; some hundred do. Throws PlanError naming the node when the model can't run privately. Run `forInference` first.
 */
export async function prepare(
  model: Model,
  options: { readonly calibration: Calibration; readonly onProgress?: OnProgress } & Partial<CompileOptions>,
): Promise<Prepared> {
  const { calibration, onProgress, ...compileOptions } = options;
  const ranges = await calibrate(model, calibration, onProgress === undefined ? {} : { onProgress });
  const plan = compile(model.graph, ranges, publicPart(model), compileOptions);
  return { plan, weights: quantise(model, plan), ranges };
}

/** The plan of a graph. Sees no weights but what `PublicPart` holds. */
export function compile(
  graph: Graph,
  ranges: Ranges,
  publicly: PublicPart,
  options: Partial<CompileOptions> = {},
): Plan {
  const complete = checkOptions({ ...defaultCompileOptions, ...options });
  const limits = scaleLimits(graph, ranges, complete.guardBits, publicly.coefficients);
  const builder = new PlanBuilder(ranges, limits, publicly, complete);
  const [input, output] = ends(graph);
  const scale = 2 ** Math.floor(Math.log2(Math.min(2 ** complete.precision, builder.limit(input))));
  const inputWire = builder.addWire(input, scale);
  for (const node of liveNodes(graph)) lowerNode(node, builder);
  return {
    version: planVersion,
    name: graph.name.slice(0, 200),
    input: { wire: inputWire },
    output: { wire: builder.wireOf(output) },
    wires: builder.wires,
    steps: builder.steps,
  };
}

/** The part of a model that becomes public with its plan. */
export function publicPart(model: Model): PublicPart {
  const largestWeight = new Map<string, number>();
  const coefficients = new Map<string, Coefficients>();
  for (const node of model.graph.nodes) {
    if (isLinear(node)) {
      const { weights } = realLinear(model, node);
      largestWeight.set(
        node.name,
        weights.reduce((largest, w) => Math.max(largest, Math.abs(w)), 0),
      );
    }
    if (node.op === 'MixedActivation') {
      const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data);
      coefficients.set(node.name, { c2: c2!, c1: c1!, c0: c0! });
    }
  }
  return { largestWeight, coefficients };
}

function checkOptions(options: CompileOptions): CompileOptions {
  const bounds = { precision: [4, 20], weightBits: [2, 14], guardBits: [0, 8] } as const;
  for (const [name, [low, high]] of Object.entries(bounds)) {
    const value = options[name as keyof typeof bounds];
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new PlanError(`${name}: expected an integer from ${low} to ${high}, got ${value}`);
    }
  }
  const ks = typeof options.k === 'object' ? Object.values(options.k) : [options.k];
  for (const value of [...ks, options.bits]) {
    if (typeof value === 'number' && !(Number.isInteger(value) && value >= 0 && value <= 31)) {
      throw new PlanError(`sign test window: expected bits from 0 to 31, got ${value}`);
    }
  }
  return options;
}

function ends(graph: Graph): [string, string] {
  const [input, output] = [graph.inputs[0], graph.outputs[0]];
  if (input === undefined || output === undefined || graph.inputs.length + graph.outputs.length !== 2) {
    throw new PlanError(
      `graph ${graph.name}: expected one input and one output, got ${graph.inputs.length} and ${graph.outputs.length}`,
    );
  }
  return [input.name, output.name];
}

/** Nodes that the output depends on, in order. */
function liveNodes(graph: Graph): Graph['nodes'] {
  const needed = new Set(graph.outputs.map((value) => value.name));
  const live = graph.nodes.toReversed().filter((node) => {
    const isLive = node.outputs.some((name) => needed.has(name));
    if (isLive) node.inputs.forEach((name) => needed.add(name));
    return isLive;
  });
  return live.toReversed();
}
