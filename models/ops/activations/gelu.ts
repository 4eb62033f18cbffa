import { refuse } from '../../refusal.ts';
import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { sameShape } from '../plain.ts';

/**
 * y = x p with p = (1 + erf(x / sqrt(2))) / 2 (Hendrycks and Gimpel 2016); dy/dx = p + x exp(-x^2 / 2) /
 * sqrt(2 pi). Opset 17 has no such op: in files it is written in parts, which
 * models/passes/recognise-activations.ts joins.
 */
export const gelu: OpDefinition<'Gelu'> = {
  does: 'x (1 + erf(x / sqrt(2))) / 2; also recognised in parts',
  refuses: 'the approximation by tanh',
  inputs: ['value'],
  parse(attributes) {
    const approximate = attributes.string('approximate', 'none');
    if (approximate !== 'none') refuse(`its approximation ${approximate} is not supported, only none`);
    return {};
  },
  shape: sameShape,
  gradient: bySlope((graph, { x }) => {
    const inner = graph.op('Erf', [graph.op('Mul', [x, graph.scalar(Math.SQRT1_2)])]);
    const p = graph.op('Mul', [graph.op('Add', [inner, graph.scalar(1)]), graph.scalar(0.5)]);
    const halfSquare = graph.op('Mul', [graph.op('Mul', [x, x]), graph.scalar(-0.5)]);
    const bell = graph.op('Mul', [graph.op('Exp', [halfSquare]), graph.scalar(1 / Math.sqrt(2 * Math.PI))]);
    return graph.op('Add', [p, graph.op('Mul', [x, bell])]);
  }),
  cost: activationCost(2),
  write({ name, inputs: [x = ''], outputs }, writing) {
    const number = (part: string, value: number) =>
      writing.constant(`${name}/${part}`, { dtype: 'float32', shape: [], data: Float32Array.of(value) });
    const [scaled, inner, sum, product] = ['scaled', 'erf', 'sum', 'product'].map((part) =>
      writing.fresh(`${name}/${part}`),
    ) as [string, string, string, string];
    return [
      { op: 'Div', name: scaled, inputs: [x, number('root', Math.SQRT2)], outputs: [scaled] },
      { op: 'Erf', name: inner, inputs: [scaled], outputs: [inner] },
      { op: 'Add', name: sum, inputs: [inner, number('one', 1)], outputs: [sum] },
      { op: 'Mul', name: product, inputs: [x, sum], outputs: [product] },
      { op: 'Mul', name, inputs: [product, number('half', 0.5)], outputs },
    ];
  },
};
