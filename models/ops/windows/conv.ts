import { convGradient } from './conv-gradient.ts';
import { sizeOf } from '../../tensor.ts';
import { refuse } from '../../refusal.ts';
import type { OpDefinition } from '../definition.ts';
import { parseWindow, slide, spatial, writeWindow } from './window.ts';

/** Inputs: x [C, H, W], weight [M, C / group, kh, kw], bias [M] or absent. Output: [M, H', W']. */
export const conv: OpDefinition<'Conv'> = {
  does: 'Convolution over height and width; groups, depthwise, strides, dilations, any pads, auto_pad',
  refuses: 'one or three spatial dimensions, computed weights',
  inputs: ['value', 'weight', 'optional-weight'],
  parse(attributes, [x, weight]) {
    const window = parseWindow(attributes, x?.shape, weight?.shape?.slice(2));
    const group = attributes.int('group', 1);
    if (!Number.isSafeInteger(group) || group < 1) refuse(`group is ${group}; expected a positive integer`);
    return { ...window, group };
  },
  shape(attributes, [x = [], weight = [], bias = []]) {
    const [channels = 0] = x;
    const [maps = 0, perGroup = 0, ...kernel] = weight;
    if (kernel[0] !== attributes.kernel[0] || kernel[1] !== attributes.kernel[1] || kernel.length !== 2)
      refuse(`weight [${weight.join(', ')}] does not fit the kernel ${attributes.kernel.join('x')}`);
    if (perGroup * attributes.group !== channels || maps % attributes.group !== 0)
      refuse(
        `weight [${weight.join(', ')}] does not fit ${channels} input channels in ${attributes.group} groups`,
      );
    if (bias.length > 0 && (bias.length !== 1 || bias[0] !== maps))
      refuse(`bias [${bias.join(', ')}] does not fit ${maps} output channels`);
    return [[maps, ...slide(attributes, spatial(x))]];
  },
  gradient: convGradient,
  cost(_attributes, { inputs: [, weight = [], bias = []], outputs: [y = []] }) {
    const perOutput = sizeOf(weight.slice(1));
    return {
      macs: sizeOf(y) * perOutput,
      relus: 0,
      params: sizeOf(weight) + (bias.length > 0 ? sizeOf(bias) : 0),
    };
  },
  write(node) {
    const attributes = { ...writeWindow(node.attributes), group: { int: node.attributes.group } };
    return [{ op: 'Conv', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};
