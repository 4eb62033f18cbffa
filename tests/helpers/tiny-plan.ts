import { stepKinds } from '../../crypto/spec.ts';
import type { ActivationSpec, LinearSpec } from '../../crypto/spec.ts';
import { planVersion } from '../../pipelines/plan/plan.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import type { ServerWeights } from '../../pipelines/compile/quantise.ts';
import { randomWords } from '../../src/shared/random.ts';
import { convolution, randomWeights } from './convolution.ts';
import { seededRng } from './rng.ts';

/**
 * A plan written by hand, in integers, with every kind of step and of activation: what the compiler does moves no byte of it.
 * Input [2, 4, 4] at scale 64 and |x| < 4, so before the activation |x| < 2^8 * 7 * 18 < 2^15; three logits.
 */
const conv: LinearSpec = { ...convolution(2, 2, 4, 3), weightBits: 3 };
const fullyConnected: LinearSpec = { ...convolution(16, 3, 1, 1), weightBits: 5 };

const activation: ActivationSpec = {
  channels: 2,
  channelSize: 16,
  kinds: Uint8Array.from(
    { length: 32 },
    (_, i) => [stepKinds.relu, stepKinds.affine, stepKinds.relu, stepKinds.square][i % 4]!,
  ),
  relu: { truncate: 4, k: 3, bits: 20, mode: 'posZero' },
  affine: { truncate: 6, multiplier: Int32Array.of(3, -5), offset: Int32Array.of(0, 9) },
  square: {
    truncate: 9,
    multiplier: Int32Array.of(1, 2),
    offset: Int32Array.of(-3, 4),
    sign: Int8Array.of(1, -1),
    constant: Int32Array.of(100, -200),
  },
};

export const tinyPlan: Plan = {
  version: planVersion,
  name: 'tiny',
  input: { wire: 0 },
  output: { wire: 11 },
  wires: [
    { shape: [2, 4, 4], scale: 64, bits: 8 },
    { shape: [2, 4, 4], scale: 256, bits: 15 },
    { shape: [2, 4, 4], scale: 16, bits: 12 },
    { shape: [2, 4, 4], scale: 16, bits: 12 },
    { shape: [2, 4, 4], scale: 16, bits: 14 },
    { shape: [4, 4, 4], scale: 16, bits: 14 },
    { shape: [4, 2, 2], scale: 64, bits: 16 },
    { shape: [16], scale: 64, bits: 16 },
    { shape: [3], scale: 512, bits: 24 },
    { shape: [2], scale: 512, bits: 24 },
    { shape: [3], scale: 512, bits: 25 },
    { shape: [3], scale: 512, bits: 25 },
  ],
  steps: [
    { kind: 'linear', id: 1, node: 'conv', inputs: [0], output: 1, spec: conv },
    { kind: 'activation', id: 2, node: 'mixed', inputs: [1], output: 2, spec: activation },
    { kind: 'bias', id: 3, node: 'bias', inputs: [2], output: 3 },
    { kind: 'add', id: 4, node: 'add', inputs: [2, 3], output: 4, shifts: [0, 1] },
    { kind: 'concat', id: 5, node: 'concat', inputs: [4, 2], output: 5, shifts: [0, 1], blocks: 1 },
    {
      kind: 'sumPool',
      id: 6,
      node: 'pool',
      inputs: [5],
      output: 6,
      spec: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
    },
    { kind: 'reshape', id: 7, node: 'flatten', inputs: [6], output: 7 },
    { kind: 'linear', id: 8, node: 'fc', inputs: [7], output: 8, spec: fullyConnected },
    { kind: 'pick', id: 9, node: 'pick', inputs: [8], output: 9, axis: 0, indices: [2, 0] },
    {
      kind: 'combine',
      id: 10,
      node: 'combine',
      inputs: [8, 9],
      output: 10,
      axis: 0,
      first: [0, 1, 2],
      second: [0, 1, 0],
      sign: -1,
    },
    { kind: 'offset', id: 11, node: 'offset', inputs: [10], output: 11, value: -100 },
  ],
};

/** Random weights of the tiny plan; another seed is another model under the same public plan. */
export function tinyWeights(seed = 'tiny weights'): ServerWeights {
  const rng = seededRng(seed);
  const bias = (n: number) => new Int32Array(randomWords(rng, n).buffer).map((word) => word >> 24);
  return new Map([
    [1, { weights: randomWeights(rng, conv), bias: bias(2) }],
    [3, { weights: new Int32Array(), bias: bias(32) }],
    [8, { weights: randomWeights(rng, fullyConnected), bias: bias(3) }],
  ]);
}

/** An image in [-4, 4). */
export function tinyImage(seed = 'tiny image'): Float32Array {
  return Float32Array.from(randomWords(seededRng(seed), 32), (word) => word / 2 ** 29 - 4);
}
