import { mixedActivationGradient } from './mixed-activation-gradient.ts';
import { areKinds, countByKind, kindsAmong, namesOf } from '../../../src/shared/kinds.ts';
import { activationKinds, isPolynomial, isReluKind } from '../../graph.ts';
import type { ByActivationKind } from '../../graph.ts';
import type { RawFunction, RawNode } from '../../onnx/raw.ts';
import { sizeOf } from '../../tensor.ts';
import type { Shape } from '../../tensor.ts';
import { refuse } from '../../refusal.ts';
import type { OpDefinition, ParsedInput } from '../definition.ts';

export const mixedDomain = 'reluctant';

/** How the function below has a kind of element. */
type Branch = {
  /** The input that says which elements are of the kind. */
  readonly mask: string;
  /** What computes their value. */
  readonly nodes: readonly RawNode[];
  readonly value: string;
  /** The value of all other elements: `x` in the last branch. */
  readonly otherwise: string;
};

/** What no mask has is an identity. */
const branches: ByActivationKind<Branch | undefined> = {
  identity: undefined,
  relu: {
    mask: 'is_relu',
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['relu'] }],
    value: 'relu',
    otherwise: 'linear_or_poly',
  },
  poly: {
    mask: 'is_poly',
    nodes: [
      { op: 'Reshape', inputs: ['c2', 'alignment'], outputs: ['k2'] },
      { op: 'Reshape', inputs: ['c1', 'alignment'], outputs: ['k1'] },
      { op: 'Reshape', inputs: ['c0', 'alignment'], outputs: ['k0'] },
      { op: 'Mul', inputs: ['x', 'k2'], outputs: ['quadratic'] },
      { op: 'Add', inputs: ['quadratic', 'k1'], outputs: ['slope'] },
      { op: 'Mul', inputs: ['slope', 'x'], outputs: ['product'] },
      { op: 'Add', inputs: ['product', 'k0'], outputs: ['poly'] },
    ],
    value: 'poly',
    otherwise: 'x',
  },
};
const masked = namesOf(branches).flatMap((kind) => {
  const branch = branches[kind];
  return branch === undefined ? [] : [{ kind, ...branch }];
});

/**
 * Inputs: x [C, H, W] or [C], then c2, c1, c0, each [C]. A file has it as a model-local function of x, the
 * masks, the coefficients and the shape that aligns them with x. Any runtime can inline its body.
 */
export const mixedActivation: OpDefinition<'MixedActivation'> = {
  does:
    'ReLU, x or c2 x^2 + c1 x + c0, chosen per element; recognised from sums and products with masks of 0 and ' +
    '1, and from squares; written as a model-local function of the domain reluctant',
  refuses: 'any function of that name with another body',
  inputs: ['value', ...masked.map(() => 'constant' as const), 'weight', 'weight', 'weight', 'constant'],
  parse(_attributes, inputs) {
    const [x, alignment] = [inputs[0], inputs[masked.length + 4]];
    const size = sizeOf(x?.shape ?? []);
    const aligned = alignmentOf(x?.shape ?? []);
    if (alignment?.constant?.dtype !== 'int64' || alignment.constant.data.join() !== aligned.join())
      refuse(`its coefficients are not aligned with [${aligned.join(', ')}]`);
    const kinds = new Uint8Array(size).fill(activationKinds.identity);
    masked.forEach(({ kind }, i) => {
      maskOf(inputs[i + 1], size).forEach((set, e) => {
        if (set === 0) return;
        if (kinds[e] !== activationKinds.identity) refuse('an element is of two kinds');
        kinds[e] = activationKinds[kind];
      });
    });
    return { kinds };
  },
  shape({ kinds }, [x = [], ...coefficients]) {
    if (kinds.length !== sizeOf(x)) refuse(`${kinds.length} kinds for ${sizeOf(x)} elements`);
    if (!areKinds(activationKinds, kinds)) refuse('a kind is unknown');
    for (const c of coefficients) {
      if (c.length !== 1 || c[0] !== x[0]) refuse(`coefficients [${c.join(', ')}] for ${x[0]} channels`);
    }
    return [x];
  },
  gradient: mixedActivationGradient,
  cost({ kinds }, { inputs: [x = []] }) {
    const counts = countByKind(activationKinds, kinds);
    const among = kindsAmong(activationKinds, kinds);
    return {
      macs: among.reduce((sum, kind) => sum + macs[kind] * counts[kind], 0),
      relus: among.reduce((sum, kind) => sum + (isReluKind[kind] ? counts[kind] : 0), 0),
      params: among.some((kind) => isPolynomial[kind]) ? 3 * (x[0] ?? 0) : 0,
    };
  },
  write(node, writing) {
    const [x, c2, c1, c0] = node.inputs as [string, string, string, string];
    const shape = writing.shapeOf(x);
    const aligned = alignmentOf(shape);
    const alignment = writing.constant(`${node.name}/alignment`, {
      dtype: 'int64',
      shape: [aligned.length],
      data: BigInt64Array.from(aligned, BigInt),
    });
    writing.useFunction(mixedFunction);
    const masks = masked.map(({ kind, mask }) =>
      writing.constant(`${node.name}/${mask}`, {
        dtype: 'bool',
        shape,
        data: node.attributes.kinds.map((code) => (code === activationKinds[kind] ? 1 : 0)),
      }),
    );
    const inputs = [x, ...masks, c2, c1, c0, alignment];
    return [{ op: 'MixedActivation', domain: mixedDomain, name: node.name, inputs, outputs: node.outputs }];
  },
};

/** Multiplications per element. */
const macs: ByActivationKind<number> = { identity: 0, relu: 0, poly: 2 };

/** y = is_relu ? relu(x) : is_poly ? (c2 x + c1) x + c0 : x. */
export const mixedFunction: RawFunction = {
  domain: mixedDomain,
  name: 'MixedActivation',
  inputs: ['x', ...masked.map(({ mask }) => mask), 'c2', 'c1', 'c0', 'alignment'],
  outputs: ['y'],
  nodes: [
    ...masked.toReversed().flatMap(({ nodes }) => nodes),
    ...masked
      .map(({ mask, value, otherwise }, i) => ({
        op: 'Where',
        inputs: [mask, value, otherwise],
        outputs: [masked[i - 1]?.otherwise ?? 'y'],
      }))
      .toReversed(),
  ],
};

/** The shape that aligns one coefficient per channel with x. */
function alignmentOf(shape: Shape): Shape {
  return shape.map((size, i) => (i === 0 ? size : 1));
}

function maskOf(input: ParsedInput | undefined, size: number): Uint8Array {
  const mask = input?.constant;
  if (mask?.dtype !== 'bool' || mask.data.length !== size) refuse(`its masks are not ${size} booleans`);
  return mask.data;
}
