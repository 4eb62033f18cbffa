import { inferShapes, inputShapes } from './shapes.ts';
import type { Model, Node } from '../graph.ts';
import { isActivation } from '../ops/activations/activation.ts';
import type { NodeCost } from '../ops/definition.ts';
import { costOfNode } from '../ops/index.ts';
import type { Shape } from '../tensor.ts';

/** The counts for one image, which `reluctant inspect --json` prints. */
export type Inspection = {
  readonly relus: number;
  readonly macs: number;
  readonly params: number;
  readonly layers: readonly LayerInspection[];
  /** Always empty, because a Model has supported ops only. `readReport` describes files with other ops. */
  readonly unsupported: readonly never[];
};

export type LayerInspection = {
  readonly name: string;
  readonly op: string;
  readonly output_shape: Shape;
  readonly relus: number;
  readonly macs: number;
};

/**
 * Counts ReLUs, multiplications and parameters for one image. A max pool counts k*k - 1 ReLUs per output, as
 * in published counts. The private maximum makes fewer comparisons where windows overlap or reach over the
 * border, because two windows share a pair; `plan` counts those (pipelines/compile/lower/maximum.ts).
 */
export function inspect(model: Model): Inspection {
  const shapes = inferShapes(model);
  const costs = model.graph.nodes.map((node) => costOf(model, node, shapes));
  const total = (key: keyof NodeCost) => costs.reduce((sum, cost) => sum + cost[key], 0);
  const layers = model.graph.nodes.map((node, i) => ({
    name: node.name,
    op: node.op,
    output_shape: shapes.get(node.outputs[0]!)!,
    relus: costs[i]!.relus,
    macs: costs[i]!.macs,
  }));
  return { relus: total('relus'), macs: total('macs'), params: total('params'), layers, unsupported: [] };
}

/** The scalar ReLUs of one private inference. */
export function countRelus(model: Model): number {
  return inspect(model).relus;
}

/** The activation nodes, which a reduction may replace. Max pools need ReLUs too but are not among them. */
export function activationsOf(model: Model): Node[] {
  return model.graph.nodes.filter(isActivation);
}

export type Stage = {
  /** 'S1', 'S2', ... in the order from the input. */
  readonly name: string;
  /** [height, width]; [] for activations of a fully connected layer. */
  readonly resolution: Shape;
  readonly nodes: readonly string[];
  readonly relus: number;
};

/**
 * Groups the activation nodes by resolution, in graph order. A stem counts with the first stage of its
 * resolution. Stages are public, because they follow from the graph alone.
 */
export function stagesOf(model: Model): Stage[] {
  const shapes = inferShapes(model);
  const stages: { resolution: Shape; nodes: string[]; relus: number }[] = [];
  for (const node of activationsOf(model)) {
    const resolution = shapes.get(node.outputs[0]!)!.slice(1);
    const { relus } = costOf(model, node, shapes);
    const stage = stages.find((s) => s.resolution.join() === resolution.join());
    if (stage === undefined) stages.push({ resolution, nodes: [node.name], relus });
    else {
      stage.nodes.push(node.name);
      stage.relus += relus;
    }
  }
  return stages.map((stage, i) => ({ name: `S${i + 1}`, ...stage }));
}

function costOf(model: Model, node: Node, shapes: ReadonlyMap<string, Shape>): NodeCost {
  return costOfNode(node, {
    inputs: inputShapes(node, shapes, model),
    outputs: node.outputs.map((name) => shapes.get(name)!),
    isWeight: node.inputs.map((name) => model.weights.has(name)),
  });
}
