import type { TrainingContext } from '../gradient.ts';
import { foldAttributes, unfold } from './unfold.ts';
import { sizeOf } from '../../tensor.ts';
import { refuse } from '../../refusal.ts';
import type { NodeOf } from '../../graph.ts';
import type { OpDefinition } from '../definition.ts';
import { parsePool, poolShape, writeWindow } from './window.ts';

export const maxPool: OpDefinition<'MaxPool'> = {
  does: 'Maximum over a window',
  refuses: "storage_order, the indices output, pads of the kernel's size",
  inputs: ['value'],
  parse(attributes, [x]) {
    if (attributes.int('storage_order', 0) !== 0) refuse('storage_order 1 is not supported');
    return parsePool(attributes, x?.shape);
  },
  shape: (attributes, [x = []]) => [poolShape(attributes, x)],
  gradient(node, context) {
    context.forward(node);
    return (dy) => [spread(node, context, dy)];
  },
  // max(a, b) = a + ReLU(b - a), so a private maximum of k values is a tree of k - 1 ReLUs.
  cost: ({ kernel }, { outputs: [y = []] }) => ({
    macs: 0,
    relus: sizeOf(y) * (kernel[0] * kernel[1] - 1),
    params: 0,
  }),
  write(node) {
    const attributes = {
      ...writeWindow(node.attributes),
      ceil_mode: { int: node.attributes.ceilMode ? 1 : 0 },
    };
    return [{ op: 'MaxPool', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};

/**
 * Gives dy to the inputs that are the maximum of their window; several equal maxima share it in equal parts.
 */
function spread(node: NodeOf<'MaxPool'>, { graph, batch, shapeOf }: TrainingContext, dy: string): string {
  const [channels, ...input] = shapeOf(node.inputs[0]!).slice(1) as [number, number, number];
  const output = shapeOf(node.outputs[0]!).slice(2) as [number, number];
  const { kernel } = node.attributes;
  const taps = unfold(graph, node.inputs[0]!, node.attributes, input, output, -Infinity);
  const asOne = (value: string) => graph.reshape(value, [batch, channels, 1, ...output]);
  const stacked = graph.op('Concat', taps.map(asOne), { axis: { int: 2 } });
  const isMaximum = graph.op('Cast', [graph.op('Equal', [stacked, asOne(node.outputs[0]!)])], {
    to: { int: 1 },
  });
  const share = graph.op('Div', [asOne(dy), graph.sum(isMaximum, [2], true)]);
  const parts = graph.reshape(graph.op('Mul', [isMaximum, share]), [
    batch,
    channels * taps.length,
    ...output,
  ]);
  return graph.op(
    'ConvTranspose',
    [parts, graph.floats(oneTapEach(channels, kernel), [channels * taps.length, 1, ...kernel])],
    {
      ...foldAttributes(node.attributes, input, output),
      group: { int: channels },
    },
  );
}

/**
 * The transposed convolution's kernel that puts the k-th of a channel's kh * kw maps at the k-th place of the
 * window.
 */
function oneTapEach(channels: number, [height, width]: readonly [number, number]): Float32Array {
  const taps = height * width;
  const kernel = new Float32Array(channels * taps * taps);
  for (let i = 0; i < channels * taps; i++) kernel[i * taps + (i % taps)] = 1;
  return kernel;
}
