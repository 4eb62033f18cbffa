import * as format from '../../shared/format.ts';
import type { Phase, ProgressEvent, Work } from '../../shared/progress.ts';
import { forTerminal } from './for-terminal.ts';

const words: { readonly [P in Phase]: (work: Work) => string } = {
  download: ({ of }) => `downloading ${of}`,
  'decode-images': () => 'decoding images',
  evaluation: () => 'evaluating',
  'confidence-intervals': () => 'computing confidence intervals',
  'significance-tests': () => 'testing significance',
  training: () => 'training',
  'base-training': ({ of }) => `training ${of}`,
  'fine-tuning': () => 'fine-tuning',
  'fine-tuning-after': ({ of }) => `fine-tuning after ${of}`,
  'fine-tuning-for-budget': ({ number }) => `fine-tuning ${number} to meet the budget`,
  'activation-training': () => 'fine-tuning with replaced activations',
  'reuse-training': () => 'fine-tuning with reused ReLUs',
  'criticality-training': ({ of }) => `measuring the criticality of ${of}`,
  'gate-search': () => 'learning which ReLUs to keep',
  criticality: () => 'measuring the criticality of the stages',
  'layer-prices': () => 'pricing each layer',
  'element-losses': () => 'measuring the value of each ReLU',
  'layer-losses': () => 'measuring the value of each layer',
  'budget-search': () => 'searching for a network that meets the budget',
  'count-search': () => 'searching for the number of ReLUs that meets the budget',
  swaps: () => 'swapping ReLUs',
  'wait-for-base': () => 'waiting for another job that trains the same network',
  'family-member': ({ of, number, count }) => `network ${number} of ${count}, ${of}`,
  'without-mitigation': () => 'without mitigation',
  'mitigation-control': () => 'with all ReLUs, mitigated',
  calibration: () => 'calibrating',
  simulation: ({ of }) => (of === undefined ? 'simulating' : `simulating ${of}`),
  arithmetic: ({ of }) => `${of}`,
  'sign-test-windows': ({ of }) => `choosing the bits of sign tests, ${of}`,
  curvature: ({ of }) => `measuring the curvature of ${of}`,
  'machine-costs': () => 'measuring this machine',
  'private-answers': ({ of }) => `private answers, ${of}`,
  sweep: () => 'sweep',
  'sweep-job': ({ of }) => `${of}`,
  'front-measurement': () => 'timing private inferences of the front',
};

/** The work in words: 'snl 0.25 seed 1, learning which ReLUs to keep, epoch 2 of 5'. */
export function workText({ within = [], training, ...work }: ProgressEvent): string {
  const epoch = training === undefined ? [] : [`epoch ${training.epoch} of ${training.epochs}`];
  return forTerminal([...[...within, work].map((one) => words[one.phase](one)), ...epoch].join(', '));
}

/** The current figures: 'loss 0.312, 412 images/s'; '' if there are none. */
export function figuresText({ phase, done, now, training, parts }: ProgressEvent): string {
  const figures = [
    ...(phase === 'download' ? [format.bytes(done)] : []),
    ...(now === undefined ? [] : [now]),
    ...(training === undefined
      ? []
      : [`loss ${training.loss.toFixed(3)}`, `${training.imagesPerSecond.toFixed(0)} images/s`]),
    ...(parts === undefined ? [] : [`${parts.over} of ${parts.count} jobs done`, partText(parts.latest)]),
  ];
  return figures.filter((figure) => figure !== '').join(', ');
}

function partText(part: ProgressEvent | undefined): string {
  if (part === undefined) return '';
  return [workText(part), figuresText(part)].filter((text) => text !== '').join(', ');
}
