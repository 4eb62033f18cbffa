import { inferShapes, inputShapes } from './shapes.ts';
import type { Model, Node } from '../graph.ts';
import { isActivation } from '../ops/activation.ts';
import type { Cost } from '../ops/definition.ts';
import { costOfNode } from '../ops/index.ts';
import type { Shape } from '../tensor.ts';

/** What `reluctant inspect --json` prints; one image. */
export type Inspection = {
  readonly relus: number;
  readonly macs: number;
  readonly params: number;
  readonly layers: readonly LayerInspection[];
  /** Always empty: a Model holds supported ops only. Files with others are described by readReport. */
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
 * Counts for one image. A max pooling counts k*k - 1 an output, as published counts do. The protocol's tree makes fewer comparisons where
 * windows overlap or the border cuts them, as two windows share a pair: `plan` has its count (pipelines/compile/lower/maximum.ts).
 */
export function inspect(model: Model): Inspection {
  const shapes = inferShapes(model);
  const costs = model.graph.nodes.map((node) => costOf(model, node, shapes));
  const total = (key: keyof Cost) => costs.reduce((sum, cost) => sum + cost[key], 0);
  const layers = model.graph.nodes.map((node, i) => ({
    name: node.name,
    op: node.op,
    output_shape: shapes.get(node.outputs[0]!)!,
    relus: costs[i]!.relus,
    macs: costs[i]!.macs,
  }));
  return { relus: total('relus'), macs: total('macs'), params: total('params'), layers, unsupported: [] };
}

/** Scalar ReLUs of one private inference. */
export function countRelus(model: Model): number {
  return inspect(model).relus;
}

/** The activation nodes: the ones a reduction may replace. Max poolings count ReLUs too but are not among them. */
export function activationsOf(model: Model): Node[] {
  return model.graph.nodes.filter(isActivation);
}

export type Stage = {
  /** 'S1', 'S2', ... from the input on. */
  readonly name: string;
  /** [height, width]; [] for activations of a fully connected layer. */
  readonly resolution: Shape;
  readonly nodes: readonly string[];
  readonly relus: number;
};

/**
 * Groups of activation nodes between changes of resolution, in graph order. A stem counts with the first stage of its
 * resolution. Public: it follows from the graph alone.
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

function costOf(model: Model, node: Node, shapes: ReadonlyMap<string, Shape>): Cost {
  return costOfNode(node, {
    inputs: inputShapes(node, shapes, model),
    outputs: node.outputs.map((name) => shapes.get(name)!),
    isWeight: node.inputs.map((name) => model.weights.has(name)),
  });
}
