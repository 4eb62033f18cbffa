import type { OpType } from '../graph.ts';
import { refuse } from '../refusal.ts';
import type { ParsedInput } from '../ops/definition.ts';
import type { Shape, Tensor } from '../tensor.ts';
import type { RawTensor } from '../onnx/raw.ts';

/** A constant as a weight of our graph, where batches are left out. Refuses what is not finite floats. */
export function weightOf(op: OpType, { name, shape, data, ...rest }: RawTensor, valueRank: number): Tensor {
  if (!(data instanceof Float32Array)) refuse(`input ${name} is of type ${rest.dtype}; expected floats`);
  if (!allFinite(data)) refuse(`weight ${name} holds a value that is not finite`);
  if (data.length === 0) refuse(`weight ${name} is empty`);
  if (broadcasting.has(op)) return { shape: withoutBatch(shape, valueRank), data };
  return { shape: shape.length === 0 ? [1] : shape, data };
}

/** Ops whose weights line up with a value as ONNX broadcasts them. */
const broadcasting: ReadonlySet<OpType> = new Set<OpType>(['Add', 'Mul', 'PRelu']);

export function valueRankOf(inputs: readonly ParsedInput[]): number {
  return Math.max(...inputs.map((input) => (input.constant ? 0 : (input.shape?.length ?? 0))));
}

/** A constant summand of N x [...]: its shape as ONNX aligns it, the batch's 1 left out. */
function withoutBatch(shape: Shape, valueRank: number): Shape {
  const extra = shape.length - valueRank;
  if (extra > 1 || (extra === 1 && shape[0] !== 1))
    refuse(`a constant [${shape.join(', ')}] that differs over the batch`);
  return extra === 1 ? shape.slice(1) : shape;
}

/** A loop: some() takes 1.2 s for the 138 million weights of VGG-16, this 0.2 s. */
function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
