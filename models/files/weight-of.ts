import type { OpType } from '../graph.ts';
import { refuse } from '../refusal.ts';
import type { ParsedInput } from '../ops/definition.ts';
import type { Shape, Tensor } from '../tensor.ts';
import type { RawTensor } from '../onnx/raw.ts';

/**
 * Turns a constant into a weight of our graph, whose shape leaves out the batch. Refuses a constant that is
 * empty, has another type than floats, or holds a value that is not finite.
 */
export function weightOf(op: OpType, { name, shape, data, ...rest }: RawTensor, valueRank: number): Tensor {
  if (!(data instanceof Float32Array)) refuse(`input ${name} is of type ${rest.dtype}; expected floats`);
  if (!allFinite(data)) refuse(`weight ${name} holds a value that is not finite`);
  if (data.length === 0) refuse(`weight ${name} is empty`);
  if (broadcasting.has(op)) return { shape: withoutBatch(shape, valueRank), data };
  return { shape: shape.length === 0 ? [1] : shape, data };
}

/** Ops whose weights ONNX broadcasts against the value. */
const broadcasting: ReadonlySet<OpType> = new Set<OpType>(['Add', 'Mul', 'PRelu']);

export function valueRankOf(inputs: readonly ParsedInput[]): number {
  return Math.max(...inputs.map((input) => (input.constant ? 0 : (input.shape?.length ?? 0))));
}

/** The shape of a constant that broadcasts with N x [...], without the batch's leading 1. */
function withoutBatch(shape: Shape, valueRank: number): Shape {
  const extra = shape.length - valueRank;
  if (extra > 1 || (extra === 1 && shape[0] !== 1))
    refuse(`its constant [${shape.join(', ')}] differs over the batch`);
  return extra === 1 ? shape.slice(1) : shape;
}

/** This is a loop because some() takes 1.2 s for the 138 million weights of VGG-16, and the loop 0.2 s. */
function allFinite(data: Float32Array): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
