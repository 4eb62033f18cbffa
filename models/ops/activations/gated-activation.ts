import type { NodeOf, PolynomialForm } from '../../graph.ts';
import type { RawNode } from '../../onnx/raw.ts';
import { sizeOf } from '../../tensor.ts';
import type { Shape } from '../../tensor.ts';
import { refuse } from '../../refusal.ts';
import type { NodeWriting, OpDefinition } from '../definition.ts';
import { gatedActivationGradient } from './gated-activation-gradient.ts';

/** The rows of the moments: means of x, x^2, x^3, x^4 and, with r = relu(x), of r, r^2, r^3. */
export const momentRows = 7;

/**
 * y = g relu(x) + (1 - g) p(x). Without a threshold, g is the second input itself (SNL's alpha). With one, g
 * is the sixth input, the state, which training sets from the second by a hysteresis (AutoReP's indicator). A
 * file has it as standard ops.
 */
export const gatedActivation: OpDefinition<'GatedActivation'> = {
  does: 'g relu(x) + (1 - g) p(x) with trained gates g, while a reduction learns which ReLUs to keep',
  refuses: 'files: it is written as standard ops',
  inputs: ['value', 'weight', 'weight', 'weight', 'weight', 'optional-weight', 'optional-weight'],
  statistics: [5, 6],
  parse: () => refuse('it is for training only; files have it as standard ops'),
  shape({ threshold }, [x = [], gate = [], ...rest]) {
    const [c2, c1, c0, state = [], moments = []] = rest;
    const [channels = 0] = x;
    checkGate(gate, x);
    for (const c of [c2, c1, c0]) {
      if (c?.join() !== `${channels}`)
        refuse(`coefficients [${c?.join(', ') ?? ''}] for ${channels} channels`);
    }
    const statistics = [state, moments].map((shape) => shape.join());
    const wanted = threshold === undefined ? ['', ''] : [gate.join(), `${momentRows},${channels}`];
    if (statistics.join('; ') !== wanted.join('; '))
      refuse(`expected statistics [${wanted.join('], [')}], got [${statistics.join('], [')}]`);
    return [x];
  },
  gradient: gatedActivationGradient,
  cost: (_attributes, { outputs: [y = []] }) => ({ macs: 0, relus: sizeOf(y), params: 0 }),
  write(node, writing) {
    const gate = node.attributes.threshold === undefined ? node.inputs[1]! : node.inputs[5]!;
    const { nodes, value } = replacementOf(node, writing);
    const relu = writing.fresh(`${node.name}/relu`);
    const nonlinear = { op: 'Relu', inputs: [node.inputs[0]!], outputs: [relu] };
    if (value === undefined) return [nonlinear, { op: 'Mul', inputs: [relu, gate], outputs: node.outputs }];
    const [difference, part] = [writing.fresh(`${node.name}/difference`), writing.fresh(`${node.name}/part`)];
    return [
      ...nodes,
      nonlinear,
      { op: 'Sub', inputs: [relu, value], outputs: [difference] },
      { op: 'Mul', inputs: [difference, gate], outputs: [part] },
      { op: 'Add', inputs: [value, part], outputs: node.outputs },
    ];
  },
};

/** p(x), and the nodes that compute it; undefined if p(x) is 0. */
function replacementOf(node: NodeOf<'GatedActivation'>, writing: NodeWriting) {
  const [x, , c2, c1, c0] = node.inputs as [string, string, string, string, string];
  const nodes: RawNode[] = [];
  const aligned = writing.shapeOf(x).map((size, i) => (i === 0 ? size : 1));
  let alignment: string | undefined;
  const append = (op: string, ...inputs: string[]): string => {
    const output = writing.fresh(`${node.name}/${op}`);
    nodes.push({ op, inputs, outputs: [output] });
    return output;
  };
  const coefficient = (name: string): string => {
    alignment ??= writing.constant(`${node.name}/alignment`, {
      dtype: 'int64',
      shape: [aligned.length],
      data: BigInt64Array.from(aligned, BigInt),
    });
    return append('Reshape', name, alignment);
  };
  const part = { x, c2: () => coefficient(c2), c1: () => coefficient(c1), c0: () => coefficient(c0) };
  return { nodes, value: parts[node.attributes.replacement](part, append) };
}

/** The parts of p(x); the nodes of a coefficient are added when it is asked for. */
type Part = { readonly x: string } & { readonly [c in 'c2' | 'c1' | 'c0']: () => string };

const parts: {
  readonly [K in PolynomialForm]: (
    part: Part,
    append: (op: string, ...inputs: string[]) => string,
  ) => string | undefined;
} = {
  none: () => undefined,
  identity: ({ x }) => x,
  affine: ({ x, c1, c0 }, append) => append('Add', append('Mul', c1(), x), c0()),
  quadratic({ x, c2, c1, c0 }, append) {
    const slope = append('Add', append('Mul', x, c2()), c1());
    return append('Add', append('Mul', slope, x), c0());
  },
};

function checkGate(gate: Shape, x: Shape): void {
  const perChannel = x.map((size, i) => (i === 0 ? size : 1));
  if (gate.join() !== x.join() && gate.join() !== perChannel.join())
    refuse(
      `gates [${gate.join(', ')}]: expected one per element or channel, ` +
        `[${x.join(', ')}] or [${perChannel.join(', ')}]`,
    );
}
