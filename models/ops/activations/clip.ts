import { activationCost } from './activation.ts';
import { refuse } from '../../refusal.ts';
import type { NodeWriting, OpDefinition, ParsedInput } from '../definition.ts';
import { sameShape } from '../plain.ts';
import { mask } from './mask.ts';

/** y = min(max(x, min), max), elementwise. The gradient is 0 at the bounds themselves, as ReLU's is at 0. */
export const clip: OpDefinition<'Clip'> = {
  does: 'min(max(x, min), max); ReLU6 is min 0, max 6',
  refuses: 'computed bounds',
  inputs: ['value', 'optional-constant', 'optional-constant'],
  parse(_attributes, [, low, high]) {
    const [min, max] = [bound(low, -Infinity), bound(high, Infinity)];
    if (!(min < max)) refuse(`its lower bound ${min} is not below its upper bound ${max}`);
    return { min, max };
  },
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    const { min, max } = node.attributes;
    const x = node.inputs[0]!;
    return (dy) => {
      const above = min === -Infinity ? dy : graph.op('Mul', [dy, mask(graph, 'Greater', x, min)]);
      return [max === Infinity ? above : graph.op('Mul', [above, mask(graph, 'Less', x, max)])];
    };
  },
  cost: activationCost(0),
  write(node, writing) {
    const { min, max } = node.attributes;
    const inputs = [
      node.inputs[0]!,
      boundName(`${node.name}/min`, min, writing),
      boundName(`${node.name}/max`, max, writing),
    ];
    return [{ op: 'Clip', name: node.name, inputs, outputs: node.outputs }];
  },
};

function bound(input: ParsedInput | undefined, absent: number): number {
  if (input === undefined || input.name === '') return absent;
  const { dtype, data } =
    input.constant ?? refuse(`its bound ${input.name} is computed; only constants are supported`);
  const value = Number(data[0]);
  if (dtype !== 'float32' || data.length !== 1 || Number.isNaN(value))
    refuse(`its bound ${input.name} is not a single float number`);
  return value;
}

/** The name of a bound's constant; an infinite bound is an absent input in ONNX, written ''. */
function boundName(name: string, value: number, writing: NodeWriting): string {
  if (!Number.isFinite(value)) return '';
  return writing.constant(name, { dtype: 'float32', shape: [], data: Float32Array.of(value) });
}
