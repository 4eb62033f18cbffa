import { fashionClasses } from '../../../../models/data/dataset.ts';
import { groupsOfLabels } from '../../../../models/fairness/groups.ts';
import { fairnessReport } from '../../../../models/fairness/report.ts';
import type { FairnessPageData } from '../../../../src/web/fairness/data.ts';

const n = 1500;
const labels = Array.from({ length: n }, (_, i) => (i * 7) % 10);

/**
 * Answers of an invented network: the rarer half of the classes err more, the more the fewer ReLUs; `few`
 * members of the last class.
 */
function outcomes(harm: number, seed: number) {
  const logits = new Float32Array(10 * n);
  labels.forEach((label, i) => {
    const rate = 0.05 + 0.01 * label + harm * (label > 4 ? 0.03 * (label - 3) : 0.02);
    const wrong = ((i * 7919 + seed * 104729) % 9973) / 9973 < rate;
    logits[10 * i + (wrong ? (label + 1) % 10 : label)] = 4;
  });
  return { logits, classes: 10, labels };
}

/**
 * Invented figures, for looking at the page and testing that it shows them: two methods, three budgets, three
 * seeds.
 */
export function sampleFairness(): FairnessPageData {
  const budgets = [0.25, 0.125, 0.06];
  const lines = ['deepreduce', 'snl & co'].flatMap((method, k) =>
    budgets.map((budget, b) => ({
      model: `${method}@${100 * budget} %`,
      relus: Math.floor(56_448 * budget),
      files: [1, 2, 3].map((seed) => `runs/${method}-${budget}-${seed}.onnx`),
      outcomes: outcomes((b + 1) / (1 + k), 1 + 10 * k),
      repeats: [2, 3].map((seed) => outcomes((b + 1) / (1 + k), seed + 10 * k)),
    })),
  );
  const report = fairnessReport(
    { model: 'original', outcomes: outcomes(0, 1) },
    lines,
    groupsOfLabels(labels, fashionClasses),
    { resamples: 200 },
  );
  return {
    version: '0.0.0',
    date: '2000-01-02T03:04:05.000Z',
    data: 'invented <data>',
    split: 'test',
    groupedBy: 'label',
    models: [{ model: 'original', relus: 56_448, files: ['original.onnx'] }, ...lines],
    report,
    trainSizes: fashionClasses.map((_, c) => (c > 4 ? 600 : 5400)),
  };
}
