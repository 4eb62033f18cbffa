import type { Graph, Model } from '../../models/graph.ts';
import { sizeOf } from '../../models/tensor.ts';
import type { Tensor } from '../../models/tensor.ts';
import { defined } from '../../src/shared/defined.ts';
import { PlanError } from '../../src/shared/errors.ts';
import { averagedScales } from './averaged-scales.ts';
import type { Ranges } from './ranges.ts';
import { checkOptions, defaultCompileOptions } from './options.ts';
import type { Coefficients, CompileOptions, PublicPart } from './options.ts';
import { largestOf } from './largest.ts';
import { lowerNode } from './lower/index.ts';
import { labelRoom, lowerLabel } from './lower/label.ts';
import { PlanBuilder } from './plan-builder.ts';
import { preciseScales } from './precise-scales.ts';
import { scaleLimits } from './scale-limits.ts';
import { printableClass } from '../plan/classes.ts';
import { planVersion } from '../plan/plan.ts';
import type { Output, Plan } from '../plan/plan.ts';
import { isLinear, realLinear } from './real-weights.ts';

/**
 * Compiles a graph to a plan. It sees no more of the weights than `PublicPart`. Throws PlanError for a graph
 * that cannot run privately.
 */
export function compile(
  graph: Graph,
  ranges: Ranges,
  publicly: PublicPart,
  options: Partial<CompileOptions> = {},
): Plan {
  const complete = checkOptions({
    ...defaultCompileOptions,
    ...defined({ leftOut: graph.leftOut }),
    ...options,
  });
  const [input, output] = ends(graph);
  const room = complete.answer === 'label' ? labelRoom(sizeOf(ranges.get(output)!.shape)) : 0;
  const highest = scaleLimits(graph, ranges, complete.guardBits, publicly.coefficients, room);
  const precise = preciseScales(graph, ranges, complete);
  const limits = averagedScales(graph, ranges, { highest, precise }, publicly, complete);
  const builder = new PlanBuilder(ranges, limits, publicly, complete, precise);
  const scale = 2 ** Math.floor(Math.log2(Math.min(builder.preciseScale(input), builder.limit(input))));
  const inputWire = builder.addWire(input, scale);
  for (const node of liveNodes(graph)) lowerNode(node, builder);
  builder.checkRoom();
  return {
    version: planVersion,
    name: graph.name.slice(0, 200),
    input: { wire: inputWire },
    output: outputOf(builder, output),
    wires: builder.wires,
    steps: builder.steps,
    ...(graph.preprocessing && { preprocessing: graph.preprocessing }),
    ...(graph.ending && { ending: graph.ending }),
    ...(graph.classes && { classes: graph.classes.map(printableClass) }),
  };
}

function outputOf(builder: PlanBuilder, name: string): Output {
  const logits = builder.wireOf(name);
  if (builder.options.answer === 'logits') return { answer: 'logits', wire: logits };
  return { answer: 'label', wire: lowerLabel(builder, logits), logits };
}

/** The part of a model's weights that its plan makes public. */
export function publicPart(model: Model): PublicPart {
  const largestWeight = new Map<string, number>();
  const coefficients = new Map<string, Coefficients>();
  const slopes = new Map<string, Tensor>();
  for (const node of model.graph.nodes) {
    if (isLinear(node)) {
      largestWeight.set(node.name, largestOf(realLinear(model, node).weights));
    }
    if (node.op === 'MixedActivation') {
      const [c2, c1, c0] = node.inputs.slice(1).map((name) => model.weights.get(name)!.data);
      coefficients.set(node.name, { c2: c2!, c1: c1!, c0: c0! });
    }
    if (node.op === 'PRelu') slopes.set(node.name, model.weights.get(node.inputs[1]!)!);
  }
  return { largestWeight, coefficients, slopes };
}

function ends(graph: Graph): [string, string] {
  const [input, output] = [graph.inputs[0], graph.outputs[0]];
  if (input === undefined || output === undefined || graph.inputs.length + graph.outputs.length !== 2) {
    throw new PlanError(
      `graph ${graph.name}: expected one input and one output, ` +
        `got ${graph.inputs.length} and ${graph.outputs.length}`,
    );
  }
  return [input.name, output.name];
}

/** The nodes that the output depends on, in order. */
function liveNodes(graph: Graph): Graph['nodes'] {
  const needed = new Set(graph.outputs.map((value) => value.name));
  const live = graph.nodes.toReversed().filter((node) => {
    const isLive = node.outputs.some((name) => needed.has(name));
    if (isLive) node.inputs.forEach((name) => needed.add(name));
    return isLive;
  });
  return live.toReversed();
}
