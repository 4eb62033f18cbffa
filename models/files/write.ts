import { writeFileAtomic } from '../../src/shared/files.ts';
import { inferShapes } from '../analysis/shapes.ts';
import type { Model, Value } from '../graph.ts';
import type { NodeWriting } from '../ops/definition.ts';
import { writeNode } from '../ops/index.ts';
import { encodeRawModel } from '../onnx/raw.ts';
import { metadataOf } from './metadata.ts';
import type { RawFunction, RawGraph, RawTensor, RawValue } from '../onnx/raw.ts';

/** The name of the batch dimension in files. */
export const batchDimension = 'N';

/**
 * Returns the bytes of an .onnx file (opset 17, symbolic batch size). Throws ModelError if the graph's shapes
 * do not fit.
 */
export function writeModel(model: Model): Uint8Array {
  return encodeRawModel(lowerGraph(model));
}

/** Writes an .onnx file atomically: a reader sees either the old file or the whole new one. */
export async function saveModel(path: string, model: Model): Promise<void> {
  await writeFileAtomic(path, writeModel(model));
}

/** The network in ONNX's standard ops, with its weights as initialisers. */
export function lowerGraph(model: Model): RawGraph {
  const shapes = inferShapes(model);
  const taken = new Set([...shapes.keys(), ...model.weights.keys()]);
  const functions = new Map<string, RawFunction>();
  const constants: RawTensor[] = [];
  const writing: NodeWriting = {
    constant(name, value) {
      const fresh = freshName(name, taken);
      constants.push({ name: fresh, ...value });
      return fresh;
    },
    useFunction: (definition) => void functions.set(`${definition.domain}.${definition.name}`, definition),
    fresh: (name) => freshName(name, taken),
    shapeOf: (name) => (model.weights.get(name)?.shape ?? shapes.get(name))!,
  };
  const nodes = model.graph.nodes.flatMap((node) => writeNode(node, writing));
  return {
    name: model.graph.name,
    inputs: model.graph.inputs.map(batched),
    outputs: model.graph.outputs.map(batched),
    nodes,
    initializers: [...weightsOf(model), ...constants],
    functions: [...functions.values()],
    metadata: metadataOf(model.graph),
  };
}

function weightsOf(model: Model): RawTensor[] {
  return [...model.weights].map(([name, { shape, data }]) => ({ name, dtype: 'float32', shape, data }));
}

function batched({ name, shape }: Value): RawValue {
  return { name, dtype: 'float32', shape: [batchDimension, ...shape] };
}

function freshName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let i = 1; taken.has(name); i++) name = `${wanted}.${i}`;
  taken.add(name);
  return name;
}
