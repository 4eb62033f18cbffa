import { activationCost } from './activation.ts';
import { broadcast } from '../broadcast.ts';
import { refuse } from '../../refusal.ts';
import type { OpDefinition } from '../definition.ts';
import { reduceTo } from '../gradient.ts';
import { mask } from './mask.ts';
import { writePlain } from '../plain.ts';

/**
 * y = x if x > 0, else slope x, elementwise. Inputs: x, and the slope, a weight that broadcasts to x ([C, 1,
 * 1] for one slope per channel).
 */
export const pRelu: OpDefinition<'PRelu'> = {
  does: 'x if x > 0, else slope x; the slope is a trained weight',
  refuses: 'computed slopes',
  inputs: ['value', 'weight'],
  parse: () => ({}),
  shape(_attributes, [x = [], slope = []]) {
    if (broadcast(x, slope).join() !== x.join())
      refuse(`slope [${slope.join(', ')}] does not broadcast to [${x.join(', ')}]`);
    return [x];
  },
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const [x, slope] = node.inputs as [string, string];
    return (dy, wanted) => {
      const isPositive = mask(graph, 'Greater', x, 0);
      const isRest = graph.op('Sub', [graph.scalar(1), isPositive]);
      const rest = graph.op('Mul', [dy, isRest]);
      const ofInput = () =>
        graph.op('Add', [graph.op('Mul', [dy, isPositive]), graph.op('Mul', [rest, slope])]);
      const ofSlope = () => reduceTo(graph, graph.op('Mul', [rest, x]), shapeOf(x), shapeOf(slope));
      return [wanted[0] ? ofInput() : undefined, wanted[1] ? ofSlope() : undefined];
    };
  },
  cost: activationCost(1),
  write: writePlain,
};
