import { foldAttributes } from './unfold.ts';
import { sizeOf } from '../../tensor.ts';
import { refuse } from '../../refusal.ts';
import type { OpAttributes, Pair } from '../../graph.ts';
import type { OpDefinition } from '../definition.ts';
import { parsePool, poolShape, writeWindow } from './window.ts';

export const averagePool: OpDefinition<'AveragePool'> = {
  does: 'Mean over a window, with or without the padding',
  refuses: "dilations (opset 19), pads of the kernel's size",
  inputs: ['value'],
  parse(attributes, [x]) {
    const pool = parsePool(attributes, x?.shape);
    if (pool.dilations.some((d) => d !== 1)) refuse('dilations are not supported'); // opset 17 has none
    return { ...pool, countIncludePad: attributes.int('count_include_pad', 0) !== 0 };
  },
  shape: (attributes, [x = []]) => [poolShape(attributes, x)],
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const [channels, ...input] = shapeOf(node.inputs[0]!).slice(1) as [number, number, number];
    const output = shapeOf(node.outputs[0]!).slice(2) as [number, number];
    const { kernel } = node.attributes;
    const ones = new Float32Array(channels * kernel[0] * kernel[1]).fill(1);
    const attributes = { ...foldAttributes(node.attributes, input, output), group: { int: channels } };
    return (dy) => {
      const share = graph.op('Mul', [
        dy,
        graph.floats(reciprocalCounts(node.attributes, input, output), output),
      ]);
      return [graph.op('ConvTranspose', [share, graph.floats(ones, [channels, 1, ...kernel])], attributes)];
    };
  },
  cost: ({ kernel }, { outputs: [y = []] }) => ({
    macs: sizeOf(y) * kernel[0] * kernel[1],
    relus: 0,
    params: 0,
  }),
  write(node) {
    const { ceilMode, countIncludePad } = node.attributes;
    const attributes = {
      ...writeWindow(node.attributes),
      ceil_mode: { int: ceilMode ? 1 : 0 },
      count_include_pad: { int: countIncludePad ? 1 : 0 },
    };
    return [{ op: 'AveragePool', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};

/**
 * 1 / (the number of values that each window averages), as a list of H' * W'. With countIncludePad the
 * padding is counted; the rows and columns that ceilMode adds are never counted.
 */
function reciprocalCounts(attributes: OpAttributes['AveragePool'], input: Pair, output: Pair): Float32Array {
  const { kernel, strides, pads, countIncludePad } = attributes;
  const along = (axis: 0 | 1): number[] => {
    const low = countIncludePad ? -pads[axis] : 0;
    const high = input[axis] + (countIncludePad ? pads[axis + 2]! : 0);
    return Array.from({ length: output[axis] }, (_, i) => {
      const start = i * strides[axis] - pads[axis];
      return Math.min(start + kernel[axis], high) - Math.max(start, low);
    });
  };
  const columns = along(1);
  return Float32Array.from(along(0).flatMap((rows) => columns.map((count) => 1 / (rows * count))));
}
