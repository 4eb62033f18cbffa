import type { Node } from '../graph.ts';
import type { RawNode } from '../onnx/raw.ts';
import type { Shape } from '../tensor.ts';
import type { NodeCost } from './definition.ts';
import type { Pullback, TrainingContext } from './gradient.ts';

export const free: NodeCost = { macs: 0, relus: 0, params: 0 };

/** The ONNX node of an op without attributes. */
export function writePlain(node: Node): readonly RawNode[] {
  return [{ op: node.op, name: node.name, inputs: node.inputs, outputs: node.outputs }];
}

/** The output shape of an elementwise op: its input's. */
export function sameShape(_attributes: unknown, [x = []]: readonly Shape[]): readonly Shape[] {
  return [x];
}

/** The gradient of an op that computes the identity. */
export function passThrough(node: Node, { forward }: TrainingContext): Pullback {
  forward(node);
  return (dy) => [dy];
}

/** The gradient of an op that only changes the shape. */
export function backToShape(node: Node, { graph, forward, shapeOf }: TrainingContext): Pullback {
  forward(node);
  return (dy) => [graph.reshape(dy, shapeOf(node.inputs[0]!))];
}
