import { activationCost } from './activation.ts';
import { bySlope, plainActivation } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';

/**
 * y = x h(x), h(x) = max(0, min(1, x / 6 + 1 / 2)) (MobileNetV3, Howard et al. 2019, section 5.2);
 * dy/dx = h(x) + x h'(x), and h' is 1 / 6 for -3 < x < 3, else 0.
 */
export const hardSwish: OpDefinition<'HardSwish'> = {
  ...plainActivation,
  does: 'x max(0, min(1, x / 6 + 1 / 2)); also recognised in parts',
  gradient: bySlope((graph, { x }) => {
    const h = graph.op('HardSigmoid', [x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } });
    const inside = graph.op('Mul', [mask(graph, 'Greater', x, -3), mask(graph, 'Less', x, 3)]);
    const rise = graph.op('Mul', [graph.op('Mul', [inside, graph.scalar(1 / 6)]), x]);
    return graph.op('Add', [h, rise]);
  }),
  cost: activationCost(2),
};
