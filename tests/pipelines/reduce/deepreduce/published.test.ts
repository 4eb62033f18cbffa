import { beforeAll, expect, test } from 'vitest';
import { deepReduceConfigurations } from '../../../../models/architectures/deepreduce.ts';
import type { DeepReduceConfiguration } from '../../../../models/architectures/deepreduce.ts';
import { resnet } from '../../../../models/architectures/resnet.ts';
import type { Model } from '../../../../models/graph.ts';
import { countRelus, stagesOf } from '../../../../models/analysis/inspect.ts';
import { dropRelus } from '../../../../models/passes/drop-relu.ts';
import { scaleChannels } from '../../../../models/passes/scale-channels.ts';
import { scaleMaps } from '../../../../models/passes/scale-maps.ts';
import { thinnedActivations } from '../../../../models/passes/thin-relus.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

let resnet18: Model;
beforeAll(() => {
  const options = { name: 'resnet18', inChannels: 3, size: 32, classes: 100, blocks: [2, 2, 2, 2] };
  resnet18 = resnet({ ...options, widths: [64, 128, 256, 512], stemRelu: false }, noRng);
});

const published = Object.entries<DeepReduceConfiguration>(deepReduceConfigurations).filter(
  ([name, { blocks }]) => name.startsWith('C100') && blocks.join() === '2,2,2,2',
);

test.each(published)('the moves on a whole ResNet18 give %s', (_, { culled, thinned, alpha, rho, relus }) => {
  const gone = stagesOf(resnet18).flatMap(({ name, nodes }) => (culled.includes(name) ? nodes : []));
  const second = thinned ? [...thinnedActivations(resnet18)] : [];
  const reduced = dropRelus(resnet18, [...new Set([...gone, ...second])]);
  expect(countRelus(scaleMaps(scaleChannels(reduced, alpha), rho))).toBe(relus);
});

test('all of the seven', () => expect(published.length).toBe(7));
