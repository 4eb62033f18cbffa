import { expect, test } from 'vitest';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { pixels, subset } from '../../../../models/data/dataset.ts';
import { sampleScores } from '../../../../models/fairness/metrics.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { mitigationControl } from '../../../../pipelines/reduce/mitigation-control.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const all = tinyDataset(360, 'train');
/** One image of class c for twelve of each other. */
const rare = subset(
  all,
  Array.from({ length: all.n }, (_, i) => i).filter((i) => i % 3 < 2 || i % 36 === 2),
);
const ofRare = subset(
  all,
  Array.from({ length: all.n }, (_, i) => i).filter((i) => i % 3 === 2 && i % 36 !== 2),
);
const options = { method: 'deepreduce', budget: 0.5, data: rare, epochs: 12, seed: 3, threads: 1 } as const;

test('the control keeps all ReLUs, and its training is the mitigated one: other schemes, other weights', async () => {
  const original = tinyResnet();
  const bytes = new Set([Buffer.from(writeModel(original)).toString('base64')]);
  for (const scheme of ['reweight', 'balanced', 'reweight'] as const) {
    const control = await mitigationControl(original, { ...options, epochs: 1, mitigate: { scheme } });
    expect(countRelus(control)).toBe(countRelus(original));
    bytes.add(Buffer.from(writeModel(control)).toString('base64'));
  }
  expect(bytes.size).toBe(3); // the original and two schemes; one of them twice gives one network
});

test('what mitigation does alone: it lowers the loss of a rare class, where groups that are alike change nothing', async () => {
  const lossOfRare = async (groups: string) => {
    const data = { ...rare, groups: { side: Array.from({ length: rare.n }, () => 'one') } };
    const mitigate = { scheme: 'reweight' } as const;
    const control = await mitigationControl(tinyResnet(), { ...options, data, groups, mitigate });
    const logits = await predict(control, pixels(ofRare), ofRare.n);
    const losses = sampleScores.crossEntropy({ logits, classes: 3, labels: ofRare.labels });
    return losses.reduce((sum, loss) => sum + loss, 0) / ofRare.n;
  };
  expect(await lossOfRare('label')).toBeLessThan(0.8 * (await lossOfRare('side')));
});
