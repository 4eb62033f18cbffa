import * as format from '../../shared/format.ts';
import type { Phase, ProgressEvent, Work } from '../../shared/progress.ts';

const words: { readonly [P in Phase]: (work: Work) => string } = {
  download: ({ of }) => `downloading ${of}`,
  'decode-images': () => 'decoding images',
  evaluation: () => 'evaluating',
  'confidence-intervals': () => 'confidence intervals',
  'significance-tests': () => 'tests of significance',
  training: () => 'training',
  'base-training': ({ of }) => `training ${of}`,
  'fine-tuning': () => 'fine-tuning',
  'fine-tuning-after': ({ of }) => `fine-tuning after ${of}`,
  'fine-tuning-for-budget': ({ number }) => `fine-tuning ${number}, to meet the budget`,
  'reuse-training': () => 'fine-tuning with reused ReLUs',
  'criticality-training': ({ of }) => `criticality of ${of}`,
  'gate-search': () => 'learning which ReLUs to keep',
  criticality: () => 'criticality of the stages',
  'element-losses': () => 'what each ReLU is worth',
  'layer-losses': () => 'networks without a layer',
  'budget-search': () => 'looking for a network that meets the budget',
  'count-search': () => 'how many ReLUs the budget affords',
  'wait-for-base': () => 'waiting for another job that trains the same network',
  'family-member': ({ of, number, count }) => `network ${number} of ${count}, ${of}`,
  'without-mitigation': () => 'without mitigation',
  calibration: () => 'calibrating',
  simulation: () => 'simulating',
  arithmetic: ({ of }) => `${of}`,
  'sign-test-windows': ({ of }) => `windows of sign tests, ${of}`,
  curvature: ({ of }) => `curvature of ${of}`,
  'machine-costs': () => 'measuring this machine',
  'private-answers': ({ of }) => `private answers, ${of}`,
  sweep: () => 'sweep',
  'sweep-job': ({ of }) => `${of}`,
  'front-measurement': () => 'measuring the front',
};

/** 'snl 0.25 seed 1, learning which ReLUs to keep, epoch 2 of 5' */
export function workText({ within = [], training, ...work }: ProgressEvent): string {
  const epoch = training === undefined ? [] : [`epoch ${training.epoch} of ${training.epochs}`];
  return [...[...within, work].map((one) => words[one.phase](one)), ...epoch].join(', ');
}

/** The live figures: 'loss 0.312, 412 images/s'; '' where there are none. */
export function figuresText({ phase, done, now, training, parts }: ProgressEvent): string {
  const figures = [
    ...(phase === 'download' ? [format.bytes(done)] : []),
    ...(now === undefined ? [] : [now]),
    ...(training === undefined
      ? []
      : [`loss ${training.loss.toFixed(3)}`, `${training.imagesPerSecond.toFixed(0)} images/s`]),
    ...(parts === undefined ? [] : [`${parts.over} of ${parts.count} jobs`, partText(parts.latest)]),
  ];
  return figures.filter((figure) => figure !== '').join(', ');
}

function partText(part: ProgressEvent | undefined): string {
  if (part === undefined) return '';
  return [workText(part), figuresText(part)].filter((text) => text !== '').join(', ');
}
