import { batchNormalizationGradient } from './batch-normalization-gradient.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { sizeOf } from '../tensor.ts';

/**
 * The inference form: y = scale (x - mean) / sqrt(variance + epsilon) + bias per channel. Inputs: x [C, H, W]
 * or [C], then scale, bias, mean and variance, each [C].
 */
export const batchNormalization: OpDefinition<'BatchNormalization'> = {
  does: 'Scale and shift a channel by running statistics',
  refuses: 'training_mode in a file',
  inputs: ['value', 'weight', 'weight', 'weight', 'weight'],
  statistics: [3, 4],
  parse(attributes, inputs) {
    const trainingMode = attributes.int('training_mode', 0);
    if (trainingMode !== 0) refuse('training_mode is set; export the model for inference');
    const epsilon = attributes.float('epsilon', Math.fround(1e-5));
    const momentum = attributes.float('momentum', Math.fround(0.9));
    const variance = inputs[4]?.constant;
    if (variance?.dtype === 'float32' && variance.data.some((v) => !(v + epsilon > 0)))
      refuse('a variance is negative, or zero without an epsilon');
    if (!Number.isFinite(epsilon) || !Number.isFinite(momentum)) refuse('epsilon or momentum is not finite');
    return { epsilon, momentum };
  },
  shape(_attributes, [x = [], ...parameters]) {
    for (const shape of parameters) {
      if (shape.length !== 1 || shape[0] !== x[0])
        refuse(`parameter [${shape.join(', ')}] does not fit ${x[0]} channels`);
    }
    return [x];
  },
  gradient: batchNormalizationGradient,
  // Scale and bias are trained; mean and variance are statistics, not parameters.
  cost: (_attributes, { inputs: [x = []], outputs: [y = []] }) => ({
    macs: sizeOf(y),
    relus: 0,
    params: 2 * (x[0] ?? 0),
  }),
  write(node) {
    const { epsilon, momentum } = node.attributes;
    const attributes = { epsilon: { float: epsilon }, momentum: { float: momentum } };
    return [
      { op: 'BatchNormalization', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes },
    ];
  },
};
