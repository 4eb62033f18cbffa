import { AttributeReader } from '../ops/attributes.ts';
import type { Ending } from '../ending.ts';
import type { FileNode, RawFile } from '../onnx/decode.ts';
import type { Shape } from '../tensor.ts';

/**
 * The ops that are taken off the end of a network, with their default axis by opset. The client puts them
 * back; it finds the largest logit in any case.
 */
const ends: Readonly<Record<string, { axis: (opset: number) => number; ending: Ending | undefined }>> = {
  Softmax: { axis: (opset) => (opset < 13 ? 1 : -1), ending: 'softmax' },
  LogSoftmax: { axis: (opset) => (opset < 13 ? 1 : -1), ending: 'logSoftmax' },
  ArgMax: { axis: () => 0, ending: undefined },
  Sigmoid: { axis: () => -1, ending: 'sigmoid' },
};

/** Whether the node's op is one that is taken off the end of a network. */
export function mayEnd(node: FileNode): boolean {
  return node.domain === '' && Object.hasOwn(ends, node.op);
}

/** Whether nothing but the graph, or an ArgMax at its end, reads the value. */
export function isEnd(file: RawFile, value: string): boolean {
  const readers = file.nodes.filter(({ inputs }) => inputs.includes(value));
  if (file.outputs.includes(value)) return readers.length === 0;
  const [reader, ...others] = readers;
  if (reader?.op !== 'ArgMax' || reader.domain !== '' || others.length > 0) return false;
  return file.outputs.includes(reader.outputs[0]!) && isEnd(file, reader.outputs[0]!);
}

/**
 * What the node makes of logits of this shape for the client to put back; undefined if it does not work over
 * the classes alone. Refuses attributes that it does not know.
 */
export function endOf(node: FileNode, shape: Shape): { readonly ending: Ending | undefined } | undefined {
  const attributes = new AttributeReader(node.attributes());
  const axis = attributes.int('axis', ends[node.op]!.axis(node.opset));
  attributes.int('keepdims', 1);
  const [classes = 0, ...places] = shape;
  const fewest = node.op === 'Sigmoid' ? 1 : 2; // one logit's sign is the answer of two classes
  const isOverClasses = classes >= fewest && places.length === 0 && (axis === 1 || axis === -1);
  if (!isOverClasses || attributes.int('select_last_index', 0) !== 0) return undefined;
  attributes.finish();
  const { ending } = ends[node.op]!;
  // One logit is read as two, whose softmax is its sigmoid.
  return { ending: ending === 'sigmoid' && classes === 1 ? 'softmax' : ending };
}
