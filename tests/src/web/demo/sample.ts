import { fairnessReport } from '../../../../models/fairness/report.ts';
import { groupsOfLabels } from '../../../../models/fairness/groups.ts';
import type { DemoModel, DemoReport } from '../../../../src/web/demo/report.ts';
import { fashionClasses } from '../../../../models/data/dataset.ts';

/** 400 samples of ten classes; model m errs on some of class c the more, the larger m and c are. */
function outcomes(m: number) {
  const labels = Array.from({ length: 400 }, (_, i) => i % 10);
  const logits = new Float32Array(4000);
  labels.forEach((label, i) => {
    const wrong = (i * 7919) % 97 < 3 + 2 * label * (1 + m);
    logits[10 * i + (wrong ? (label + 1) % 10 : label)] = 4;
  });
  return { logits, classes: 10, labels };
}

function model(name: string, relus: number, accuracy: number, factor: number): DemoModel {
  const images = [3, 17, 42, 99].map((index, i) => ({
    index,
    label: fashionClasses[i]!,
    private: i === 2 ? 'Coat' : fashionClasses[i]!,
    plaintext: i === 2 ? 'Coat' : fashionClasses[i]!,
    maxDifference: 0.0123 * factor,
    offline: {
      seconds: (i === 0 ? 13.2 : 3.2) * factor,
      bytes_up: 1_200_000,
      bytes_down: 14_000_000 * factor,
    },
    online: { seconds: 0.31 * factor, bytes_up: 400_000, bytes_down: 2_000_000 * factor, rounds: 9 },
  }));
  return {
    name,
    file: `${name}.onnx`,
    relus,
    macs: 12e6,
    params: 78_000,
    accuracy,
    logitSpread: 14.2,
    answerBits: 160,
    images,
  };
}

/** The same answers without logits, with two round trips more. */
function labelsOf({ images }: DemoModel): DemoReport['labelsAlone']['images'] {
  return images.map((image) => ({
    ...image,
    maxDifference: null,
    online: { ...image.online, rounds: image.online.rounds + 2 },
  }));
}

/** Invented figures, for looking at the page and testing that it shows them. */
export function sampleReport(): DemoReport {
  const groups = groupsOfLabels(outcomes(0).labels, fashionClasses);
  const fairness = fairnessReport(
    { model: 'original', outcomes: outcomes(0) },
    [{ model: 'reduced', outcomes: outcomes(1) }],
    groups,
    { resamples: 200 },
  );
  const head = { stage: 'S1', identity: 0, poly: 0 };
  const log = [
    { ...head, layer: 'stem.relu', relus_before: 12_544, relus_after: 0, reason: 'stage S1 is culled' },
    { ...head, layer: 'block.relu', relus_before: 12_000, relus_after: 6_000, reason: 'half of it is kept' },
  ];
  return {
    version: '0.0.0',
    date: '2000-01-02T03:04:05.000Z',
    seconds: 187,
    machine: { cpu: 'Test <CPU> & co', cores: 2, node: '24.0.0', platform: 'linux x64' },
    data: { name: 'fashion-mnist-part', trainImages: 7000, testImages: 400 },
    reduction: { method: 'deepreduce', budget: 6272, seconds: 74, log },
    original: model('original', 25_088, fairness.overall[0]!.accuracy, 1),
    reduced: model('reduced', 6_272, fairness.overall[1]!.accuracy, 0.4),
    labelsAlone: { answerBits: 4, images: labelsOf(model('reduced', 6_272, 0, 0.45)) },
    fairness,
  };
}
