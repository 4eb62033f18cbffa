import type { TrainingContext } from './gradient.ts';
import { sizeOf } from '../tensor.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { writePlain } from './plain.ts';

/** y = x B. Inputs: x [K], B [K, M]. */
export const matMul: OpDefinition<'MatMul'> = {
  does: 'Matrix product with a weight',
  refuses: 'products of two computed values; more than two dimensions',
  inputs: ['value', 'weight'],
  parse: () => ({}),
  shape(_attributes, [x = [], weight = []]) {
    const [features, maps] = weight;
    if (weight.length !== 2 || maps === undefined) refuse(`weight [${weight.join(', ')}] is not a matrix`);
    if (x.length !== 1 || x[0] !== features)
      refuse(`input N x [${x.join(', ')}] does not fit the weight's ${features} features`);
    return [[maps]];
  },
  gradient(node, context) {
    const [x, weight] = node.inputs as [string, string];
    context.forward(node);
    return (dy, wanted) => matrixGradient(context, { x, weight, alpha: 1, transB: false }, dy, wanted);
  },
  cost(_attributes, { inputs: [, weight = []] }) {
    return { macs: sizeOf(weight), relus: 0, params: sizeOf(weight) };
  },
  write: writePlain,
};

type Product = {
  readonly x: string;
  readonly weight: string;
  readonly alpha: number;
  readonly transB: boolean;
};

/** The gradients of x and B in y = alpha x B', where B' is B, or its transpose if transB is set. */
export function matrixGradient(
  { graph }: TrainingContext,
  { x, weight, alpha, transB }: Product,
  dy: string,
  wanted: readonly boolean[],
): [string | undefined, string | undefined] {
  const scaled = { alpha: { float: alpha } };
  const ofInput = () => graph.op('Gemm', [dy, weight], { ...scaled, transB: { int: transB ? 0 : 1 } });
  const ofWeight = () => graph.op('Gemm', transB ? [dy, x] : [x, dy], { ...scaled, transA: { int: 1 } });
  return [wanted[0] ? ofInput() : undefined, wanted[1] ? ofWeight() : undefined];
}
