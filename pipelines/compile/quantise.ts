import { weightCount } from '../../crypto/spec.ts';
import type { LinearWeights } from '../../crypto/spec.ts';
import type { Model, Node } from '../../models/graph.ts';
import { ModelError, PlanError } from '../../src/shared/errors.ts';
import { inputOf, wireOf } from '../plan/plan.ts';
import type { BiasStep, LinearStep, Plan } from '../plan/plan.ts';
import { largestOf } from './largest.ts';
import { isLinear, realConstant, realLinear } from './real-weights.ts';

/** The server's secret weights by step number. A bias step has no weights, and a bias per element. */
export type ServerWeights = ReadonlyMap<number, LinearWeights>;

/**
 * The integer weights of every step that has some, at the plan's scales. Throws ModelError if the plan is of
 * another model, and PlanError if a bias does not fit the ring.
 */
export function quantise(model: Model, plan: Plan): ServerWeights {
  const nodes = new Map(model.graph.nodes.map((node) => [node.name, node]));
  const nodeOf = (name: string) => nodes.get(name) ?? fail(`node ${name} of the plan is not in the model`);
  const weights = new Map<number, LinearWeights>();
  for (const step of plan.steps) {
    if (step.kind === 'linear') weights.set(step.id, linearWeights(model, nodeOf(step.node), plan, step));
    if (step.kind === 'bias') weights.set(step.id, constantOf(model, nodeOf(step.node), plan, step));
  }
  return weights;
}

function linearWeights(model: Model, node: Node, plan: Plan, step: LinearStep): LinearWeights {
  if (!isLinear(node)) fail(`node ${node.name} is not a linear layer`);
  const real = realLinear(model, node);
  const scale = wireOf(plan, step.output).scale;
  const weights = rounded(real.weights, scale / wireOf(plan, inputOf(step)).scale);
  const { spec } = step;
  const expected = weightCount(spec);
  if (weights.length !== expected || real.bias.length !== spec.outChannels) {
    fail(`node ${node.name}: expected ${expected} weights, got ${weights.length}`);
  }
  if (largestOf(weights) >= 2 ** spec.weightBits) {
    fail(`node ${node.name}: a weight is larger than the plan's ${spec.weightBits} bits`);
  }
  return { weights, bias: biasAt(real.bias, scale, node) };
}

function constantOf(model: Model, node: Node, plan: Plan, step: BiasStep): LinearWeights {
  const name =
    node.inputs.find((input) => model.weights.has(input)) ?? fail(`node ${node.name} adds no constant`);
  const { shape, scale } = wireOf(plan, step.output);
  const bias = realConstant(model.weights.get(name)!, shape);
  return { weights: new Int32Array(0), bias: biasAt(bias, scale, node) };
}

function rounded(values: Float64Array, scale: number): Int32Array {
  const integers = new Int32Array(values.length);
  // Int32Array.from would take thirty times as long: 2 s for the weights of ResNet-18.
  for (let i = 0; i < integers.length; i++) integers[i] = Math.round(values[i]! * scale);
  return integers;
}

function biasAt(bias: Float64Array, scale: number, node: Node): Int32Array {
  if (bias.some((b) => !(Math.abs(b * scale) < 2 ** 31))) {
    throw new PlanError(
      `node ${node.name} (${node.op}) cannot run privately: its bias does not fit the 32-bit ring`,
    );
  }
  return rounded(bias, scale);
}

function fail(message: string): never {
  throw new ModelError(`quantise: ${message}`);
}
