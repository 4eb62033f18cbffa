import { pooledSize } from '../plan/check.ts';
import { wireOf } from '../plan/plan.ts';
import type { AddStep, CombineStep, ConcatStep, PickStep, Plan, PoolSpec } from '../plan/plan.ts';
import type { OffsetStep, ReshapeStep, Step, SumPoolStep, WireId } from '../plan/plan.ts';

/** The steps that each party does on its own shares: they are linear over the ring and have no weights. */
export type LocalStep = AddStep | ConcatStep | SumPoolStep | ReshapeStep | PickStep | CombineStep;

export function isLocal(step: Step): step is LocalStep {
  return step.kind in localRules;
}

/** Returns the output's share from the inputs' shares. It also holds for the values themselves. */
export function runLocal(plan: Plan, step: LocalStep, inputs: readonly Uint32Array[]): Uint32Array {
  const rule = localRules[step.kind] as LocalRule<LocalStep>;
  return rule(step, inputs, plan);
}

/** The server's share of an `offset`'s output, or the value itself. */
export function withOffset({ value }: OffsetStep, x: Uint32Array): Uint32Array {
  return typeof value === 'number' ? x.map((word) => word + value) : x.map((word, i) => word + value[i]!);
}

type LocalRule<S extends LocalStep> = (step: S, inputs: readonly Uint32Array[], plan: Plan) => Uint32Array;

const localRules: { [K in LocalStep['kind']]: LocalRule<Extract<LocalStep, { kind: K }>> } = {
  add: (step, inputs) => addShifted(inputs, step.shifts),
  concat: (step, inputs) => joinBlocks(inputs, step.shifts, step.blocks),
  sumPool: (step, inputs, plan) => sumPool(inputs[0]!, wireOf(plan, step.inputs[0]!).shape, step.spec),
  reshape: (_step, inputs) => inputs[0]!,
  pick: (step, [x], plan) => picked(plan, step.inputs[0]!, x!, step.axis, step.indices),
  combine: ({ inputs, axis, first, second, sign }, [x, y], plan) => {
    const sum = picked(plan, inputs[0]!, x!, axis, first);
    const other = picked(plan, inputs[1]!, y!, axis, second);
    for (let i = 0; i < sum.length; i++) sum[i]! += sign * other[i]!;
    return sum;
  },
};

function addShifted(inputs: readonly Uint32Array[], shifts: readonly number[]): Uint32Array {
  const sum = new Uint32Array(inputs[0]!.length);
  inputs.forEach((input, k) => {
    const shift = shifts[k]!;
    for (let i = 0; i < sum.length; i++) sum[i]! += input[i]! << shift;
  });
  return sum;
}

function joinBlocks(inputs: readonly Uint32Array[], shifts: readonly number[], blocks: number): Uint32Array {
  const joined = new Uint32Array(inputs.reduce((sum, input) => sum + input.length, 0));
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    inputs.forEach((input, k) => {
      const size = input.length / blocks;
      const part = input.subarray(block * size, (block + 1) * size);
      joined.set(shifts[k] === 0 ? part : part.map((x) => x << shifts[k]!), at);
      at += size;
    });
  }
  return joined;
}

function picked(
  plan: Plan,
  wire: WireId,
  values: Uint32Array,
  axis: number,
  indices: readonly number[],
): Uint32Array {
  const { shape } = wireOf(plan, wire);
  const length = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const outer = values.length / (length * inner);
  const result = new Uint32Array(outer * indices.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const index of indices) {
      const from = (o * length + index) * inner;
      for (let i = from; i < from + inner; i++) result[at++] = values[i]!;
    }
  }
  return result;
}

function sumPool(input: Uint32Array, shape: readonly number[], spec: PoolSpec): Uint32Array {
  const [channels, height, width] = shape as [number, number, number];
  const [rows, columns] = pooledSize(spec, height, width);
  const output = new Uint32Array(channels * rows * columns);
  for (let c = 0, at = 0; c < channels; c++) {
    const image = input.subarray(c * height * width, (c + 1) * height * width);
    for (let i = 0; i < rows; i++) {
      const [top, bottom] = window(i, 0, spec, height);
      for (let j = 0; j < columns; j++, at++) {
        const [left, right] = window(j, 1, spec, width);
        output[at] = sumWindow(image, width, top, bottom, left, right);
      }
    }
  }
  return output;
}

/** The first index and the last index + 1 of a window along an axis, without the padding. */
function window(index: number, axis: 0 | 1, spec: PoolSpec, length: number): [number, number] {
  const start = index * spec.strides[axis] - spec.pads[axis];
  return [Math.max(0, start), Math.min(length, start + spec.kernel[axis])];
}

function sumWindow(
  image: Uint32Array,
  width: number,
  top: number,
  bottom: number,
  left: number,
  right: number,
): number {
  let sum = 0;
  for (let i = top; i < bottom; i++) {
    for (let j = left; j < right; j++) sum = (sum + image[i * width + j]!) | 0;
  }
  return sum;
}
