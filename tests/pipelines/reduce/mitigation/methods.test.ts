import { expect, test } from 'vitest';
import { groupsOfLabels } from '../../../../models/fairness/groups.ts';
import { finetune } from '../../../../pipelines/reduce/finetune.ts';
import { methodNames, methods } from '../../../../pipelines/reduce/methods.ts';
import { mitigationSchemes } from '../../../../pipelines/reduce/mitigation/mitigation.ts';
import type { Mitigation } from '../../../../pipelines/reduce/mitigation/mitigation.ts';
import type { MultiplierEntry } from '../../../../pipelines/reduce/mitigation/primal-dual.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const train = tinyDataset(96, 'train');
const validation = tinyDataset(60, 'validation');
const shared = { train, validation, batch: 32, seed: 7, threads: 1, augment: false };
const groups = groupsOfLabels(Array.from(train.labels, (label) => (label === 0 ? 1 : 0)), ['others', 'a']); // prettier-ignore
const options = { ...shared, budget: 500, epochs: 2, searchEpochs: 1 };

test.each(methodNames)('%s: the last fine-tuning is mitigated, and its last epoch kept', async (name) => {
  const log: MultiplierEntry[] = [];
  const mitigation: Mitigation = {
    scheme: 'primal-dual',
    groups,
    settings: { every: 1, rate: 1 },
    onEpoch: (entry) => log.push(entry),
  };
  const found = await methods[name].reduce(tinyResnet(), { ...options, mitigation });
  const last = log.at(-1)!;
  expect(last).toMatchObject({ phase: 'fine-tuning', epoch: found.history.at(-1)!.epoch });
  expect(Math.max(...last.groups.map(({ multiplier }) => multiplier))).toBeGreaterThan(0);
  expect(found.validationAccuracy).toBe(found.history.at(-1)!.validationAccuracy);
});

test('each scheme makes another network than none', async () => {
  const of = async (mitigation?: Mitigation) => {
    const told = { ...options, epochs: 1, ...(mitigation && { mitigation }) };
    const { model } = await finetune(tinyResnet(), tinyResnet('teacher'), { phase: 'fine-tuning' }, told);
    return Buffer.from(writeModel(model)).toString('base64');
  };
  const made = [await of()];
  for (const scheme of mitigationSchemes)
    made.push(await of({ scheme, groups, settings: { every: 1, rate: 1 } }));
  expect(new Set(made).size).toBe(4);
});
