import type { Node } from '../graph.ts';
import type { RawNode } from '../onnx/raw.ts';
import type { Shape } from '../tensor.ts';
import type { Cost } from './definition.ts';

export const free: Cost = { macs: 0, relus: 0, params: 0 };

/** The ONNX node of an op without attributes. */
export function writePlain(node: Node): readonly RawNode[] {
  return [{ op: node.op, name: node.name, inputs: node.inputs, outputs: node.outputs }];
}

/** The shape rule of an elementwise op. */
export function sameShape(_attributes: unknown, [x = []]: readonly Shape[]): readonly Shape[] {
  return [x];
}
